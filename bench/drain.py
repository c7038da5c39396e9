"""How fast the engine works off the inbox, and how that grows with the number of alerts that are known.

    python -m bench.drain [--rows 50000] [--known 10000 100000 1000000]

An embedded PostgreSQL with durability on; the rows are put into the inbox as the gateway would have, then the engine's
own module drains them in this process. The first figures are with the smallest number of known alerts. The last line
is one JSON object.
"""

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from typing import Any

from bench.cores import Meter, family
from bench.intake import about, database, database_processes, make_source

DISTINCT = 5000
PUSHED = 100  # alerts in one push
Runs = list[dict[str, Any]]
Body = Callable[[int], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rows", type=int, default=50_000, help="signals that repeat; a fifth of it are new ones"
    )
    parser.add_argument("--known", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="alerts")
    parser.add_argument("--times", type=int, default=3, help="each, of which the median counts")
    given = parser.parse_args()
    runs: Runs = []
    with database() as url:
        from firstline.core import clock
        from firstline.workflow.seed import ensure_defaults

        ensure_defaults(now=clock.now())
        for kind, name in (
            ("pagerduty", "pagerduty"),
            ("pagerduty", "pagerduty 2"),
            ("alertmanager", "alertmanager"),
        ):
            make_source(kind, name)
        surroundings()
        for known in given.known:
            fill_alerts(known)
            for shape, kind, body, signals in shapes(given.rows):
                if shape == OWN and runs and known != given.known[0]:
                    continue  # its services have their incidents now
                every = [measure(url, shape, kind, body, signals) for _ in range(given.times)]
                every.sort(key=lambda run: run["signals_per_s"])
                runs.append({"known": known, **every[len(every) // 2]})
                if shape == REPEATS:
                    twice = [two_engines(url, given.rows) for _ in range(given.times)]
                    twice.sort(key=lambda run: run["signals_per_s"])
                    runs.append({"known": known, **twice[len(twice) // 2]})
        plan = plan_of_load()
    table(runs)
    print(plan)
    print(json.dumps({"bench": "drain", **about(), **keys(runs), "runs": runs}))


def keys(runs: Runs) -> dict[str, int]:
    """The figures that the targets are about: one signal in each request, which is the hardest. Repeats by two engines:
    one alone keeps one core busy.
    """
    first = {run["shape"]: run["signals_per_s"] for run in reversed(runs)}
    return {
        "drain_repeat_per_s": first[TWO],
        "drain_repeat_one_engine_per_s": first[REPEATS],
        "drain_repeat_pushes_per_s": first[PUSHES],
        "drain_new_per_s": first[NEW],
    }


REPEATS = f"repeats of {DISTINCT:,} alerts, one in each request"
PUSHES = f"repeats of {DISTINCT:,} alerts, {PUSHED} in each push"
NEW = "new alerts of one service, one in each request"
OWN = "new alerts, each an incident of its own"
TWO = "the same repeats, two sources, two engines"


def repeat(number: int) -> dict[str, Any]:
    return event(f"known/{number % DISTINCT}", "Mail", f"host-{number % DISTINCT}", number)


def shapes(rows: int) -> list[tuple[str, str, Body, int]]:
    """Name, kind of source, what a row says, signals in all."""
    own = min(2000, rows)
    return [
        (
            REPEATS,
            "pagerduty",
            lambda n: event(f"known/{n % DISTINCT}", "Mail", f"host-{n % DISTINCT}", n),
            rows,
        ),
        (PUSHES, "alertmanager", push, rows),
        (NEW, "pagerduty", lambda n: event(unique(n), "Shop", "shop-1", n), rows // 5),
        (OWN, "pagerduty", lambda n: event(unique(n), f"Service {n}", f"own-{n}", n), own),
    ]


def surroundings() -> None:
    from firstline.catalog.actions import create_service
    from firstline.catalog.models import Service
    from firstline.core import clock
    from firstline.core.actor import Actor

    for name in ("Shop", "Mail"):
        create_service(name=name, actor=Actor.system("bench"), now=clock.now())
    Service.objects.bulk_create(Service(name=f"Service {n}", slug=f"service-{n}") for n in range(2000))


FILL = """
WITH made AS (
  INSERT INTO alert (source_id, dedup_key, first_seen_at, last_seen_at, spans_count)
  SELECT s.id, 'old/' || n, now(), now(), 1
  FROM intake_source s, generate_series((SELECT count(*) FROM alert WHERE dedup_key LIKE 'old/%%') + 1, %s) AS n
  WHERE s.name = 'pagerduty' RETURNING id, source_id, dedup_key
)
INSERT INTO alert_span (alert_id, source_id, state, title, description, severity, security, grouping_key, labels,
  entities, tactics, techniques, links, first_seen_at, last_seen_at, started_at, ended_at, count, reasons, clock_ahead)
SELECT id, source_id, state, 'Queue ' || dedup_key || ' is long', repeat('What the monitor says. ', 8), 'error', false,
  '', '{"queue": "mail"}', '[]', '[]', '[]', '[]', now(), now(), now(),
  CASE WHEN state = 'resolved' THEN now() END, 1, '[]', 0
FROM (SELECT *, CASE WHEN id %% 10 = 0 THEN 'firing' ELSE 'resolved' END AS state FROM made) AS spans
"""


def fill_alerts(known: int) -> None:
    """So many alerts are there, one of ten firing."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(FILL, [known])
        cursor.execute("VACUUM ANALYZE alert, alert_span, inbox")


_made: list[str] = []  # one for each run, so that new alerts are new


def unique(number: int) -> str:
    return f"new/{len(_made)}/{number}"


def event(key: str, service: str, machine: str, number: int) -> dict[str, Any]:
    return {
        "routing_key": "bench",
        "event_action": "trigger",
        "dedup_key": key,
        "payload": {
            "summary": f"Queue {number} is long",
            "source": machine,
            "severity": "error",
            "custom_details": {"service": service, "queue": "mail"},
        },
    }


def push(number: int) -> list[dict[str, Any]]:
    """What Prometheus sends: a hundred alerts of the distinct ones."""
    return [
        {
            "labels": {
                "alertname": "HighCPU",
                "instance": f"web-{n % DISTINCT}:9100",
                "severity": "warning",
                "job": "node",
            },
            "annotations": {"summary": f"CPU of web-{n % DISTINCT} is above 90 % for ten minutes"},
            "startsAt": "2026-11-20T01:00:00Z",
            "generatorURL": "http://prometheus.example:9090/graph?g0.expr=x",
        }
        for n in range(number * PUSHED, number * PUSHED + PUSHED)
    ]


PUT = """
INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body)
SELECT now(), (SELECT id FROM intake_source WHERE name = %s), 'alert', 'application/json', '{}', b
FROM unnest(%s::bytea[]) AS t(b)
"""


def put(kind: str, body: Body, signals: int) -> None:
    """As the gateway stores it, thousand rows at a time."""
    from django.db import connection

    rows = signals // PUSHED if body is push else signals
    for start in range(0, rows, 1000):
        bodies = [json.dumps(body(number)).encode() for number in range(start, min(start + 1000, rows))]
        with connection.cursor() as cursor:
            cursor.execute(PUT, [kind, bodies])


def work_off_elsewhere(ready: Any, go: Any) -> None:
    """A second engine, in a process of its own: it is ready before the clock starts."""
    import django

    django.setup()
    from django.db import connection

    connection.ensure_connection()
    ready.set()
    go.wait()
    work_off()


def two_engines(url: str, signals: int) -> dict[str, Any]:
    """Two sources full of repeats, two engines: each source has one writer, so each engine has one of them."""
    kinds = ("pagerduty", "pagerduty 2")
    for kind in kinds:
        put(kind, repeat, DISTINCT)
        work_off()
        put(kind, repeat, signals // 2)
    spawn = multiprocessing.get_context("spawn")
    ready, go = spawn.Event(), spawn.Event()
    other = spawn.Process(target=work_off_elsewhere, args=(ready, go))
    other.start()
    ready.wait()
    meter = Meter({"engine": family(other.pid or 0), "postgresql": database_processes(url)})
    used, begun = time.process_time(), time.perf_counter()
    go.set()
    work_off()
    wait_for_empty_inbox()
    seconds, used = time.perf_counter() - begun, time.process_time() - used
    spent = meter.since()
    other.join()
    return {
        "shape": TWO,
        "signals": signals,
        "signals_per_s": round(signals / seconds),
        "engine_us": round((used + spent["engine"]) / signals * 1e6, 1),
        "postgresql_us": round(spent["postgresql"] / signals * 1e6, 1),
        "new_alerts": 0,
        "new_incidents": 0,
    }


def wait_for_empty_inbox() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT EXISTS (SELECT FROM inbox WHERE state = 'new')")
            if not cursor.fetchone()[0]:
                return
            time.sleep(0.01)


def work_off() -> None:
    from firstline.core import clock
    from firstline.intake import drain

    while drain.run(clock.now()):
        pass


def measure(url: str, shape: str, kind: str, body: Body, signals: int) -> dict[str, Any]:
    """`engine_us`, `postgresql_us`: processor time for each signal, which other work here hardly changes."""
    from firstline.incidents.models import Incident
    from firstline.intake.models import Alert, AlertSpan

    _made.append(shape)
    if shape in (REPEATS, PUSHES) and not AlertSpan.objects.filter(source__kind=kind, count__gt=1).exists():
        put(kind, body, DISTINCT)
        work_off()
    triage()
    alerts, incidents = Alert.objects.count(), Incident.objects.count()
    put(kind, body, signals)
    meter = Meter({"postgresql": database_processes(url)})
    used, begun = time.process_time(), time.perf_counter()
    work_off()
    seconds, used = time.perf_counter() - begun, time.process_time() - used
    return {
        "shape": shape,
        "signals": signals,
        "signals_per_s": round(signals / seconds),
        "engine_us": round(used / signals * 1e6, 1),
        "postgresql_us": round(meter.since()["postgresql"] / signals * 1e6, 1),
        "new_alerts": Alert.objects.count() - alerts,
        "new_incidents": Incident.objects.count() - incidents,
    }


def triage() -> None:
    """What earlier runs left to be triaged, so that nothing but the drain is measured."""
    from firstline.core import clock
    from firstline.workflow import triage

    while triage.run(clock.now()):
        pass


def plan_of_load() -> str:
    """How PostgreSQL finds what is known of a batch's keys: a look-up in an index for each."""
    from django.db import connection

    from firstline.intake.models import Source
    from firstline.intake.spans import LOAD

    keys = [f"known/{n}" for n in range(DISTINCT)]
    with connection.cursor() as cursor:
        statement = "EXPLAIN (COSTS OFF) " + LOAD.replace("%b", "%s")
        cursor.execute(statement, [Source.objects.get(name="pagerduty").id, keys])
        return "\n".join(line[:110] for (line,) in cursor.fetchall())


def table(runs: Runs) -> None:
    from rich.console import Console
    from rich.table import Table

    titles = (
        "known alerts",
        "what",
        "signals/s",
        "engine µs each",
        "PostgreSQL µs each",
        "new alerts",
        "incidents",
    )
    shown = Table(*titles)
    names = ("known", "shape", "signals_per_s", "engine_us", "postgresql_us", "new_alerts", "new_incidents")
    for run in runs:
        shown.add_row(*(f"{run[name]:,}" if isinstance(run[name], int) else str(run[name]) for name in names))
    Console(width=140).print(shown)


if __name__ == "__main__":
    main()
