"""Edits of schedules, policies, overrides and swaps."""

from datetime import datetime, timedelta

import pytest

from firstline.accounts.viewer import SYSTEM
from firstline.core.actor import Actor
from firstline.core.errors import Conflict, Invalid, NotAllowed
from firstline.core.models import Event
from firstline.oncall import changing, configure, queries
from firstline.oncall.choice import Assignment, Choice, choose
from firstline.oncall.models import PolicyVersion, ScheduleVersion
from firstline.oncall.policy import Policy, Step, Target
from firstline.oncall.rotation import Rotation
from firstline.oncall.schedule import Layer, Schedule
from tests.organisation import MAKER, MONDAY, Organisation, organisation


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


def rota(*people: int) -> Schedule:
    rotation = Rotation(1, "day", datetime.fromisoformat("2026-11-20T09:00"), people)
    return Schedule("UTC", (Layer("daily", rotation),))


def on_call(schedule_id: int, at: datetime) -> list[int]:
    return [duty.person for duty in queries.who(SYSTEM, schedule_id, at, at + timedelta(minutes=1))]


def test_an_edit_keeps_who_is_on_and_the_past(org: Organisation) -> None:
    a, b, c = org.agent.id, org.outsider.id, org.guard.id
    row = configure.create_schedule(
        name="Rota", definition=rota(a, b, c), actor=MAKER, now=org.now - timedelta(days=3)
    )
    now = org.advance(hours=30)
    before = on_call(row.id, now)
    past = on_call(row.id, now - timedelta(days=2))
    rest = [person for person in (a, b, c) if person != past[0]]
    configure.edit_schedule(row.id, name="Rota", definition=rota(*rest), actor=MAKER, now=now)
    assert on_call(row.id, now) == before
    assert on_call(row.id, now - timedelta(days=2)) == past
    assert [version.number for version in ScheduleVersion.objects.order_by("id")] == [1, 2]
    assert Event.objects.filter(subject_type="configuration", data__thing="schedule").count() == 2


def test_leads_and_administrators_edit_on_call_and_agents_do_not(org: Organisation) -> None:
    policy = Policy((Step((Target("group"),)),))
    for person in (org.agent, org.admin):
        configure.create_policy(name=person.name, definition=policy, actor=org.by(person), now=org.now)
    with pytest.raises(NotAllowed):
        configure.create_policy(name="No", definition=policy, actor=org.by(org.outsider), now=org.now)
    with pytest.raises(Invalid, match="already"):
        configure.create_policy(name=org.admin.name, definition=policy, actor=org.by(org.admin), now=org.now)


def test_an_edited_policy_is_a_new_version(org: Organisation) -> None:
    row = configure.create_policy(
        name="P", definition=Policy((Step((Target("group"),)),)), actor=MAKER, now=org.now
    )
    longer = Policy((Step((Target("group"),), 30),))
    configure.edit_policy(row.id, name="P", definition=longer, actor=MAKER, now=org.advance(minutes=1))
    configure.edit_policy(row.id, name="P2", definition=longer, actor=MAKER, now=org.advance(minutes=1))
    assert [v.valid_to for v in PolicyVersion.objects.order_by("id")] == [MONDAY + timedelta(minutes=1), None]
    with pytest.raises(Conflict):
        configure.edit_policy(row.id, name="P3", definition=longer, actor=MAKER, now=org.now, seen="old")


def test_an_override_counts_from_its_start_and_cancelling_keeps_what_has_been(org: Organisation) -> None:
    row = configure.create_schedule(name="Rota", definition=rota(org.agent.id), actor=MAKER, now=org.now)
    hour = timedelta(hours=1)
    made = changing.add_override(
        row.id, kind="replace", person_id=org.agent.id, by_id=org.guard.id, start=org.now, end=org.now + 8 * hour,
        actor=org.by(org.agent), now=org.now,
    )  # fmt: skip
    with pytest.raises(Conflict, match=f"override {made.id}"):
        changing.add_override(
            row.id, kind="add", by_id=org.guard.id, start=org.now + hour, end=org.now + 2 * hour, actor=MAKER,
            now=org.now,
        )  # fmt: skip
    now = org.advance(hours=2)
    assert on_call(row.id, now) == [org.guard.id]
    changing.cancel_override(made.id, actor=MAKER, now=now)
    assert on_call(row.id, now) == [org.agent.id]
    assert on_call(row.id, now - hour) == [org.guard.id]
    with pytest.raises(NotAllowed):
        changing.add_override(
            row.id,
            kind="add",
            by_id=org.caller.id,
            start=now,
            end=now + hour,
            actor=org.by(org.caller),
            now=now,
        )


