"""Targets as they are lived: who hears at which share, what counts as an answer, what a change does."""

from datetime import timedelta

import pytest

from firstline.accounts.models import SupportGroup
from firstline.accounts.viewer import SYSTEM
from firstline.catalog.models import BusinessCalendar, CalendarVersion
from firstline.core.errors import NotFound
from firstline.core.models import Due
from firstline.incidents import actions as incidents
from firstline.incidents.models import Incident
from firstline.oncall.models import PolicyAssignment
from firstline.sla import queries
from firstline.sla.agreement import Agreement, Conditions, Duration, Promise
from firstline.sla.clock import Phase
from firstline.sla.models import AgreementVersion, Clock
from tests.scenarios.story import MAKER, Story


def promises(**minutes: int) -> Agreement:
    return Agreement(
        promises={"*": Promise(**{name: Duration(minutes=amount) for name, amount in minutes.items()})}
    )


def quiet(story: Story) -> None:
    """Nothing pages, so that a story is about targets only."""
    PolicyAssignment.objects.create(policy=None)


def team(story: Story) -> SupportGroup:
    group = story.group("Mail team", "Olena", leads=["Lena"])
    manager = story.person("Mara", "email")
    SupportGroup.objects.filter(id=group.id).update(manager=manager)
    return group


def clock_of(incident_id: int, target: str = "resolution") -> Clock:
    return Clock.objects.get(incident_id=incident_id, target=target)


@pytest.mark.parametrize(("priority", "at_the_end"), [(1, {"Olena", "Lena", "Mara"}), (3, {"Olena", "Lena"})])
def test_each_share_tells_one_level_more_and_the_manager_only_of_the_highest(
    story: Story, priority: int, at_the_end: set[str]
) -> None:
    quiet(story)
    story.agreement(promises(resolution=100))
    group = team(story)
    incident = story.incident(priority=priority, group=group)
    incidents.assign(
        incident.id,
        actor=story.by("Lena"),
        now=story.now,
        group_id=group.id,
        assignee_id=story.people["Olena"].id,
    )
    story.at(120)
    heard = {(sent.minutes, sent.to, sent.kind) for sent in story.told("target_warned")}
    assert heard == {
        (75, "Olena", "target_warned"),
        (90, "Olena", "target_warned"),
        (90, "Lena", "target_warned"),
    }
    assert {sent.to for sent in story.told("target_missed")} == at_the_end
    assert [at for at, _, _ in story.log(incident, "target_warned")] == [75, 90]
    assert [at for at, _, _ in story.log(incident, "target_breached")] == [100]
    row = clock_of(incident.id)
    assert (row.state, row.breached_at) == ("running", story.begin + timedelta(minutes=100))


def test_without_an_assignee_the_leads_hear_first(story: Story) -> None:
    quiet(story)
    story.agreement(promises(resolution=100))
    story.incident(group=team(story))
    story.at(80)
    assert [(sent.minutes, sent.to) for sent in story.told("target_warned")] == [(75, "Lena")]


def test_waiting_for_the_caller_pauses_and_their_answer_resumes(story: Story) -> None:
    quiet(story)
    story.agreement(promises(resolution=100))
    group = team(story)
    caller = story.person("Rosa", "email", roles=[])
    incident = story.incident(priority=3, group=group, channel="portal", caller_id=caller.id)
    story.at(10)
    story.told("received")
    incidents.hold(
        incident.id, reason="caller", look_again_at=story.now + timedelta(days=1), comment="Which printer?",
        actor=story.by("Olena"), now=story.now,
    )  # fmt: skip
    story.at(50)
    story.told("answer")
    assert clock_of(incident.id).state == "paused"
    assert clock_of(incident.id).due_at is None
    incidents.comment_as_caller(incident.id, "The red one.", actor=story.by("Rosa", "portal"), now=story.now)
    story.at(55)
    assert clock_of(incident.id).due_at == story.begin + timedelta(minutes=140)
    ledger = queries.why_due(SYSTEM, incident.id, "resolution", story.now)
    assert [(line.phase, line.counted, line.reason) for line in ledger.lines if not line.ahead] == [
        (Phase.RUNNING, timedelta(minutes=10), ""),
        (Phase.PAUSED, timedelta(), "caller"),
        (Phase.RUNNING, timedelta(minutes=5), ""),
    ]
    assert ledger.elapsed + ledger.lines[-1].counted == timedelta(minutes=100)
    assert ledger.owners() == {
        f"group:{group.id}": timedelta(minutes=15), "caller": timedelta(minutes=40),
    }  # fmt: skip


