"""How a labelled attack ends up in incidents: alerts of intrusion detectors of a testbed, through the whole intake.

    python -m bench.attacks [FOLDER] [--scenario russellmitchell --scenario shaw] [--expires-after 86400]

FOLDER holds `<scenario>_alerts.txt.gz` of the AIT Alert Data Set: CSV lines (time, name, ip, host, short, time_label,
event_label), 2 to 4 per second of Wazuh, Suricata and AMiner. Each line is written as its tool would have posted it,
stored in the inbox in the order of time, parsed, deduplicated and correlated by the engine's own modules with the
built-in rules, and compared with one incident for each (host, rule). The labels are read after that, for counting.
The last line is one JSON object.

An attack alert is one that the data set traces to a step of the attack (`event_label`), or, counted apart, any alert
within a phase of it (`time_label`), whatever caused it. The right incident is the one that holds most of them.
"""

import argparse
import csv
import gzip
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.intake import about, database

SCENARIOS = ("russellmitchell", "shaw")
FOLDER = Path("../shared/data/ait_alerts")
SLICE = timedelta(minutes=1)
NONE = "-"
FALSE = "false_positive"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the data set."""

    at: datetime
    name: str
    ip: str
    host: str
    phase: str
    step: str

    @property
    def traced(self) -> bool:
        return self.step != NONE

    @property
    def within(self) -> bool:
        return self.phase != FALSE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    parser.add_argument(
        "--expires-after", type=int, help="seconds of quiet that end an alert; else each kind's own"
    )
    given = parser.parse_args()
    if not given.folder.is_dir():
        print(json.dumps({"bench": "attacks", "skipped": f"no data set in {given.folder}"}))
        return
    runs = []
    with database():
        for scenario in given.scenario or SCENARIOS:
            lines = read(given.folder / f"{scenario}_alerts.txt.gz")
            begun = time.perf_counter()
            incidents = correlated(lines, given.expires_after)
            seconds = round(time.perf_counter() - begun, 1)
            pairs = [f"{line.host}/{line.name}" for line in lines]
            runs += [
                score(scenario, "correlation", lines, incidents) | {"seconds": seconds},
                score(scenario, "(host, rule) alone", lines, pairs),
            ]
    table(runs)
    print(json.dumps({"bench": "attacks", **about(), "expires_after": given.expires_after, "runs": runs}))


def read(path: Path) -> list[Line]:
    """The lines in the order of time; the files have each tool's after the other's."""
    with gzip.open(path, "rt", newline="") as file:
        rows = [
            Line(
                at=datetime.fromtimestamp(int(row["time"]), tz=UTC),
                name=row["name"],
                ip=row["ip"],
                host=row["host"],
                phase=row["time_label"],
                step=row["event_label"],
            )
            for row in csv.DictReader(file)
        ]
    return sorted(rows, key=lambda line: line.at)


def payload(line: Line) -> tuple[str, dict[str, Any]]:
    """The kind of source, and the line as that tool posts it (the data set has neither levels nor other fields)."""
    tool, _colon, name = line.name.partition(": ")
    if tool == "AMiner":
        return "aminer", {
            "AnalysisComponent": {"AnalysisComponentName": name},
            "AMiner": {"ID": line.ip},
            "LogData": {"Timestamps": [line.at.timestamp()]},
            "host": line.host,
        }
    return "wazuh", {
        "rule": {"description": line.name},
        "agent": {"name": line.host, "ip": line.ip},
        "timestamp": line.at.isoformat(),
    }


def correlated(lines: Sequence[Line], expires_after: int | None) -> list[object]:
    """The incident of each line, by what Firstline does with it."""
    from firstline.intake import drain, heartbeats

    sources = _fresh(lines[0].at, expires_after)
    for until, some in _slices(lines):
        _store(sources, some)
        while drain.run(until):
            pass
        heartbeats.expire(until)
    return _incidents_of(lines, sources)


def _slices(lines: Sequence[Line]) -> Iterator[tuple[datetime, list[Line]]]:
    some: list[Line] = []
    for line in lines:
        if some and line.at - some[0].at >= SLICE:
            yield some[-1].at, some
            some = []
        some.append(line)
    if some:
        yield some[-1].at, some


def _fresh(at: datetime, expires_after: int | None) -> dict[str, int]:
    """An empty installation with one source of each kind; the sources' ids."""
    from django.db import connection

    from firstline.incidents.models import Incident
    from firstline.intake.models import Source
    from firstline.workflow.seed import ensure_defaults

    ensure_defaults(now=at)
    Source.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM inbox")
        cursor.execute("DELETE FROM due")
    Incident.objects.all().delete()
    settings = {"expires_after": expires_after} if expires_after else {}
    return {
        kind: Source.objects.create(
            name=kind, kind=kind, token_hash=f"{kind:064}", security=True, created_at=at, settings=settings
        ).id
        for kind in ("wazuh", "aminer")
    }


