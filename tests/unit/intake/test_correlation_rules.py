"""Correlation rules as documents: who may change them, what is refused, what the log keeps, what a dry run says."""

import json
from typing import Any

import pytest
from django.test import Client

from firstline.accounts.viewer import viewer_of
from firstline.core.errors import Conflict, Invalid, NotAllowed
from firstline.core.models import Event
from firstline.intake import actions_correlation as actions
from firstline.intake import queries_correlation as queries
from firstline.intake.candidates import rules_in_force
from firstline.intake.grounds import DEFAULT_RULES, Ground, Rule
from firstline.intake.models import CorrelationRule
from tests.organisation import Organisation, organisation
from tests.unit.intake.inboxes import Inbox


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


def ids() -> list[int]:
    return list(CorrelationRule.objects.order_by("position", "id").values_list("id", flat=True))


def test_an_installation_begins_with_the_built_in_list(org: Organisation) -> None:
    assert [rule.ground for rule in rules_in_force()] == [rule.ground for rule in DEFAULT_RULES]
    assert [row.definition for row in CorrelationRule.objects.all()] == [
        actions.stored(rule) for rule in DEFAULT_RULES
    ]


def test_a_change_is_in_force_and_in_the_log(org: Organisation) -> None:
    by, first = org.by(org.admin), CorrelationRule.objects.get(definition__ground="same_service")
    actions.edit_rule(
        first.id, rule=Rule(ground=Ground.SERVICE, window=7), name="Shop", actor=by, now=org.now
    )
    assert [rule.window for rule in rules_in_force() if rule.ground is Ground.SERVICE] == [7]
    event = Event.objects.filter(verb="configuration_changed", data__thing="correlation_rule").latest("id")
    assert event.subject_id == first.id and set(event.changes) == {"name", "definition"}
    with pytest.raises(Conflict):
        actions.edit_rule(first.id, name="Late", seen="old", actor=by, now=org.now)


def test_order_and_taking_away(org: Organisation) -> None:
    by, before = org.by(org.admin), ids()
    actions.move(before[1], up=True, actor=by, now=org.now)
    assert ids() == [before[1], before[0], *before[2:]]
    with pytest.raises(Conflict):
        actions.reorder(before[:2], actor=by, now=org.now)
    for rule_id in before[1:]:
        actions.delete_rule(rule_id, actor=by, now=org.now)
    with pytest.raises(Invalid, match="last rule"):
        actions.delete_rule(before[0], actor=by, now=org.now)


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        ({"ground": "magic"}, "ground"),
        ({"ground": "same_ci", "window": -1}, "window"),
        ({"ground": "same_ci", "hops": 99}, "hops"),
        ({"ground": "same_ci", "colour": "red"}, "definition"),
        ({"ground": "same_ci", "id": 4}, "id"),
        ({}, "definition"),
    ],
)
def test_what_is_no_rule_is_refused_at_its_field(definition: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        actions.rule_from(definition)
    assert field in refused.value.fields


def test_names_are_unique_and_not_everybody_may(org: Organisation) -> None:
    rule = Rule(ground=Ground.CI)
    with pytest.raises(Invalid):
        actions.create_rule(name="one machine", rule=rule, actor=org.by(org.admin), now=org.now)
    with pytest.raises(NotAllowed):
        actions.create_rule(name="Mine", rule=rule, actor=org.by(org.agent), now=org.now)


def two_alerts(org: Organisation) -> None:
    """Three minutes apart, of one service."""
    inbox = Inbox(now=org.now)
    source = inbox.source("pagerduty", service=org.mail)
    for key in ("a", "b"):
        payload = {"summary": f"{key} is down", "source": key, "severity": "error"}
        inbox.put(
            source, {"routing_key": "x", "event_action": "trigger", "dedup_key": key, "payload": payload}
        )
        inbox.drain()
        inbox.pass_time(minutes=3)


def test_a_dry_run_says_what_would_move_and_changes_nothing(org: Organisation) -> None:
    two_alerts(org)
    events = Event.objects.count()
    trial = queries.dry_run(viewer_of(org.admin.id), [Rule(ground=Ground.SERVICE, window=1)])
    assert (trial.alerts, trial.found.before, trial.found.after) == (2, 1, 2)
    assert [(move.span.title, move.left, move.met) for move in trial.moves] == [
        ("a is down", 1, 0),
        ("b is down", 1, 0),
    ]
    assert trial.moves[1].before.startswith("Same service Mail, 3 minutes after")
    assert trial.moves[1].after.startswith("It opened the incident")
    same = queries.dry_run(viewer_of(org.admin.id), [Rule(ground=Ground.SERVICE, window=10)])
    assert same.moves == [] and same.taken == {0: 1}
    assert Event.objects.count() == events


def test_the_page_tries_before_it_saves(org: Organisation) -> None:
    two_alerts(org)
    client = Client()
    client.force_login(org.admin, backend="django.contrib.auth.backends.ModelBackend")
    row = CorrelationRule.objects.get(definition__ground="same_service")
    listed = client.get("/console/correlation/").content.decode()
    assert "last 2 alerts make 1 incidents" in listed and row.name in listed
    form = {**row.definition, "name": row.name, "active": "on", "security": "", "window": 1, "reopens": ""}
    form = {name: value for name, value in form.items() if value not in (None, [], False, "")}
    tried = client.post(f"/console/correlation/{row.id}/", {**form, "try": "1"})
    assert tried.status_code == 200 and "What would change" in tried.content.decode()
    assert "no longer with 1" in tried.content.decode()
    row.refresh_from_db()
    assert row.definition["window"] == 30
    assert client.post(f"/console/correlation/{row.id}/", form).status_code == 302
    row.refresh_from_db()
    assert row.definition["window"] == 1
    assert client.post(f"/console/correlation/{row.id}/", {**form, "window": "-3"}).status_code == 422


def test_the_api(org: Organisation) -> None:
    two_alerts(org)
    client = Client()
    client.force_login(org.admin, backend="django.contrib.auth.backends.ModelBackend")

    def call(method: str, path: str = "", body: Any = None) -> Any:
        return client.generic(
            method, f"/api/v1/correlation-rules{path}", as_json(body), content_type="application/json"
        )

    listed = call("GET").json()["items"]
    assert [each["definition"]["ground"] for each in listed] == [rule.ground.value for rule in DEFAULT_RULES]
    made = call("POST", body={"name": "Mine", "definition": {"ground": "same_ci", "window": 3}})
    assert made.status_code == 201 and made.json()["definition"]["window"] == 3
    number = made.json()["id"]
    changed = call(
        "PUT", f"/{number}", {"name": "Mine", "active": False, "definition": {"ground": "same_ci"}}
    )
    assert changed.json()["active"] is False and changed.json()["definition"]["window"] == 30
    ordered = call("POST", "/order", {"ids": [number, *(each["id"] for each in listed)]})
    assert ordered.json()["items"][0]["id"] == number
    tried = call("POST", "/try", {"rules": [{"ground": "same_service", "window": 1}]}).json()
    assert (tried["incidents_before"], tried["incidents_after"], tried["moved"]) == (1, 2, 2)
    assert call("DELETE", f"/{number}").status_code == 204
    assert call("GET", f"/{number}").status_code == 404
    assert call("POST", body={"name": "X", "definition": {"ground": "magic"}}).status_code == 422


def as_json(body: Any) -> str:
    return "" if body is None else json.dumps(body)