def test_waiting_for_a_vendor_runs_on(story: Story) -> None:
    quiet(story)
    story.agreement(promises(resolution=100))
    incident = story.incident(priority=3, group=team(story))
    story.at(10)
    incidents.hold(
        incident.id, reason="vendor", look_again_at=story.now + timedelta(minutes=40), actor=story.by("Olena"),
        now=story.now,
    )  # fmt: skip
    story.at(60)
    assert clock_of(incident.id).state == "running"
    assert clock_of(incident.id).due_at == story.begin + timedelta(minutes=100)
    owners = queries.why_due(SYSTEM, incident.id, "resolution", story.now).owners()
    assert owners["vendor"] == timedelta(minutes=40)


def test_a_rule_or_a_note_is_no_response_but_taking_it_is(story: Story) -> None:
    quiet(story)
    story.agreement(promises(response=30))
    incident = story.incident(
        priority=3, group=team(story), channel="phone", caller_id=story.person("Rosa").id
    )
    story.at(5)
    story.told("received")
    incidents.comment(
        incident.id, "Looks like the proxy.", public=False, actor=story.by("Olena"), now=story.now
    )
    incidents.assign(incident.id, actor=MAKER, now=story.now, assignee_id=story.people["Olena"].id)
    story.at(20)
    assert clock_of(incident.id, "response").state == "running"
    incidents.take(incident.id, actor=story.by("Olena"), now=story.now)
    story.at(60)
    row = clock_of(incident.id, "response")
    assert (row.state, row.stopped_at) == ("met", story.begin + timedelta(minutes=20))


def test_resolving_at_the_due_instant_is_in_time_and_reopening_resumes_the_same_clock(story: Story) -> None:
    quiet(story)
    story.agreement(promises(resolution=60))
    incident = story.incident(priority=3, group=team(story))
    story.at(60)
    story.told("target_warned")
    incidents.resolve(incident.id, code="fixed", notes="Done.", actor=story.by("Olena"), now=story.now)
    story.at(90)
    assert clock_of(incident.id).state == "met"
    incidents.reopen(incident.id, actor=story.by("Olena"), now=story.now)
    story.at(91)
    row = clock_of(incident.id)
    assert row.breached_at == story.begin + timedelta(minutes=90)
    assert row.elapsed_seconds >= 3600
    assert {sent.kind for sent in story.told()} == {"target_missed"}


def test_a_raised_priority_is_held_to_its_target_from_the_start(story: Story) -> None:
    quiet(story)
    story.agreement(
        Agreement(
            promises={
                "3": Promise(resolution=Duration(minutes=200)), "1": Promise(resolution=Duration(minutes=50)),
            }
        )
    )  # fmt: skip
    incident = story.incident(priority=3, group=team(story))
    story.at(60)
    incidents.override_priority(
        incident.id, 1, reason="wider_than_known", actor=story.by("Lena"), now=story.now
    )
    story.at(61)
    assert clock_of(incident.id).due_at == story.begin + timedelta(minutes=50)
    assert [at for at, _, _ in story.log(incident, "target_breached")] == [60]
    incidents.override_priority(
        incident.id, 3, reason="smaller_than_known", actor=story.by("Lena"), now=story.now
    )
    story.at(62)
    assert len(story.log(incident, "breach_superseded")) == 1
    assert len(story.log(incident, "lowered_late")) == 1
    assert clock_of(incident.id).breached_at is None
    story.told("target_missed")


