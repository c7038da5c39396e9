"""Alerts meet in the database: by entities, dependencies, wording; edges say why, counts are kept."""

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from firstline.catalog.models import Service, ServiceDependency
from firstline.core.actor import Actor
from firstline.core.models import Event
from firstline.incidents import actions
from firstline.incidents.lifecycle import ClosedHow
from firstline.incidents.models import Incident, Link
from firstline.intake import ending, settling
from firstline.intake.explaining import explained
from firstline.intake.models import (
    AlertSpan,
    CorrelationRule,
    Edge,
    IncidentAlerts,
    IncidentKey,
    Source,
)
from tests.unit.intake.inboxes import Inbox

BY = Actor.system("test")


def event(key: str, summary: str = "", service: str = "", **more: Any) -> dict[str, Any]:
    payload = {"summary": summary or f"{key} is down", "source": key, "severity": "error"}
    if service:
        payload["component"] = service
    return {"routing_key": "x" * 32, "event_action": "trigger", "dedup_key": key, "payload": payload, **more}


def wazuh(rule: str, agent: str, srcip: str = "", **more: Any) -> dict[str, Any]:
    return {
        "timestamp": "2026-11-23T09:00:00.000+0000",
        "rule": {"id": rule, "level": 10, "description": f"Rule {rule} fired"},
        "agent": {"id": agent, "name": agent, "ip": "10.0.0.5"},
        "data": {"srcip": srcip} if srcip else {},
        **more,
    }


def take(inbox: Inbox, source: Source, *bodies: object) -> None:
    for body in bodies:
        inbox.put(source, body)
    inbox.drain()


def why(span: AlertSpan) -> str:
    return explained([Edge.objects.get(span=span)])[0][1]


def test_alerts_about_one_attacker_are_one_incident_whatever_the_machine(inbox: Inbox) -> None:
    source = inbox.source("wazuh", security=True)
    take(inbox, source, wazuh("1", "web-1", "198.51.100.9"))
    inbox.pass_time(minutes=20)
    take(inbox, source, wazuh("2", "db-1", "198.51.100.9"), wazuh("3", "lamp-9"))
    first, second, third = inbox.spans(source)
    assert first.incident_id == second.incident_id
    assert "198.51.100.9" in why(second) and "points" in why(second)
    assert third.incident_id == first.incident_id, (
        "it came in one batch with an alert of the same agent address"
    )


def test_no_text_of_a_signal_is_in_the_log(inbox: Inbox) -> None:
    source = inbox.source("wazuh", security=True)
    take(inbox, source, wazuh("1", "web-1", "198.51.100.9"), wazuh("2", "db-1", "198.51.100.9"))
    joined = Event.objects.filter(verb="alerts_joined").get()
    assert IncidentKey.objects.filter(id__in=joined.why["keys"]).count() == len(joined.why["keys"]) == 2
    assert "198.51" not in str(joined.why) + str(joined.data)


def test_the_database_below_the_shop(inbox: Inbox) -> None:
    shop, database = (Service.objects.create(name=name, slug=name.lower()) for name in ("Shop", "Database"))
    ServiceDependency.objects.create(service=shop, upstream=database)
    below = inbox.source("pagerduty", service=database)
    above = inbox.source("pagerduty", service=shop)
    take(inbox, below, event("db", "No space left on device"))
    inbox.pass_time(minutes=3)
    take(inbox, above, event("shop", "Checkout answers 500"))
    (span,) = inbox.spans(above)
    assert Incident.objects.count() == 1
    assert why(span).startswith("Database is below Shop in the dependency graph (1 step); 3 minutes after")
    inbox.pass_time(minutes=11)
    take(inbox, above, event("shop2", "Basket is empty again"))
    assert Incident.objects.count() == 1, "now by the same service"


def test_alerts_of_one_wording(inbox: Inbox) -> None:
    source = inbox.source("pagerduty")
    take(
        inbox,
        source,
        event("a", "Disk /var on web-01 nearly full"),
        event("b", "Disk /srv on web-02 nearly full"),
    )
    take(inbox, source, event("c", "Queue worker has stopped"))
    one, two, three = inbox.spans(source)
    assert one.incident_id == two.incident_id != three.incident_id
    assert "disk <*> on <*> nearly full" in why(two)


def test_a_saved_list_replaces_the_built_in_one_and_an_empty_one_joins_nothing(inbox: Inbox) -> None:
    service = Service.objects.create(name="Shop", slug="shop")
    source = inbox.source("pagerduty", service=service)
    CorrelationRule.objects.all().delete()
    rule = CorrelationRule.objects.create(
        name="Only the shop",
        definition={"ground": "same_service", "window": 5, "soak": 30, "resolves": False},
    )
    take(inbox, source, event("a"), event("b"))
    one, two = inbox.spans(source)
    assert one.incident_id == two.incident_id
    assert why(two).endswith("Rule “Only the shop”.")
    kept = IncidentAlerts.objects.get()
    assert (kept.size, kept.soak_minutes, kept.proposes) == (2, 30, True)
    rule.active = False
    rule.save()
    take(inbox, source, event("c"))
    assert Incident.objects.count() == 2


