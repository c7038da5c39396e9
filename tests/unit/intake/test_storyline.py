"""The storyline: steps in order, what connects them, and related incidents only for who may see them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.accounts.models import Person
from firstline.accounts.viewer import Viewer, viewer_of
from firstline.console.storygraph import drawn
from firstline.core.errors import NotFound
from firstline.incidents.models import Incident
from firstline.intake import queries_storyline
from firstline.intake.models import Source
from firstline.intake.signal import Entity, EntityKind, Severity
from firstline.intake.storyline import Evidence, told
from tests.organisation import Organisation, organisation
from tests.unit.intake.inboxes import Inbox

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
ATTACKER = Entity(EntityKind.IP, "198.51.100.9", "source")
WEB, DB = (Entity(EntityKind.HOST, name, "target") for name in ("web1", "db1"))


def evidence(number: int, minute: int, title: str, *tactics: str, **fields: Any) -> Evidence:
    at = AT + timedelta(minutes=minute)
    usual = {"source": "SIEM", "severity": Severity.WARNING, "count": 1, "last_seen_at": at}
    return Evidence(
        span_id=number, alert_id=number, title=title, started_at=at, tactics=tactics, **{**usual, **fields}
    )


SCAN = evidence(1, 0, "Port scan of 20 ports", "TA0043", entities=(ATTACKER, WEB), count=5)
AGAIN = evidence(2, 3, "Port scan of 99 ports", "TA0043", entities=(ATTACKER, DB), severity=Severity.ERROR)
LOGIN = evidence(3, 5, "Login as root", "TA0006", entities=(ATTACKER,), techniques=("T1110",))
STOP = evidence(4, 9, "Service stopped", "TA0040", entities=(DB,), source="Audit")


def test_steps_in_the_order_of_their_beginning() -> None:
    story = told([STOP, LOGIN, AGAIN, SCAN])
    assert [(step.number, step.title, step.alerts, step.signals) for step in story.steps] == [
        (1, "Port scan of 20 ports", 2, 6),
        (2, "Login as root", 1, 1),
        (3, "Service stopped", 1, 1),
    ]
    first = story.steps[0]
    assert (first.severity, first.last_at) == (Severity.ERROR, AGAIN.last_seen_at)
    assert story.tactics == ("TA0043", "TA0006", "TA0040")
    assert [(one.entity.value, one.steps) for one in story.entities] == [
        ("198.51.100.9", (1, 2)),
        ("db1", (1, 3)),
        ("web1", (1,)),
    ]


def test_one_wording_of_two_tactics_is_two_steps() -> None:
    assert len(told([SCAN, replace(SCAN, span_id=9, tactics=("TA0007",))]).steps) == 2


def test_the_drawing_holds_what_connects_and_stays_inside() -> None:
    drawing = drawn(told([SCAN, AGAIN, LOGIN, STOP]))
    assert drawing is not None
    assert [node.label for node in drawing.steps] == [
        "1. Port scan of 20 ports",
        "2. Login as root",
        "3. Service stopped",
    ]
    assert {node.label for node in drawing.entities} == {"198.51.100.9", "db1"}
    assert len(drawing.lines) == 4 and drawing.left_out == 1
    assert all(0 < node.y < drawing.height for node in (*drawing.steps, *drawing.entities))
    assert drawn(told([SCAN])) is None and drawn(told([])) is None


some = st.lists(
    st.builds(
        lambda n, minute, title, tactic, entities: evidence(n, minute, title, *tactic, entities=tuple(entities)),
        st.integers(1, 99), st.integers(0, 50), st.sampled_from(["Scan 1", "Login", "Stop 7 now"]),
        st.sampled_from([(), ("TA0043",), ("TA0006", "TA0001")]),
        st.lists(st.sampled_from([ATTACKER, WEB, DB]), max_size=3),
    ),
    max_size=20,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(some, st.integers(0, 999))
def test_the_order_in_which_evidence_is_read_does_not_matter(found: list[Evidence], seed: int) -> None:
    unique = list({each.span_id: each for each in found}.values())
    story, other = told(unique), told(Random(seed).sample(unique, len(unique)))
    assert [(s.title, s.alerts, s.begun_at) for s in story.steps] == [
        (s.title, s.alerts, s.begun_at) for s in other.steps
    ]
    assert sum(step.alerts for step in story.steps) == len(unique)
    assert [step.begun_at for step in story.steps] == sorted(step.begun_at for step in story.steps)


# --- with the database


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


def wazuh(rule: str, agent: str, srcip: str) -> dict[str, Any]:
    return {
        "timestamp": "2026-11-23T09:00:00.000+0000",
        "rule": {"id": rule, "level": 10, "description": f"Rule {rule} fired"},
        "agent": {"id": agent, "name": agent},
        "data": {"srcip": srcip},
    }


def attacked(inbox: Inbox, source: Source, *bodies: object) -> Incident:
    for body in bodies:
        inbox.put(source, body)
    inbox.drain()
    return Incident.objects.latest("id")


def viewer(person: Person) -> Viewer:
    return viewer_of(person.id)


def test_related_incidents_also_past_ones(org: Organisation) -> None:
    inbox = Inbox(now=org.now)
    source = inbox.source("wazuh", security=True, group=org.security)
    old = attacked(inbox, source, wazuh("1", "web-1", "198.51.100.9"))
    Incident.objects.filter(id=old.id).update(state="closed", group=org.security)
    inbox.pass_time(days=3)
    new = attacked(inbox, source, wazuh("2", "db-1", "198.51.100.9"), wazuh("3", "db-1", "203.0.113.5"))
    assert new.id != old.id
    Incident.objects.filter(id=new.id).update(group=org.security)
    found = queries_storyline.told(viewer(org.guard), new.id)
    assert len(found.story.steps) == 2
    (relation,) = found.relations
    assert (relation.incident.id, [one.value for one in relation.entities]) == (old.id, ["198.51.100.9"])


def test_what_the_viewer_may_not_see_is_not_there(org: Organisation) -> None:
    inbox = Inbox(now=org.now)
    source = inbox.source("wazuh", security=True, group=org.security)
    old = attacked(inbox, source, wazuh("1", "web-1", "198.51.100.9"))
    Incident.objects.filter(id=old.id).update(state="closed", group=org.other)
    inbox.pass_time(days=3)
    new = attacked(inbox, source, wazuh("2", "db-1", "198.51.100.9"))
    Incident.objects.filter(id=new.id).update(group=org.security)
    assert queries_storyline.told(viewer(org.guard), new.id).relations == []
    with pytest.raises(NotFound):
        queries_storyline.told(viewer(org.agent), new.id)


def test_an_address_that_is_in_very_many_incidents_relates_none(org: Organisation) -> None:
    inbox = Inbox(now=org.now)
    source = inbox.source("wazuh", security=True, group=org.security)
    for number in range(33):
        attacked(inbox, source, wazuh(f"{number}", f"host{number}", "10.9.9.9"))
        Incident.objects.update(state="closed", group=org.security)
        inbox.pass_time(minutes=1)
    last = Incident.objects.latest("id")
    assert queries_storyline.told(viewer(org.guard), last.id).relations == []
