"""What muting costs: rules over a storm of alerts that are all different, and a hundred thousand heartbeats.

    python -m bench.noise [--alerts 100000] [--rules 200] [--heartbeats 100000]

The first table is the pure part: alerts judged per second, in one process, by 0 and by that many rules. The second is
the database's: signals through `ingest` in batches, with and without rules, and the end of a window for all of them.
The last is the check of heartbeats: none due, and a thousand missing at once. The last line is one JSON object.
"""

import argparse
import json
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bench.intake import about, database, make_source

BATCH = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--rules", type=int, default=200)
    parser.add_argument("--heartbeats", type=int, default=100_000)
    given = parser.parse_args()
    with database():
        figures = {
            **pure(given.alerts, given.rules),
            **through(given.alerts, given.rules),
            **heartbeats(given.heartbeats),
        }
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:<{width}}  {value:>12,.1f}")
    print(json.dumps({"bench": "noise", **about(), **figures}))


def definitions(count: int) -> list[tuple[str, dict[str, Any]]]:
    """A believable mixture: half by a label, the others by words, patterns, severities, windows and causes."""
    found: list[tuple[str, dict[str, Any]]] = []
    for n in range(count):
        label = {"field": "label", "label": "job", "values": [f"job-{n}"]}
        word = {"field": "title", "op": "contains", "values": [f"module {n} "]}
        pattern = {"field": "text", "op": "matches", "values": [rf"unit {n} \d+ failed"]}
        window = {"type": "recurring", "rule": "FREQ=DAILY", "start": "2026-01-01T00:00:00", "minutes": 1439}
        found.append(
            [
                ("suppression", {"match": {"conditions": [label]}}),
                ("suppression", {"match": {"conditions": [word]}}),
                ("maintenance", {"match": {"conditions": [label]}, "window": window}),
                ("suppression", {"match": {"conditions": [pattern]}}),
                (
                    "inhibition",
                    {"match": {"conditions": [label]}, "cause": {"conditions": [word]}, "equal": ["zone"]},
                ),
            ][n % 5]
        )
    return found


def labels_of(n: int, rules: int) -> dict[str, str]:
    return {"job": f"job-{n % (rules * 2)}", "zone": f"z{n % 7}", "instance": f"host-{n}"}


def pure(alerts: int, rules: int) -> dict[str, float]:
    """Judging alone."""
    from firstline.core import clock
    from firstline.intake.actions_noise import rule_from
    from firstline.intake.matching import Facts, Index
    from firstline.intake.suppression import Force, Known, ready, windows_of

    now = clock.now()
    facts = [
        Facts(
            title=f"Disk {n} of host-{n} is full",
            description="What the monitor says. " * 8,
            labels=labels_of(n, rules),
        )
        for n in range(alerts)
    ]
    figures = {}
    for count in (0, rules):
        compiled = [
            ready(Known(n, rule_from(*each)), lambda _service: ())
            for n, each in enumerate(definitions(count))
        ]
        force = Force(index=Index((each, each.match) for each in compiled), causes=Index(()), rules=compiled)
        started, muted = time.perf_counter(), 0
        for fact in facts:
            muted += bool(windows_of(force, fact, now)[0])
        figures[f"judged_per_s_{count}_rules"] = alerts / (time.perf_counter() - started)
        figures[f"muted_by_{count}_rules"] = muted
    return figures