def test_an_edited_agreement_leaves_running_clocks_alone(story: Story) -> None:
    quiet(story)
    row = story.agreement(promises(resolution=100))
    before = story.incident(priority=3, group=team(story))
    story.at(5)
    AgreementVersion.objects.filter(agreement=row).update(valid_to=story.now)
    AgreementVersion.objects.create(
        agreement=row,
        number=2,
        valid_from=story.now,
        definition={"promises": {"*": {"resolution": {"minutes": 20}}}},
    )
    incidents.assign(before.id, actor=MAKER, now=story.now, assignee_id=story.people["Olena"].id)
    after = story.incident(priority=3, group=SupportGroup.objects.get(name="Mail team"))
    story.at(6)
    assert clock_of(before.id).due_at == story.begin + timedelta(minutes=100)
    assert clock_of(after.id).due_at == story.begin + timedelta(minutes=25)


def test_office_hours_count_only_working_time(story: Story) -> None:
    quiet(story)
    office = BusinessCalendar.objects.create(name="Short office")
    CalendarVersion.objects.create(
        calendar=office, valid_from=story.begin - timedelta(days=1),
        definition={"zone": "UTC", "week": {day: [["09:00", "10:00"]] for day in ("mon", "tue")}},
    )  # fmt: skip
    story.agreement(
        Agreement(
            promises={"*": Promise(resolution=Duration(minutes=90))}, calendar=office.id,
            conditions=Conditions(channels=("monitoring",)),
        )
    )  # fmt: skip
    incident = story.incident(priority=3, group=team(story))
    story.at(1)
    assert clock_of(incident.id).due_at == story.begin + timedelta(days=1, minutes=30)
    assert story.log(incident, "agreement_applied")[0][2]["priority"] == 3


def test_a_broken_calendar_holds_up_only_its_own_incidents_and_no_registration(story: Story) -> None:
    quiet(story)
    broken = BusinessCalendar.objects.create(name="Broken")
    CalendarVersion.objects.create(
        calendar=broken, valid_from=story.begin - timedelta(days=1), definition={"zone": "Mars/Olympus"}
    )
    row = story.agreement(Agreement(promises={"*": Promise(resolution=Duration(minutes=90))}, calendar=broken.id,
                                    conditions=Conditions(priorities=(2,))))  # fmt: skip
    other = type(row).objects.create(name="Other", position=2)
    AgreementVersion.objects.create(
        agreement=other, valid_from=story.now, definition={"promises": {"*": {"resolution": {"minutes": 90}}}}
    )
    stuck = story.incident(priority=2, group=team(story))
    fine = story.incident(priority=3, group=SupportGroup.objects.get(name="Mail team"))
    story.at(1)
    assert clock_of(fine.id).state == "running"
    assert not Clock.objects.filter(incident=stuck).exists()
    assert "Mars" in Due.objects.get(kind="sla.evaluate", subject_id=stuck.id).error
    with pytest.raises(NotFound):
        queries.why_due(SYSTEM, stuck.id, "resolution", story.now)


def test_many_targets_of_one_person_that_pass_together_are_one_message_the_worst_first(story: Story) -> None:
    quiet(story)
    story.agreement(promises(resolution=100))
    group = team(story)
    numbers = []
    for n in range(25):
        incident = story.incident(priority=1 if n == 24 else 3, group=group)
        numbers.append(incident.number)
    story.at(80)
    sent = story.told("target_warned")
    assert [one.to for one in sent] == ["Lena"]
    assert "0 targets missed, 25 near their end" in sent[0].subject
    assert all(number in sent[0].body for number in numbers)
    assert sent[0].body.index(numbers[24]) < sent[0].body.index(numbers[0])
    story.at(95)
    assert len(story.told("target_warned")) == 1
    story.at(120)
    missed = story.told("target_missed")
    assert sorted(one.to for one in missed) == ["Lena", "Mara"]
    assert {one.to: one.subject for one in missed}["Lena"].startswith("25 targets missed")
    assert sum(len(story.log(incident, "target_breached")) for incident in _ids(numbers)) == 25


def _ids(numbers: list[str]) -> list[Incident]:
    return [Incident.objects.get(id=int(number.split("-")[1])) for number in numbers]
