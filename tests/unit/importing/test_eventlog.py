"""A real log replayed: it ends like the log where the rules can express it, and says so where not."""

import os
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from firstline.core.models import Due, Event
from firstline.desk.eventlog import figures, replay
from firstline.desk.eventlog.log import LogIncident
from firstline.incidents.models import Incident
from firstline.notifications.models import Message

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ALL = (
    "number,incident_state,reassignment_count,reopen_count,made_sla,caller_id,opened_at,sys_updated_at,contact_type,"
    "location,category,subcategory,u_symptom,impact,urgency,priority,assignment_group,assigned_to,closed_code"
)

pytestmark = pytest.mark.django_db


def expressible(incident: LogIncident) -> bool:
    """An own, naive reading of the log: transitions our table has, and group changes that add up to its counter."""
    groups = sum(a.group != b.group for a, b in pairwise(incident.rows))
    words = [row.words for row in incident.rows]
    for before, after in pairwise(words):
        if before == "Closed" != after or (after == "Closed" and before not in ("Resolved", "Closed")):
            return False
    return groups == incident.reassignments


def test_the_real_log_ends_as_it_says(shared_data: Path) -> None:
    path = shared_data / "data" / "uci_incident" / "events.csv.gz"
    log = replay.read(path, "uci", limit=None if os.environ.get("FIRSTLINE_PROVE") else 500)
    told = replay.import_log(log, mapping="uci", now=NOW)
    compared = figures.compare(log, mapping="uci")
    assert compared.wrong == []
    assert len(told) == Incident.objects.count() == len(log)
    assert compared.alike >= sum(expressible(each) for each in log)
    assert {other.kind for other in compared.others} <= {"refused_transition", "group_changes"}
    assert compared.ours == compared.log
    assert Event.objects.filter(verb="state_imported").count() == len(compared.others)


def row(number: str, state: str, minute: int, group: str = "?", **fields: str) -> str:
    values = {
        "number": number,
        "incident_state": state,
        "reassignment_count": "0",
        "reopen_count": "0",
        "made_sla": "true",
        "caller_id": "Caller 7",
        "opened_at": "29/2/2016 01:16",
        "sys_updated_at": f"29/2/2016 02:{minute:02d}",
        "contact_type": "Phone",
        "location": "Location 1",
        "category": "Category 1",
        "subcategory": "Subcategory 2",
        "u_symptom": "?",
        "impact": "2 - Medium",
        "urgency": "2 - Medium",
        "priority": "3 - Moderate",
        "assignment_group": group,
        "assigned_to": "?",
        "closed_code": "code 6",
    } | fields
    return ",".join(values[name] for name in ALL.split(","))


def imported(tmp_path: Path, *rows: str) -> tuple[list[LogIncident], figures.Comparison]:
    file = tmp_path / "log.csv"
    file.write_text("\n".join([ALL, *rows, ""]))
    log = replay.read(file, "uci")
    replay.import_log(log, mapping="uci", now=NOW)
    return log, figures.compare(log, mapping="uci")


def test_a_life_is_replayed_at_the_instants_of_the_log(tmp_path: Path) -> None:
    _, compared = imported(
        tmp_path,
        row("INC1", "New", 0, "Group 1"),
        row("INC1", "Active", 5, "?", reassignment_count="1"),
        row("INC1", "Awaiting User Info", 10, "Group 2", reassignment_count="2"),
        row("INC1", "Resolved", 15, "Group 2", reassignment_count="2"),
        row("INC1", "Active", 20, "Group 2", reassignment_count="2", reopen_count="1"),
        row("INC1", "Resolved", 25, "Group 2", reassignment_count="2", reopen_count="1"),
        row("INC1", "Closed", 30, "Group 3", reassignment_count="3", reopen_count="1", made_sla="false"),
    )
    incident = Incident.objects.select_related("group").get()
    events = list(Event.objects.filter(subject_type="incident").order_by("occurred_at", "id"))
    assert (compared.alike, compared.others) == (1, [])
    assert (incident.state, incident.reopenings, incident.reassignments) == ("closed", 1, 3)
    assert incident.group is not None and incident.group.name == "Group 3"
    assert [event.verb for event in events] == [
        *("opened", "prioritised", "assigned", "started", "assigned", "held", "resolved"),
        *("reopened", "started", "resolved", "assigned", "closed"),
    ]
    assert incident.registered_at == datetime(2016, 2, 29, 1, 16, tzinfo=UTC)
    assert incident.closed_at == events[-1].occurred_at == datetime(2016, 2, 29, 2, 30, tzinfo=UTC)
    assert {event.recorded_at for event in events} == {NOW}
    assert compared.log[3].within_target == compared.ours[3].within_target == 0


def test_what_the_rules_refuse_is_said_and_finished_by_one_event(tmp_path: Path) -> None:
    _, compared = imported(
        tmp_path,
        row("INC1", "New", 0),
        row("INC1", "Closed", 5),
        row("INC2", "New", 0, "Group 1"),
        row("INC2", "Resolved", 5, "Group 1", reassignment_count="4"),
    )
    assert [(other.number, other.kind) for other in compared.others] == [
        ("INC1", "refused_transition"),
        ("INC2", "group_changes"),
    ]
    assert compared.others[0].detail == "new → Closed refused"
    assert compared.others[1].detail == "reassignments: 0 by the rules, 4 in the log"
    first, second = Incident.objects.order_by("id")
    assert (first.state, first.closed_at) == ("closed", datetime(2016, 2, 29, 2, 5, tzinfo=UTC))
    assert (second.state, second.reassignments) == ("resolved", 4)


def test_nothing_follows_from_an_import_and_a_second_one_changes_nothing(tmp_path: Path) -> None:
    rows = (row("INC1", "New", 0, "Group 1", priority="1 - Critical"), row("INC1", "Active", 5, "Group 1"))
    imported(tmp_path, *rows)
    assert (Due.objects.count(), Message.objects.count()) == (0, 0)
    before = (Event.objects.count(), Incident.objects.get().version)
    imported(tmp_path, *rows)
    assert (Event.objects.count(), Incident.objects.get().version) == before
