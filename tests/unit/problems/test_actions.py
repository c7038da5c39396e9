"""The life of a problem."""

from datetime import UTC, date, datetime

import pytest

from firstline.accounts.actions import create_group, create_person, set_members
from firstline.accounts.viewer import SYSTEM, viewer_of
from firstline.catalog.actions import create_service
from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.core.errors import Conflict, Invalid, InvalidTransition, NotAllowed, NotFound
from firstline.incidents.actions.register import Report, register_one
from firstline.incidents.models import Incident
from firstline.problems import actions, queries

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SETUP = Actor.system("test")


def incident(title: str = "VPN drops", **fields: object) -> int:
    report = Report(title=title, channel="monitoring", received_at=NOW, **fields)  # type: ignore[arg-type]
    return register_one(report, actor=SETUP, now=NOW).id


def person(name: str, *roles: str) -> int:
    return create_person(email=f"{name}@example.org", roles=list(roles), actor=SETUP, now=NOW).id


def test_it_opens_from_incidents_with_what_they_share() -> None:
    service = create_service(name="VPN", actor=SETUP, now=NOW).id
    numbers = [incident(service_id=service), incident(service_id=service, extent="all")]
    agent = Actor.person(person("a", "agent"))

    problem = actions.open_problem(title="VPN drops hourly", incident_ids=numbers, actor=agent, now=NOW)

    assert (problem.service_id, problem.group_id, problem.owner_id) == (service, None, agent.id)
    seen, hidden = queries.incidents_of(SYSTEM, problem.id)
    assert ({row.id for row in seen}, hidden) == (set(numbers), 0)
    assert [event.verb for event in event_log.read("incident", numbers[0])][-1] == "problem_set"
    assert [entry.event.verb for entry in queries.timeline(SYSTEM, problem.id)] == ["opened"]


def test_an_incident_has_one_problem() -> None:
    number = incident()
    first = actions.open_problem(title="One", incident_ids=[number], actor=SETUP, now=NOW)
    second = actions.open_problem(title="Two", actor=SETUP, now=NOW)
    actions.link_incidents(second.id, [number], actor=SETUP, now=NOW)

    assert queries.incidents_of(SYSTEM, first.id) == ([], 0)
    assert Incident.objects.get(id=number).problem_id == second.id
    actions.unlink_incident(second.id, number, actor=SETUP, now=NOW)
    assert Incident.objects.get(id=number).problem_id is None


def test_a_known_error_needs_its_workaround_and_is_offered_until_it_is_solved() -> None:
    problem = actions.open_problem(title="VPN drops", actor=SETUP, now=NOW)
    with pytest.raises(Invalid) as refused:
        actions.publish_known_error(problem.id, actor=SETUP, now=NOW)
    assert list(refused.value.fields) == ["workaround"]

    actions.publish_known_error(problem.id, workaround="Reconnect twice.", public=True, actor=SETUP, now=NOW)
    assert [error.problem_id for error in queries.known_errors()] == [problem.id]
    assert [row.workaround for row in queries.public_known_errors()] == ["Reconnect twice."]
    with pytest.raises(Invalid):
        actions.edit_problem(problem.id, {"workaround": " "}, actor=SETUP, now=NOW)

    with pytest.raises(Invalid):
        actions.solve(problem.id, actor=SETUP, now=NOW)
    actions.solve(problem.id, root_cause="Lease time of an hour", actor=SETUP, now=NOW)
    assert queries.known_errors() == []
    assert not queries.public_known_errors().exists()
    with pytest.raises(InvalidTransition):
        actions.publish_known_error(problem.id, actor=SETUP, now=NOW)


def test_closing_with_open_actions_needs_a_reason() -> None:
    problem = actions.open_problem(title="VPN drops", actor=SETUP, now=NOW)
    owner = person("o", "agent")
    action = actions.add_action(
        problem.id,
        title="Longer lease",
        owner_id=owner,
        due_on=date(2026, 12, 1),
        actor=SETUP,
        now=NOW,
    )
    actions.solve(problem.id, root_cause="Lease", actor=SETUP, now=NOW)
    with pytest.raises(Invalid, match="1 preventive actions are open"):
        actions.close(problem.id, actor=SETUP, now=NOW)
    actions.finish_action(problem.id, action.id, actor=SETUP, now=NOW)
    assert actions.close(problem.id, actor=SETUP, now=NOW).state == "closed"
    assert actions.reopen(problem.id, reason="again", actor=SETUP, now=NOW).state == "open"
    assert queries.timeline(SYSTEM, problem.id)[-1].text == "again"


def test_an_action_without_owner_or_date_is_refused_at_those_fields() -> None:
    problem = actions.open_problem(title="VPN drops", actor=SETUP, now=NOW)
    with pytest.raises(Invalid) as refused:
        actions.add_action(problem.id, title="Do", owner_id=None, due_on=None, actor=SETUP, now=NOW)
    assert set(refused.value.fields) == {"owner", "due_on"}


def test_two_people_at_once() -> None:
    problem = actions.open_problem(title="VPN drops", actor=SETUP, now=NOW)
    seen = problem.version
    actions.edit_problem(problem.id, {"root_cause": "A"}, version=seen, actor=SETUP, now=NOW)
    with pytest.raises(Conflict):
        actions.edit_problem(problem.id, {"root_cause": "B"}, version=seen, actor=SETUP, now=NOW)
    assert queries.problem(SYSTEM, problem.id).root_cause == "A"


def test_a_security_problem_is_known_to_its_group_only() -> None:
    group = create_group(name="SOC", security=True, actor=SETUP, now=NOW)
    member, agent = person("soc", "agent"), person("agent", "agent")
    set_members(group.id, {member: False}, actor=SETUP, now=NOW)
    number = incident(security=True, group_id=group.id)
    problem = actions.open_problem(title="Phishing", incident_ids=[number], actor=SETUP, now=NOW)
    actions.publish_known_error(problem.id, workaround="Reset.", actor=SETUP, now=NOW)

    assert [row.id for row in queries.problems(viewer_of(member))] == [problem.id]
    assert not queries.problems(viewer_of(agent)).exists()
    with pytest.raises(NotFound):
        queries.problem(viewer_of(agent), problem.id)
    with pytest.raises(NotFound):
        actions.edit_problem(problem.id, {"root_cause": "x"}, actor=Actor.person(agent), now=NOW)
    assert queries.known_errors() == []
    assert len(queries.known_errors(security_group_id=group.id)) == 1
    with pytest.raises(Invalid):
        actions.publish_known_error(problem.id, public=True, actor=SETUP, now=NOW)
    with pytest.raises(Invalid):
        actions.link_incidents(problem.id, [incident()], actor=SETUP, now=NOW)


def test_callers_and_auditors_change_nothing() -> None:
    for who in (person("c"), person("aud", "auditor")):
        with pytest.raises(NotAllowed):
            actions.open_problem(title="X", actor=Actor.person(who), now=NOW)
