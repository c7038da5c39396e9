"""The auditor: what it knows of schedules agrees with the calculator, and it finds what the engine leaves
undone.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from django.core import mail
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.core import clock
from firstline.core.models import Setting
from firstline.engine.loop import Engine
from firstline.incidents import actions as incidents
from firstline.incidents.models import Incident
from firstline.notifications.models import Delivery
from firstline.oncall import auditor
from firstline.oncall.models import Escalation, Page
from firstline.oncall.policy import Policy, Step, Target
from firstline.oncall.rotation import Rotation, Window, active, turns
from firstline.oncall.schedule import Layer, Schedule
from tests.effort import cases
from tests.scenarios.story import Story, told_story

CASES = cases(150, 5_000)
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
zones = st.sampled_from(["UTC", "America/Chicago", "Europe/Kyiv", "Australia/Lord_Howe"]).map(ZoneInfo)
instants = st.integers(-5 * 1440, 250 * 1440).map(
    lambda minutes: datetime.fromisoformat("2024-03-01T00:00Z") + timedelta(minutes=minutes)
)


@st.composite
def rotations(draw: st.DrawFn) -> Rotation:
    unit = draw(st.sampled_from(["hour", "day", "week", "month"]))
    start = datetime.fromisoformat("2024-02-28T00:00") + timedelta(minutes=15 * draw(st.integers(0, 960)))
    days = tuple(draw(st.lists(st.sampled_from(DAYS), unique=True, max_size=6))) if unit == "day" else ()
    people = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True))
    return Rotation(draw(st.integers(1, 20)), unit, start, tuple(people), days, draw(st.integers(0, 3)))


@settings(max_examples=CASES, deadline=None)
@given(rotation=rotations(), zone=zones, at=instants)
def test_both_ways_of_reckoning_a_rotation_agree(rotation: Rotation, zone: ZoneInfo, at: datetime) -> None:
    found = [
        turn.person
        for turn in turns(rotation, zone, at, at + timedelta(microseconds=1))
        if turn.start <= at < turn.end
    ]
    document = msgspec.to_builtins(rotation)
    assert auditor._of_rotation(document, zone, at) == (found[0] if found else None)


@settings(max_examples=CASES, deadline=None)
@given(start=st.integers(0, 1439), end=st.integers(0, 1440), days=st.sets(st.sampled_from(DAYS)), at=instants)
def test_both_ways_of_reckoning_a_window_agree(start: int, end: int, days: set[str], at: datetime) -> None:
    window = msgspec.convert(
        {
            "start": f"{start // 60:02}:{start % 60:02}",
            "end": f"{end // 60:02}:{end % 60:02}",
            "days": sorted(days),
        },
        Window,
    )
    local = at.replace(tzinfo=None)
    assert auditor._in_window(msgspec.to_builtins(window), local) is active(window, ZoneInfo("UTC"), at)


@pytest.fixture
def story(db: None, monkeypatch: pytest.MonkeyPatch):
    with told_story(monkeypatch) as told:
        yield told


def paging(story: Story) -> Incident:
    person = story.person("U1", "sms")
    rotation = Rotation(1, "week", datetime.fromisoformat("2026-11-02T09:00"), (person.id,))
    schedule = story.schedule("Rota", Schedule("UTC", (Layer("all", rotation),)))
    story.policy(
        Policy(steps=(Step((Target("schedule", schedule.id),), 30), Step((Target("person", person.id),), 30)))
    )
    return story.incident()


def go(story: Story, minutes: float) -> datetime:
    """Time passes and no engine turns."""
    story.now = story.begin + timedelta(minutes=minutes)
    clock.move_to(story.now)
    return story.now


def test_an_engine_that_works_leaves_nothing_to_find(story: Story) -> None:
    paging(story)
    story.at(0.5)
    story.pages()
    assert list(auditor.audit(go(story, 20))) == []
    story.at(31)
    story.pages()
    assert list(auditor.audit(go(story, 50))) == []


def test_an_escalation_that_was_never_started_is_found(story: Story) -> None:
    incident = paging(story)
    assert list(auditor.audit(go(story, 0.9))) == []
    (finding,) = auditor.audit(go(story, 1.5))
    assert finding.incident_id == incident.id
    assert "no escalation" in finding.text


def test_what_only_queues_or_is_acknowledged_is_not_missed(story: Story) -> None:
    incident = paging(story)
    incidents.acknowledge([incident.id], actor=story.by("U1"), now=story.now)
    assert list(auditor.audit(go(story, 5))) == []


def test_a_late_step_is_found(story: Story) -> None:
    paging(story)
    story.at(1)
    story.pages()
    assert list(auditor.audit(go(story, 30.5))) == []
    (finding,) = auditor.audit(go(story, 32))
    assert "09:30" in finding.text


def test_a_person_who_was_left_out_is_found(story: Story) -> None:
    incident = paging(story)
    story.at(1)
    story.pages()
    other = story.person("U2", "sms")
    row = Escalation.objects.get(incident=incident)
    row.snapshot["steps"][0]["targets"].append({"kind": "person", "id": other.id})
    row.save()
    (finding,) = auditor.audit(go(story, 2))
    assert f"person {other.id}" in finding.text


def test_a_page_that_nobody_sent_is_found(story: Story) -> None:
    incident = paging(story)
    story.at(1)
    story.pages()
    page = Page.objects.get(incident=incident)
    Delivery.objects.filter(page_id=page.id).update(state="due", attempts=0)
    (finding,) = auditor.audit(go(story, 3))
    assert "has not left" in finding.text


def test_a_finding_is_mailed_once_signed_and_becomes_one_incident(story: Story) -> None:
    incident = paging(story)
    admin = story.person("Ada", roles=["administrator"])
    go(story, 2)
    assert len(auditor.audit_once()) == len(auditor.audit_once()) == 1
    assert [sent.to for sent in mail.outbox] == [[admin.email]]
    assert Setting.objects.get(key="auditor.run").value["findings"][0]["incident"] == incident.id
    Engine().settle()
    story.told()
    assert Incident.objects.filter(title__startswith="Pages are late").count() == 1
    assert auditor.audit_once() == []
