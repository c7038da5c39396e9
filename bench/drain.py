"""How fast the engine works off the inbox: repeats, a storm that is one incident, and incidents of their own.

    python -m bench.drain [--rows 5000]

An embedded PostgreSQL with durability on; the rows are put into the inbox as the gateway would have, then the engine's
own module drains them in this process. The last line is one JSON object.
"""

import argparse
import json
import time
from typing import Any

from bench.intake import about, database, make_source

SHAPES = ("repeats of 1,000 alerts", "a storm: new alerts, one service", "new alerts, each an incident")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5000, help="in the inbox, of each shape")
    given = parser.parse_args()
    with database():
        from firstline.core import clock
        from firstline.workflow.seed import ensure_defaults

        ensure_defaults(now=clock.now())
        make_source("pagerduty")
        surroundings(given.rows)
        put(SHAPES[0], min(1000, given.rows))
        work_off()
        runs = [measure(shape, given.rows) for shape in SHAPES]
    table(runs)
    print(json.dumps({"bench": "drain", **about(), "runs": runs}))


def surroundings(rows: int) -> None:
    from firstline.catalog.actions import create_service
    from firstline.catalog.models import Service
    from firstline.core import clock
    from firstline.core.actor import Actor

    for name in ("Shop", "Mail"):
        create_service(name=name, actor=Actor.system("bench"), now=clock.now())
    Service.objects.bulk_create(Service(name=f"Service {n}", slug=f"service-{n}") for n in range(rows))


def put(shape: str, rows: int) -> None:
    """Rows of PagerDuty events."""
    from django.db import connection

    bodies = [json.dumps(event(shape, number)).encode() for number in range(rows)]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body)
               SELECT now(), (SELECT id FROM intake_source), 'alert', 'application/json', '{}', b
               FROM unnest(%s::bytea[]) AS t(b)""",
            [bodies],
        )


def event(shape: str, number: int) -> dict[str, Any]:
    repeats, storm, _own = SHAPES
    service = "Mail" if shape == repeats else "Shop" if shape == storm else f"Service {number}"
    key = f"known/{number % 1000}" if shape == repeats else f"{shape[:5]}/{number}"
    return {
        "routing_key": "bench",
        "event_action": "trigger",
        "dedup_key": key,
        "payload": {
            "summary": f"Queue {number} is long",
            "source": f"host-{number}" if shape != storm else "shop-1",
            "severity": "error",
            "custom_details": {"service": service},
        },
    }


def work_off() -> None:
    from firstline.core import clock
    from firstline.intake import drain

    while drain.run(clock.now()):
        pass


def measure(shape: str, rows: int) -> dict[str, Any]:
    from firstline.core import clock
    from firstline.core.models import Due
    from firstline.incidents.models import Incident
    from firstline.intake.models import Alert
    from firstline.workflow import triage

    while triage.run(clock.now()):
        pass
    alerts, incidents = Alert.objects.count(), Incident.objects.count()
    put(shape, rows)
    begun = time.perf_counter()
    work_off()
    seconds = time.perf_counter() - begun
    waiting = Due.objects.filter(kind="triage").count()
    begun = time.perf_counter()
    while triage.run(clock.now()):
        pass
    triaged = time.perf_counter() - begun
    return {
        "shape": shape,
        "rows": rows,
        "rows_per_s": round(rows / seconds),
        "new_alerts": Alert.objects.count() - alerts,
        "new_incidents": Incident.objects.count() - incidents,
        "triaged_per_s": round(waiting / triaged) if waiting else 0,
    }


def table(runs: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table("what", "rows", "rows/s", "new alerts", "new incidents", "then triaged/s")
    for run in runs:
        shown.add_row(*(f"{value:,}" if isinstance(value, int) else value for value in run.values()))
    Console(width=120).print(shown)


if __name__ == "__main__":
    main()