def test_the_rules_soak_and_whether_it_resolves(inbox: Inbox) -> None:
    service = Service.objects.create(name="Shop", slug="shop")
    source = inbox.source("pagerduty", service=service)
    CorrelationRule.objects.all().delete()
    CorrelationRule.objects.create(name="Slow", definition={"ground": "same_service", "soak": 30})
    take(inbox, source, event("a"), event("b"))
    take(inbox, source, event("a") | {"event_action": "resolve"}, event("b") | {"event_action": "resolve"})
    assert ending.run(inbox.pass_time(minutes=29)) == 0
    assert ending.run(inbox.pass_time(minutes=1)) == 1
    assert Incident.objects.get().state == "resolved"


def test_a_rule_that_only_proposes(inbox: Inbox) -> None:
    service = Service.objects.create(name="Shop", slug="shop")
    source = inbox.source("pagerduty", service=service)
    CorrelationRule.objects.all().delete()
    CorrelationRule.objects.create(name="P", definition={"ground": "same_service", "resolves": False})
    take(inbox, source, event("a"), event("b"))
    take(inbox, source, event("a") | {"event_action": "resolve"}, event("b") | {"event_action": "resolve"})
    ending.run(inbox.pass_time(minutes=5))
    assert Incident.objects.get().state == "new"
    assert Event.objects.filter(verb="resolution_proposed").count() == 1


def test_an_incident_is_not_over_while_a_merged_one_fires(inbox: Inbox) -> None:
    source = inbox.source("pagerduty")
    take(inbox, source, event("a"), event("b"))
    one, two = Incident.objects.order_by("id")
    actions.merge(two.id, one.id, actor=BY, now=inbox.now)
    take(inbox, source, event("a") | {"event_action": "resolve"})
    assert ending.run(inbox.pass_time(minutes=6)) == 0
    take(inbox, source, event("b") | {"event_action": "resolve"})
    ending.run(inbox.pass_time(minutes=6))
    assert Incident.objects.get(id=one.id).state == "resolved"


def resolved(inbox: Inbox, incident: Incident) -> None:
    actions.resolve(incident.id, code="fixed", notes="Done.", actor=BY, now=inbox.now)


def test_closing_ends_the_stretch_and_the_next_signal_opens_a_recurrence(inbox: Inbox) -> None:
    source = inbox.source("pagerduty")
    take(inbox, source, event("a"))
    old = Incident.objects.get()
    resolved(inbox, old)
    inbox.pass_time(minutes=2)
    actions.close([old.id], how=ClosedHow.CALLER, actor=BY, now=inbox.now)
    settling.run(inbox.now)
    (span,) = inbox.spans(source)
    assert (span.state, span.ended_at) == ("resolved", inbox.now)
    assert Event.objects.filter(verb="alerts_settled", subject_id=old.id).count() == 1
    inbox.pass_time(minutes=3)
    take(inbox, source, event("a"))
    new = Incident.objects.exclude(id=old.id).get()
    link = Link.objects.get()
    assert (link.incident_id, link.other_id, link.kind) == (new.id, old.id, "recurrence")
    assert [one.count for one in inbox.spans(source)] == [1, 1]


def test_still_firing_long_after_a_person_resolved_reopens(inbox: Inbox) -> None:
    source = inbox.source("pagerduty")
    take(inbox, source, event("a"))
    incident = Incident.objects.get()
    resolved(inbox, incident)
    inbox.pass_time(minutes=4)
    take(inbox, source, event("a"))
    settling.run(inbox.pass_time(minutes=11))
    assert Incident.objects.get().state == "resolved", "a signal under way says nothing"
    inbox.pass_time(minutes=30)
    take(inbox, source, event("a"))
    settling.run(inbox.pass_time(minutes=30))
    assert Incident.objects.get().state in ("assigned", "new")
    assert Event.objects.get(verb="reopened").why["ground"] == "still_firing"


def test_cancelled_is_a_persons_word(inbox: Inbox) -> None:
    source = inbox.source("pagerduty")
    take(inbox, source, event("a"))
    actions.cancel(Incident.objects.get().id, reason="false_alarm", note="", actor=BY, now=inbox.now)
    inbox.pass_time(hours=1)
    settling.run(inbox.now)
    take(inbox, source, event("a"))
    assert Incident.objects.count() == 1
    assert inbox.spans(source)[0].count == 2


def test_a_batch_costs_the_same_number_of_statements_however_large_the_incident(inbox: Inbox) -> None:
    service = Service.objects.create(name="Shop", slug="shop")
    source = inbox.source("pagerduty", service=service)
    numbers = []
    for size in (2, 400):
        take(inbox, source, *(event(f"{size}-{n}") for n in range(size)))
        inbox.pass_time(minutes=1)
        inbox.put(source, event(f"next-{size}"))
        with CaptureQueriesContext(connection) as queries:
            inbox.drain()
        numbers.append(len(queries))
    assert (
        IncidentAlerts.objects.get().size == 404 == AlertSpan.objects.filter(incident__isnull=False).count()
    )
    assert numbers[0] == numbers[1]