def _store(sources: dict[str, int], lines: Sequence[Line]) -> None:
    from django.db import connection

    made = [(line.at, *payload(line)) for line in lines]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body)
               SELECT r, s, 'alert', 'application/json', '{}', b
               FROM unnest(%s::timestamptz[], %s::bigint[], %s::bytea[]) AS t(r, s, b)""",
            [
                [at for at, _kind, _body in made],
                [sources[kind] for _at, kind, _body in made],
                [json.dumps(body).encode() for _at, _kind, body in made],
            ],
        )


def _incidents_of(lines: Sequence[Line], sources: dict[str, int]) -> list[object]:
    """By the alert that the line's key names, and its stretch at that moment; None for what never had one."""
    from firstline.intake.drain import parse_row
    from firstline.intake.models import AlertSpan, Source
    from firstline.intake.sources.parsing import Received

    rows = {row.kind: row for row in Source.objects.filter(id__in=sources.values())}
    stretches: dict[tuple[int, str], list[AlertSpan]] = {}
    for each in AlertSpan.objects.filter(source__in=rows.values()).select_related("alert").order_by("id"):
        stretches.setdefault((each.source_id, each.alert.dedup_key), []).append(each)
    found: list[object] = []
    keys: dict[tuple[str, str, str], str] = {}
    for line in lines:
        kind, body = payload(line)
        if (kind, line.host, line.name) not in keys:
            received = Received(
                id=1, received_at=line.at, kind="alert", content_type="application/json", headers={},
                body=json.dumps(body).encode(), dedup_key=None,
            )  # fmt: skip
            keys[kind, line.host, line.name] = parse_row(rows[kind], received)[0].key
        some = stretches[rows[kind].id, keys[kind, line.host, line.name]]
        span = next((each for each in some if each.first_seen_at <= line.at <= each.last_seen_at), None)
        found.append(span.incident_id if span else None)
    return found


def score(scenario: str, way: str, lines: Sequence[Line], incidents: Sequence[object]) -> dict[str, Any]:
    """What is counted, by both meanings of an attack alert."""
    found: dict[str, Any] = {
        "scenario": scenario,
        "way": way,
        "alerts": len(lines),
        "incidents": len(set(incidents)),
    }
    for meaning, attack in (
        ("traced", [line.traced for line in lines]),
        ("within", [line.within for line in lines]),
    ):
        holding = Counter(
            incident for incident, is_attack in zip(incidents, attack, strict=True) if is_attack
        )
        right, inside = holding.most_common(1)[0]
        kinds = {(line.host, line.name) for line, is_attack in zip(lines, attack, strict=True) if is_attack}
        met = {
            (line.host, line.name)
            for line, incident, is_attack in zip(lines, incidents, attack, strict=True)
            if is_attack and incident == right
        }
        members = sum(1 for incident in incidents if incident == right)
        false = sum(
            1
            for line, incident in zip(lines, incidents, strict=True)
            if incident == right and not line.traced and not line.within
        )
        found[meaning] = {
            "alerts": sum(attack),
            "incidents": len(holding),
            "share": round(inside / sum(attack), 4),
            "kinds": len(kinds),
            "kinds_share": round(len(met) / len(kinds), 4),
            "members": members,
            "false": false,
        }
    return found


def table(runs: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(
        "scenario", "way", "counted", "attack alerts", "incidents with them", "in the right one", "of their kinds",
        "false alerts in it", "incidents in all",
    )  # fmt: skip
    for run in runs:
        for meaning in ("traced", "within"):
            part = run[meaning]
            shown.add_row(
                run["scenario"], run["way"], meaning, f"{part['alerts']:,}", str(part["incidents"]),
                f"{part['share']:.1%}", f"{part['kinds_share']:.1%}", str(part["false"]), f"{run['incidents']:,}",
            )  # fmt: skip
    Console().print(shown)


if __name__ == "__main__":
    main()
