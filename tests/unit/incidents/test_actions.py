"""The verbs of an incident against the real database."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from firstline.accounts.actions import create_group, create_person, set_members
from firstline.catalog.models import ResolutionCode
from firstline.core.actor import Actor
from firstline.core.errors import Conflict, Invalid, InvalidTransition, NotAllowed, NotFound
from firstline.core.event_log import read
from firstline.core.models import Event
from firstline.incidents import actions
from firstline.incidents.lifecycle import ClosedHow
from firstline.incidents.models import AffectedUser, Incident

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ENGINE = Actor.system("test")

pytestmark = pytest.mark.django_db


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


class World:
    def __init__(self) -> None:
        self.network = create_group(name="Network", actor=ENGINE, now=NOW)
        self.security = create_group(name="Security", security=True, actor=ENGINE, now=NOW)
        self.olena = create_person(email="olena@example.org", roles=["agent"], actor=ENGINE, now=NOW)
        self.other = create_person(email="ivan@example.org", roles=["agent"], actor=ENGINE, now=NOW)
        self.caller = create_person(email="roman@example.org", actor=ENGINE, now=NOW)
        set_members(self.network.id, {self.olena.id: True, self.other.id: False}, actor=ENGINE, now=NOW)
        ResolutionCode.objects.get_or_create(code="fixed", defaults={"name": "Fixed"})
        self.agent = Actor.person(self.olena.id)
        self.voice = Actor.person(self.caller.id, via="portal")

    def incident(self, **fields: object) -> int:
        report = actions.Report(
            **{"title": "VPN drops", "channel": "phone", "received_at": NOW, "caller_id": self.caller.id}
            | fields
        )
        return actions.register_one(report, actor=ENGINE, now=NOW).id


@pytest.fixture
def world() -> World:
    return World()


def verbs(incident_id: int) -> list[str]:
    return [event.verb for event in read("incident", incident_id)]


def resolved(world: World) -> int:
    incident = world.incident()
    actions.resolve(incident, code="fixed", notes="Rolled back.", actor=world.agent, now=at(5))
    return incident


def test_a_person_needs_a_caller_and_a_machine_does_not(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        world.incident(caller_id=None)
    assert "caller" in refused.value.fields
    assert world.incident(caller_id=None, channel="monitoring") > 0


def test_detected_is_never_later_than_registered(world: World) -> None:
    incident = actions.register_one(
        actions.Report(title="x", channel="monitoring", received_at=NOW, detected_at=at(60)),
        actor=ENGINE,
        now=NOW,
    )
    assert incident.detected_at == NOW


def test_the_log_refuses_update_delete_and_truncate(world: World) -> None:
    world.incident()
    for attempt in (
        lambda: Event.objects.update(verb="other"),
        lambda: Event.objects.all().delete(),
        lambda: connection.cursor().execute("TRUNCATE event"),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            attempt()


def test_taking_assigns_starts_and_is_the_first_response(world: World) -> None:
    incident = actions.take(world.incident(), actor=world.agent, now=at(3))
    assert (incident.state, incident.assignee_id, incident.group_id) == (
        "in_progress",
        world.olena.id,
        world.network.id,
    )
    assert incident.first_response_at == at(3)
    assert verbs(incident.id) == ["opened", "assigned", "started"]


def test_holding_for_the_caller_needs_a_question_and_their_answer_resumes(world: World) -> None:
    incident = world.incident()
    with pytest.raises(Invalid) as refused:
        actions.hold(incident, reason="caller", look_again_at=at(60), actor=world.agent, now=at(1))
    assert "comment" in refused.value.fields
    held = actions.hold(
        incident, reason="caller", look_again_at=at(60), comment="Which site?", actor=world.agent, now=at(1)
    )
    assert held.state == "on_hold"
    actions.comment_as_caller(incident, "Lviv", actor=world.voice, now=at(9))
    held.refresh_from_db()
    assert (held.state, held.hold_reason) == ("new", "")


def test_an_automatic_reply_never_resumes(world: World) -> None:
    incident = world.incident()
    held = actions.hold(
        incident, reason="caller", look_again_at=at(60), comment="Which site?", actor=world.agent, now=at(1)
    )
    with transaction.atomic():
        actions.add_comment(
            held, "I am on holiday", public=True, actor=world.voice, now=at(2), automatic=True, by_caller=True
        )
    held.refresh_from_db()
    assert held.state == "on_hold"


def test_what_is_to_be_looked_at_again_wakes_by_itself(world: World) -> None:
    incident = world.incident()
    actions.hold(incident, reason="vendor", look_again_at=at(60), actor=world.agent, now=at(1))
    assert actions.wake_held(now=at(59)) == 0
    assert actions.wake_held(now=at(60)) == 1
    assert verbs(incident)[-1] == "resumed"


def test_resolving_needs_code_and_notes_and_a_diagnosis_for_high_priority(world: World) -> None:
    incident = world.incident()
    actions.override_priority(incident, 1, reason="business_event", actor=world.agent, now=at(1))
    with pytest.raises(Invalid) as refused:
        actions.resolve(incident, code="", notes=" ", actor=world.agent, now=at(2))
    assert set(refused.value.fields) == {"resolution_code", "resolution_notes", "diagnosis"}
    actions.diagnose(incident, cause="Firmware", confirmed=True, actor=world.agent, now=at(3))
    done, _ = actions.resolve(incident, code="fixed", notes="Rolled back.", actor=world.agent, now=at(4))
    assert (done.state, done.resolved_at) == ("resolved", at(4))


def test_open_tasks_end_with_the_incident(world: World) -> None:
    incident = world.incident()
    task = actions.add_task(incident, "Call the vendor", actor=world.agent, now=at(1))
    actions.resolve(incident, code="fixed", notes="Done.", actor=world.agent, now=at(2))
    task.refresh_from_db()
    assert task.state == "incomplete"


def test_the_caller_reopens_and_it_is_counted(world: World) -> None:
    incident = resolved(world)
    again = actions.reopen(incident, comment="Still drops", as_caller=True, actor=world.voice, now=at(9))
    assert (again.state, again.reopenings, again.resolved_at) == ("assigned", 1, None)


def test_a_free_text_reply_on_resolved_stops_auto_close_but_does_not_reopen(world: World) -> None:
    incident = resolved(world)
    actions.comment_as_caller(incident, "Thanks!", actor=world.voice, now=at(9))
    assert actions.close([incident], how=ClosedHow.NO_ANSWER, actor=ENGINE, now=at(10)) == []
    (closed,) = actions.close([incident], how=ClosedHow.CALLER, actor=world.voice, now=at(11))
    assert (closed.state, closed.closed_how) == ("closed", "caller")


def test_closed_is_final(world: World) -> None:
    incident = resolved(world)
    actions.close([incident], how=ClosedHow.CALLER, actor=ENGINE, now=at(10))
    with pytest.raises(InvalidTransition, match="final"):
        actions.reopen(incident, actor=world.agent, now=at(11))


def test_merging_moves_people_and_can_be_undone(world: World) -> None:
    second = create_person(email="daryna@example.org", actor=ENGINE, now=NOW)
    original, duplicate = world.incident(), world.incident(caller_id=second.id)
    merged = actions.merge(duplicate, original, actor=world.agent, now=at(1))
    assert merged.affected_users == 2
    assert verbs(duplicate)[-1] == "merged"
    back = actions.unmerge(duplicate, actor=world.agent, now=at(2))
    merged.refresh_from_db()
    assert (back.state, back.merged_into_id, merged.affected_users) == ("new", None, 1)


def test_two_people_at_once_merge_unless_they_touch_the_same_field(world: World) -> None:
    incident = world.incident()
    seen = 1
    actions.edit(incident, {"title": "VPN drops in Lviv"}, actor=world.agent, now=at(1), version=seen)
    actions.edit(incident, {"extent": "site"}, actor=world.agent, now=at(2), version=seen)
    with pytest.raises(Conflict) as refused:
        actions.edit(
            incident, {"title": "Other"}, actor=Actor.person(world.other.id), now=at(3), version=seen
        )
    assert refused.value.theirs["title"]["value"] == "VPN drops in Lviv"


def test_a_security_incident_is_nobody_elses(world: World) -> None:
    incident = world.incident(security=True, group_id=world.security.id)
    with pytest.raises(NotFound):
        actions.comment(incident, "hm", actor=world.agent, now=at(1))


def test_a_caller_may_not_work(world: World) -> None:
    with pytest.raises(NotAllowed):
        actions.take(world.incident(), actor=world.voice, now=at(1))


def test_the_log_holds_no_free_text(world: World) -> None:
    incident = world.incident(title="secret words of a caller", description="more secret words")
    actions.edit(incident, {"title": "another secret"}, actor=world.agent, now=at(1))
    actions.comment(incident, "a secret comment", actor=world.agent, now=at(2))
    kept = str(list(Event.objects.values_list("changes", "why", "data")))
    assert "secret" not in kept


def test_whose_incident_it_is_may_be_found_out_later(world: World) -> None:
    incident = world.incident(channel="monitoring", caller_id=None)
    found = actions.edit(incident, {"caller_id": world.caller.id}, actor=world.agent, now=at(1))
    assert (found.caller_id, found.affected_users) == (world.caller.id, 1)
    assert AffectedUser.objects.get(incident=found).why == "caller"
    with pytest.raises(Invalid, match="no such person"):
        actions.edit(incident, {"caller_id": 999_999}, actor=world.agent, now=at(2))
    with pytest.raises(Invalid, match="keeps a caller"):
        actions.edit(world.incident(), {"caller_id": None}, actor=world.agent, now=at(2))


def test_what_a_synthetic_caller_reports_is_synthetic(world: World) -> None:
    nobody = create_person(email="selftest@example.org", synthetic=True, actor=ENGINE, now=NOW)
    assert Incident.objects.get(id=world.incident(caller_id=nobody.id)).synthetic
    assert not Incident.objects.get(id=world.incident()).synthetic


def test_assigning_a_resolved_incident_changes_its_owner_and_never_its_state(world: World) -> None:
    incident = resolved(world)
    other = create_group(name="Platform", actor=ENGINE, now=NOW)
    moved = actions.assign(incident, group_id=other.id, actor=world.agent, now=at(6))
    assert (moved.state, moved.group_id, moved.reopenings) == ("resolved", other.id, 0)