def test_a_swap_changes_nothing_until_somebody_else_takes_it(org: Organisation) -> None:
    row = configure.create_schedule(name="Rota", definition=rota(org.agent.id), actor=MAKER, now=org.now)
    swap = changing.ask_swap(
        row.id, start=org.now, end=org.now + timedelta(hours=4), actor=org.by(org.agent), now=org.now
    )
    assert on_call(row.id, org.now) == [org.agent.id]
    with pytest.raises(Invalid):
        changing.take_swap(swap.id, actor=org.by(org.agent), now=org.now)
    with pytest.raises(NotAllowed):
        changing.take_swap(swap.id, actor=org.by(org.outsider), now=org.now)
    changing.take_swap(swap.id, actor=org.by(org.admin), now=org.now)
    assert on_call(row.id, org.now) == [org.admin.id]
    with pytest.raises(Conflict):
        changing.cancel_swap(swap.id, actor=org.by(org.agent), now=org.now)


@pytest.mark.parametrize(
    ("service", "priority", "expected"),
    [
        (7, 1, Choice(True, 10, "any", 1)),
        (7, 2, Choice(False, None, "group", 2)),
        (8, 1, Choice(True, 30, "group", 3)),
        (8, 2, Choice(True)),
        (8, 3, Choice(True, hours="group")),
        (None, 4, Choice(False)),
    ],
)
def test_the_most_particular_assignment_wins(service: int | None, priority: int, expected: Choice) -> None:
    rows = [
        Assignment(1, 7, 1, 10, "any"),
        Assignment(2, 7, None, None, "group"),
        Assignment(3, None, 1, 30, "group"),
    ]
    assert choose(rows, service=service, priority=priority) == expected


def test_an_assignment_is_replaced_and_withdrawn(org: Organisation) -> None:
    policy = configure.create_policy(
        name="P", definition=Policy((Step((Target("group"),)),)), actor=MAKER, now=org.now
    )
    first = configure.assign_policy(
        service_id=None, priority=1, policy_id=policy.id, actor=MAKER, now=org.now
    )
    again = configure.assign_policy(service_id=None, priority=1, policy_id=None, actor=MAKER, now=org.now)
    assert first.id == again.id
    configure.withdraw_assignment(again.id, actor=Actor.person(org.admin.id), now=org.now)
    assert list(queries.assignments(SYSTEM)) == []


def test_doctor_hears_of_gaps_people_without_a_way_and_empty_groups(org: Organisation) -> None:
    empty = configure.create_schedule(name="Empty", definition=Schedule("UTC"), actor=MAKER, now=org.now)
    covered = configure.create_schedule(name="Rota", definition=rota(org.agent.id), actor=MAKER, now=org.now)
    steps = (
        Step((Target("schedule", empty.id), Target("schedule", covered.id))),
        Step((Target("person", org.guard.id), Target("group", org.first.id), Target("group"))),
    )
    configure.create_policy(name="P", definition=Policy(steps), actor=MAKER, now=org.now)
    type(org.agent).objects.update(email_verified_at=None)
    said = queries.unreachable_policies(now=org.now)
    assert len(said) == 4
    assert "Empty has nobody from" in said[0]
    assert org.agent.name in said[1]
    assert org.guard.name in said[2]
    assert "nobody who can be reached" in said[3]
    type(org.agent).objects.update(email_verified_at=org.now)
    assert len(queries.unreachable_policies(now=org.now)) == 1
