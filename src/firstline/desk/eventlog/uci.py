"""The shape of the UCI "Incident management process enriched event log": the audit of a ServiceNow instance.

One row per update of the system, with the incident after it; `?` is missing; instants are day/month/year without a
zone (taken as UTC: only differences matter). `made_sla` runs along; only an incident's last row counts. Source:
https://archive.ics.uci.edu/dataset/498
"""

import csv
import gzip
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import groupby
from pathlib import Path

from firstline.core.errors import Invalid
from firstline.desk.eventlog.log import LogIncident, Row
from firstline.incidents.lifecycle import HoldReason, State

NAME = "uci"
MISSING = "?"
# The log's state → ours, and why it waits. Evidence is waited for without anybody having wished it.
STATES: Mapping[str, tuple[State, str]] = {
    "New": (State.NEW, ""),
    "Active": (State.IN_PROGRESS, ""),
    "Awaiting User Info": (State.ON_HOLD, HoldReason.CALLER),
    "Awaiting Vendor": (State.ON_HOLD, HoldReason.VENDOR),
    "Awaiting Problem": (State.ON_HOLD, HoldReason.PROBLEM),
    "Awaiting Evidence": (State.ON_HOLD, HoldReason.SCHEDULED),
    "Resolved": (State.RESOLVED, ""),
    "Closed": (State.CLOSED, ""),
}
CHANNELS = {"Phone": "phone", "Email": "e-mail", "IVR": "phone", "Self service": "portal"}
NEEDED = frozenset(
    {
        *(
            "number",
            "incident_state",
            "reassignment_count",
            "reopen_count",
            "made_sla",
            "caller_id",
            "opened_at",
        ),
        *("sys_updated_at", "contact_type", "location", "category", "subcategory", "u_symptom", "impact"),
        *("urgency", "priority", "assignment_group", "assigned_to", "closed_code"),
    }
)


def read(path: Path) -> Iterator[LogIncident]:
    """The incidents of a file (plain or gzip), in its order. `Invalid` names the line that can't be read."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield from parse(TextIOWrapper(file, encoding="utf-8", newline=""))


def parse(lines: Iterable[str]) -> Iterator[LogIncident]:
    """The incidents of the lines of a file. Rows of one incident follow each other."""
    reader = csv.DictReader(lines)
    if missing := NEEDED - set(reader.fieldnames or ()):
        raise Invalid(f"This is not the UCI incident log: columns are missing: {', '.join(sorted(missing))}.")
    for number, rows in groupby(reader, key=lambda row: row["number"]):
        try:
            yield _incident(number, list(rows))
        except (KeyError, ValueError, TypeError) as error:
            raise Invalid(f"Line {reader.line_num} (incident {number}) can't be read: {error!r}.") from error


def _incident(number: str, rows: list[dict[str, str]]) -> LogIncident:
    first, last = rows[0], rows[-1]
    opened = _instant(first["opened_at"])
    told: list[Row] = []
    for row in rows:
        told.append(_row(row, not_before=told[-1].at if told else opened))
    topic = [first[name] for name in ("category", "subcategory", "u_symptom") if first[name] != MISSING]
    return LogIncident(
        number=number,
        title=", ".join(topic) or f"Incident {number}",
        description=f"{number} of the imported log. {first['contact_type']}, {first['location']}.",
        channel=CHANNELS.get(first["contact_type"], "phone"),
        caller=next((row["caller_id"] for row in rows if row["caller_id"] != MISSING), "Unknown caller"),
        place="" if first["location"] == MISSING else first["location"],
        opened_at=opened,
        code="not given" if last["closed_code"] == MISSING else last["closed_code"],
        rows=told,
        reopenings=int(last["reopen_count"]),
        reassignments=int(last["reassignment_count"]),
        within_target=last["made_sla"].lower() == "true",
    )


def _row(row: Mapping[str, str], *, not_before: datetime) -> Row:
    """An update that the log dates before the one that it follows happened no earlier than that."""
    state, hold = STATES[row["incident_state"]]
    return Row(
        at=max(_instant(row["sys_updated_at"]), not_before),
        words=row["incident_state"],
        state=state,
        hold_reason=str(hold),
        group=_name(row["assignment_group"]),
        assignee=_name(row["assigned_to"]),
        category=tuple(row[name] for name in ("category", "subcategory") if row[name] != MISSING),
        impact=int(row["impact"][0]),
        urgency=int(row["urgency"][0]),
        priority=int(row["priority"][0]),
    )


def _name(value: str) -> str | None:
    return None if value == MISSING else value


def _instant(text: str) -> datetime:
    """29/2/2016 01:16 → an instant; five times as fast as strptime, which is most of the reading."""
    day, clock = text.split(" ")
    d, m, y = day.split("/")
    hour, minute = clock.split(":")[:2]
    return datetime(int(y), int(m), int(d), int(hour), int(minute), tzinfo=UTC)
