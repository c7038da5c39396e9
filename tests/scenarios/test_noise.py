"""Stories of muting on the moving clock: rules come into force, windows end, causes end, alerts flap."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.accounts.viewer import SYSTEM
from firstline.catalog import actions as catalog
from firstline.catalog.models import ConfigurationItem, ServiceDependency
from firstline.incidents.models import Incident
from firstline.intake import actions, actions_noise, queries_noise, subscriptions
from firstline.intake.matching import Condition, Field, Match
from firstline.intake.models import AlertSpan, NoiseVersion, Source
from tests.scenarios.story import MAKER, Story
from tests.unit.intake.inboxes import Inbox

pytestmark = pytest.mark.scenario


def source_of(story: Story, kind: str = "generic", **fields: Any) -> Source:
    return Inbox(story.now).source(kind, **fields)


def send(story: Story, source: Source, key: str, **fields: Any) -> AlertSpan:
    """One signal, read at once."""
    body = {"title": key, "dedup_key": key, "severity": "error", **fields}
    Inbox(story.now).put(source, body)
    story.until(story.now)
    return AlertSpan.objects.filter(alert__source=source, alert__dedup_key=key).latest("id")


def rule(story: Story, kind: str = "suppression", **definition: Any) -> int:
    row = actions_noise.create_rule(
        kind=kind,
        name=f"Rule {NoiseVersion.objects.count()}",
        definition=definition,
        actor=MAKER,
        now=story.now,
    )
    story.until(story.now)
    return row.id


def kinds(span: AlertSpan) -> list[str]:
    span.refresh_from_db()
    return [reason["kind"] for reason in span.reasons]


def labelled(name: str, value: str) -> dict[str, Any]:
    return {"conditions": [{"field": "label", "label": name, "values": [value]}]}


def test_each_reason_is_listed_and_the_last_one_to_end_lets_it_speak(story: Story) -> None:
    service = story.service()
    source = source_of(story, service_id=service.id)
    first = rule(story, match={"sources": [source.id]}, until=(story.now + timedelta(minutes=10)).isoformat())
    window = {
        "type": "once",
        "start": story.now.isoformat(),
        "end": (story.now + timedelta(minutes=20)).isoformat(),
    }
    second = rule(story, "maintenance", match={"services": [service.id]}, window=window)
    story.at(1)
    span = send(story, source, "full", labels={"host": "a"})
    assert span.state == "suppressed" and span.incident_id is None
    assert sorted(reason["rule"] for reason in span.reasons) == [first, second]
    story.at(10)
    assert kinds(span) == ["maintenance"]
    story.at(19)
    assert kinds(span) == ["maintenance"] and Incident.objects.count() == 0
    story.at(20)
    assert kinds(span) == [] and span.state == "firing"
    assert span.incident is not None and span.incident.received_at == story.now


def test_what_ends_while_it_is_muted_opens_nothing(story: Story) -> None:
    source = source_of(story, "pagerduty")
    rule(story, match={"sources": [source.id]}, until=(story.now + timedelta(minutes=10)).isoformat())
    story.at(1)
    for action in ("trigger", "resolve"):
        payload = {"summary": "s", "source": "h", "severity": "error"}
        Inbox(story.now).put(
            source, {"routing_key": "x" * 32, "event_action": action, "dedup_key": "k", "payload": payload}
        )
    story.at(30)
    span = AlertSpan.objects.get()
    assert span.state == "resolved" and [reason["kind"] for reason in span.reasons] == ["suppression"]
    assert Incident.objects.count() == 0


def test_a_rule_that_is_deleted_or_ended_lets_go_at_once(story: Story) -> None:
    source = source_of(story)
    for end in (actions_noise.delete_rule, actions_noise.end_rule):
        key = end.__name__
        number = rule(story, match={"conditions": [{"field": "key", "values": [key]}]})
        span = send(story, source, key)
        assert kinds(span) == ["suppression"]
        end(number, actor=MAKER, now=story.now)
        story.until(story.now)
        assert kinds(span) == [] and span.incident_id is not None


def test_a_rule_mutes_what_fires_already_and_its_incident_goes_on(story: Story) -> None:
    source = source_of(story)
    span = send(story, source, "known")
    incident = Incident.objects.get()
    rule(story, match={"conditions": [{"field": "title", "values": ["KNOWN"]}]})
    assert kinds(span) == ["suppression"] and span.state == "suppressed"
    assert span.incident_id == incident.id and story.fresh(incident).is_open


def test_nothing_mutes_a_security_alert_that_does_not_name_it(story: Story) -> None:
    source = source_of(story, security=True)
    rule(story, match={"sources": [source.id]})
    assert kinds(send(story, source, "ordinary rule")) == []
    rule(story, match={"sources": [source.id], "security": "yes"})
    assert kinds(send(story, source, "named")) == ["suppression"]


def test_a_change_mutes_its_item_inside_its_window_while_it_is_implemented(story: Story) -> None:
    item = ConfigurationItem.objects.create(name="db1")
    source = source_of(story)
    change = catalog.record_change(
        title="Upgrade",
        ci_id=item.id,
        state="planned",
        planned_start=story.now + timedelta(minutes=5),
        planned_end=story.now + timedelta(minutes=60),
        actor=MAKER,
        now=story.now,
    )
    span = send(story, source, "before", ci="db1", host="db1")
    AlertSpan.objects.update(ci=item)  # however the source names it
    story.at(6)
    assert kinds(span) == [], "planned is not yet being implemented"
    catalog.edit_change(change.id, state="implementing", actor=MAKER, now=story.now)
    story.until(story.now)
    assert kinds(span) == ["change"] and span.reasons[0]["by"] == change.id
    story.at(10)
    catalog.edit_change(change.id, state="implemented", actor=MAKER, now=story.now)
    story.until(story.now)
    assert kinds(span) == [], "done before its time"


def test_upstream_down_mutes_what_needs_it(story: Story) -> None:
    database, api, shop = story.service("Database"), story.service("API"), story.service("Shop")
    for service, upstream in ((shop, api), (api, database)):
        ServiceDependency.objects.create(service=service, upstream=upstream)
    rule(story, "dependency")
    low, high = source_of(story, "pagerduty", service_id=database.id), source_of(story, service_id=shop.id)
    down = {"routing_key": "x" * 32, "event_action": "trigger", "dedup_key": "d"}
    payload = {"summary": "Database is down", "source": "db", "severity": "critical"}
    Inbox(story.now).put(low, {**down, "payload": payload})
    story.until(story.now)
    cause = AlertSpan.objects.get()
    assert kinds(cause) == []
    span = send(story, high, "slow")
    assert kinds(span) == ["dependency"] and span.reasons[0]["by"] == cause.id
    (told,) = queries_noise.told(SYSTEM, [span])[span.id]
    assert "Database is down" in told.text
    Inbox(story.now).put(low, {**down, "event_action": "resolve"})
    story.until(story.now)
    assert kinds(span) == [] and span.incident_id is not None


def test_a_flapping_alert_is_held_as_one_and_let_go_when_it_is_quiet(story: Story) -> None:
    source = source_of(story, "pagerduty")
    rule(story, "flapping", changes=5, minutes=10, calm=2)
    event = {"routing_key": "x" * 32, "dedup_key": "k"}
    payload = {"summary": "s", "source": "h", "severity": "error"}
    for minute in range(1, 9):
        story.at(minute)
        action = "trigger" if minute % 2 else "resolve"
        Inbox(story.now).put(source, {**event, "event_action": action, "payload": payload})
        story.until(story.now)
    spans = list(AlertSpan.objects.order_by("id"))
    assert len(spans) == 3, "two that came and went, and the one that is held from the fifth change on"
    held = spans[-1]
    assert kinds(held) == ["flapping"] and (held.state, held.count) == ("suppressed", 2)
    assert Incident.objects.count() == 1 and held.incident_id == Incident.objects.get().id
    story.at(16.9)
    assert held.state == "suppressed"
    story.at(20)
    held.refresh_from_db()
    assert (held.state, held.reasons) == ("resolved", [])
    assert held.ended_at == story.begin + timedelta(minutes=8), "when it said so"


def test_what_counts_only_when_repeated(story: Story) -> None:
    source = source_of(story)
    rule(story, "threshold", times=3, minutes=10, match={"sources": [source.id]})
    for minute, expected in ((1, ["threshold"]), (9, ["threshold"]), (12, ["threshold"]), (13, []), (40, [])):
        story.at(minute)
        span = send(story, source, "login failed")
        assert kinds(span) == expected, minute
    assert span.count == 5 and Incident.objects.count() == 1


def test_the_floor_is_a_reason_and_moving_it_is_looked_at(story: Story) -> None:
    source = source_of(story, severity_floor="error")
    span = send(story, source, "small", severity="warning")
    assert kinds(span) == ["floor"] and span.state == "suppressed"
    actions.edit_source(source.id, severity_floor="warning", actor=MAKER, now=story.now)
    story.until(story.now)
    assert kinds(span) == [] and span.incident_id is not None


def test_a_recurring_window_comes_into_force_by_itself(story: Story) -> None:
    source = source_of(story)
    span = send(story, source, "nightly")
    window = {
        "type": "recurring",
        "rule": "FREQ=DAILY",
        "start": "2026-11-20T12:00:00",
        "minutes": 30,
        "zone": "Europe/Kyiv",
    }
    rule(story, "maintenance", match={"sources": [source.id]}, window=window)
    story.at(59)  # 11:59 in Kyiv
    assert kinds(span) == []
    story.at(60)
    assert kinds(span) == ["maintenance"]
    story.at(90)
    assert kinds(span) == []


def test_the_past_keeps_its_answer(story: Story) -> None:
    source = source_of(story)
    number = rule(story, match={"sources": [source.id]}, reason="first")
    then = story.now
    story.at(10)
    actions_noise.edit_rule(
        number, definition={"match": {"sources": [source.id + 1]}}, actor=MAKER, now=story.now
    )
    story.at(20)
    actions_noise.delete_rule(number, actor=MAKER, now=story.now)
    (known,) = queries_noise.in_force_at(SYSTEM, then)
    assert (known.rule.reason, known.rule.match.sources) == ("first", (source.id,))
    (known,) = queries_noise.in_force_at(SYSTEM, story.begin + timedelta(minutes=15))
    assert known.rule.match.sources == (source.id + 1,)
    assert queries_noise.in_force_at(SYSTEM, story.now) == []


def test_a_preview_says_what_the_rule_then_does(story: Story) -> None:
    source = source_of(story)
    for number in range(6):
        send(story, source, f"disk {number}" if number < 4 else f"net {number}")
    tried = actions_noise.rule_from(
        "suppression", {"match": {"conditions": [{"field": "title", "op": "contains", "values": ["DISK"]}]}}
    )
    found = queries_noise.preview(SYSTEM, tried, last=5)
    assert (found.of, found.muted, found.open, len(found.incidents)) == (5, 3, 3, 3)
    assert queries_noise.preview(SYSTEM, tried, last=100).muted == 4


def test_one_incident_two_subscribers(story: Story) -> None:
    teams = {name: story.group(name, f"{name} one", "Both") for name in ("kafka", "production")}
    matches = {
        "kafka": Match(services=(story.service("Kafka").id,)),
        "production": Match(conditions=(Condition(Field.LABEL, values=("prod",), label="env"),)),
    }
    for name, match in matches.items():
        subscriptions.create(name=name, group_id=teams[name].id, match=match, actor=MAKER, now=story.now)
    source = source_of(story, "alertmanager")
    Inbox(story.now).put(source, [{"labels": {"alertname": "Lag", "service": "Kafka", "env": "prod"}}])
    story.at(1)
    assert Incident.objects.count() == 1
    told = story.told("subscribed")
    assert sorted(sent.to for sent in told) == ["Both", "kafka one", "production one"], (
        "somebody in both hears once"
    )
    found = subscriptions.subscribers(SYSTEM, Incident.objects.get().id)
    assert [each["team"] for each in found] == ["kafka", "production"]


def test_a_subscription_never_tells_of_security_it_does_not_name(story: Story) -> None:
    team = story.group("watchers", "Watcher")
    source = source_of(story, security=True)
    match = Match(sources=(source.id,))
    subscriptions.create(name="s", group_id=team.id, match=match, actor=MAKER, now=story.now)
    send(story, source, "breach")
    named = Match(sources=(source.id,), security="yes")
    subscriptions.create(name="t", group_id=team.id, match=named, actor=MAKER, now=story.now)
    send(story, source, "another")
    assert story.told("subscribed") == [], "its members may not see such incidents"