def through(alerts: int, rules: int) -> dict[str, float]:
    """With the database, all of it muted by one window: no incident is opened, so that muting alone differs."""
    from firstline.catalog.actions import create_service
    from firstline.core import clock
    from firstline.core.actor import Actor
    from firstline.intake import actions_noise
    from firstline.intake.models import Source

    make_source("generic")
    source = Source.objects.get(kind="generic")
    source.service = create_service(name="Disks", actor=Actor.system("bench"), now=clock.now())
    source.save(update_fields=["service"])  # one cause: when the window ends, all of them join one incident
    now, figures = clock.now(), {}
    window = {"type": "once", "start": now.isoformat(), "end": (now + timedelta(hours=1)).isoformat()}
    everything = {"match": {"sources": [source.id]}, "window": window}
    actor = Actor.system("bench")
    actions_noise.create_rule(kind="maintenance", name="All", definition=everything, actor=actor, now=now)
    figures["muted_per_s_1_rule"] = _ingest(source, "one", alerts, rules, now)
    for n, (kind, definition) in enumerate(definitions(rules)):
        actions_noise.create_rule(kind=kind, name=f"r{n}", definition=definition, actor=actor, now=now)
    figures[f"muted_per_s_{rules}_rules"] = _ingest(source, "many", alerts, rules, now)
    return figures | _window_ends(now + timedelta(hours=1), alerts * 2)


def _ingest(source: Any, prefix: str, alerts: int, rules: int, now: datetime) -> float:
    from django.db import transaction

    from firstline.intake.ingest import ingest
    from firstline.intake.signal import Signal, SignalKind

    signals = [
        Signal(
            kind=SignalKind.TRIGGER,
            key=f"{prefix}/{n}",
            title=f"Disk {n} of host-{n} is full",
            occurred_at=now,
            labels=labels_of(n, rules),
        )
        for n in range(alerts)
    ]
    started = time.perf_counter()
    for at in range(0, alerts, BATCH):
        with transaction.atomic():
            ingest(source, signals[at : at + BATCH], received={}, now=now)
    return alerts / (time.perf_counter() - started)


def _window_ends(now: datetime, muted: int) -> dict[str, float]:
    """All of them are looked at again, and join one incident."""
    from firstline.intake import noise

    started, looked = time.perf_counter(), 0
    while done := noise.run(now):
        looked += done
    return {
        "looked_at_again": looked,
        "looked_at_per_s": looked / (time.perf_counter() - started),
        "were_muted": muted,
    }


PLAN = """
INSERT INTO intake_source (name, kind, token_hash, token_hint, enabled, security, severity_floor, allowed_networks,
  address, settings, secret, mapping, synthetic, created_at)
SELECT 'beat ' || n, 'heartbeat', md5(n::text), '', true, false, 'info', '{}', '', '{}', '', '{}', false, now()
FROM generate_series(1, %s) AS n
"""
BEATS = """
INSERT INTO heartbeat (source_id, period_seconds, grace_seconds, last_beat_at, expected_at, next_at)
SELECT id, 3600, 60, now(), now() + '1 h', now() + '1 h 1 min' FROM intake_source WHERE kind = 'heartbeat'
"""


MISSING = """
UPDATE heartbeat SET next_at = now() WHERE source_id IN (SELECT source_id FROM heartbeat LIMIT 1000)
"""


def heartbeats(count: int) -> dict[str, float]:
    """The engine's check, each second: with none due, and with a thousand that are missing."""
    from django.db import connection

    from firstline.core import clock
    from firstline.intake import heartbeats as beating

    with connection.cursor() as cursor:
        cursor.execute(PLAN, [count])
        cursor.execute(BEATS)
        cursor.execute("ANALYZE heartbeat, intake_source")
    now = clock.now()
    idle = _times([now] * 20)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE heartbeat SET next_at = now() "
            "WHERE source_id IN (SELECT source_id FROM heartbeat LIMIT 1000)"
        )
    started = time.perf_counter()
    missing = 0
    while done := beating.run(now + timedelta(seconds=1)):
        missing += done
    return {
        "heartbeats": count,
        "check_ms_none_due": idle,
        "missing_told": missing,
        "missing_per_s": missing / (time.perf_counter() - started),
    }


def _times(instants: Sequence[datetime]) -> float:
    from firstline.intake import heartbeats as beating

    started = time.perf_counter()
    for at in instants:
        beating.run(at)
    return (time.perf_counter() - started) * 1000 / len(instants)


if __name__ == "__main__":
    main()
