"""From a signal to a closed, rated incident."""

import json
import re
from typing import Any

from django.db import connection
from django.test import Client

from firstline.catalog.models import Service
from firstline.closure.models import Confirmation
from firstline.core.event_log import read
from firstline.incidents import actions
from firstline.incidents.actions import Report, register_one
from firstline.incidents.models import Incident
from firstline.intake.models import Source
from firstline.oncall.models import Escalation, Page
from tests.scenarios.story import Sent, Story

LINK = re.compile(r"https?://[^/]+(/\S+)")


def service_of(story: Story, name: str, group: str, *members: str, **fields: Any) -> Service:
    made = story.group(group, *members, leads=fields.pop("leads", ()))
    return Service.objects.create(name=name, slug=name.lower().replace(" ", "-"), group=made, **fields)


def source_of(story: Story, kind: str, service: Service) -> Source:
    number = Source.objects.count() + 1
    return Source.objects.create(
        kind=kind, name=f"{kind} {number}", token_hash=f"{number:064d}", created_at=story.now, service=service
    )


def signal(story: Story, source: Source, body: object) -> None:
    """A request as the gateway stores it, and what follows from it at once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body) "
            "VALUES (%s, %s, 'alert', 'application/json', '{}', %s)",
            [story.now, source.id, json.dumps(body).encode()],
        )
    story.until(story.now)


def links(sent: Sent, prefix: str) -> list[str]:
    return [path for path in LINK.findall(sent.body) if path.startswith(prefix)]


def verbs(incident: Incident) -> list[str]:
    return [event.verb for event in read("incident", incident.id)]


FIRING = {
    "version": "4",
    "groupKey": '{}:{alertname="Http5xx"}',
    "status": "firing",
    "receiver": "firstline",
    "groupLabels": {"alertname": "Http5xx"},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager.example",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Http5xx", "service": "Web shop", "severity": "critical"},
            "annotations": {"summary": "Checkout returns 502 for half of the requests"},
            "startsAt": "2026-03-02T08:58:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example/graph",
            "fingerprint": "a1b2c3",
        }
    ],
}


def resolved_signal() -> dict[str, object]:
    (alert,) = FIRING["alerts"]
    ended = {**alert, "status": "resolved", "endsAt": "2026-03-02T09:40:00Z"}
    return {**FIRING, "status": "resolved", "alerts": [ended]}


def test_a_signal_becomes_a_page_a_fix_and_a_closed_incident(story: Story) -> None:
    service = service_of(story, "Web shop", "Shop", "Olena", criticality="critical")
    signal(story, source_of(story, "alertmanager_webhook", service), FIRING)

    incident = Incident.objects.get()
    assert (incident.priority, incident.group, incident.service) == (1, service.group, service)
    assert incident.detected_at < incident.received_at <= incident.registered_at
    order = verbs(incident)
    stages = [order.index(verb) for verb in ("opened", "categorised", "compared", "prioritised")]
    assert stages == sorted(stages)

    (paged,) = story.told("page")
    assert paged.to == "Olena"
    (link,) = links(paged, "/page/")
    phone = Client()
    assert phone.get(link).status_code == 200
    assert Page.objects.get().acknowledged_at is None, "opening the link changes nothing"
    assert phone.post(link, {"answer": "acknowledge"}).status_code in (200, 302, 303)
    assert Page.objects.get().acknowledged_at == story.now
    story.at(1)

    olena = story.by("Olena")
    actions.take(incident.id, actor=olena, now=story.now)
    actions.diagnose(incident.id, cause="Pool exhausted", confirmed=True, actor=olena, now=story.now)
    story.at(30)
    actions.resolve(incident.id, code="fixed", notes="Rolled back.", actor=olena, now=story.now)
    story.at(3 * 24 * 60)
    closed = story.fresh(incident)
    assert (closed.state, closed.closed_how) == ("closed", "no_caller")
    assert not Confirmation.objects.filter(rating__isnull=False).exists()
    story.told("stand_down", "resolved")


def report(story: Story, title: str, caller: str, service: Service, **fields: Any) -> Incident:
    person = story.person(caller, "email", roles=[])
    facts = {"channel": "portal", "received_at": story.now, "caller_id": person.id, "service_id": service.id}
    return register_one(
        Report(title=title, **facts | fields), actor=story.by(caller, via="portal"), now=story.now
    )


def test_a_callers_report_is_answered_resolved_confirmed_and_rated(story: Story) -> None:
    service = service_of(story, "VPN", "Network", "Olena")
    incident = report(story, "VPN drops", "Roman", service)
    story.at(0)
    assert [(sent.address, sent.kind) for sent in story.told()] == [("roman@example.org", "received")]

    olena = story.by("Olena")
    actions.take(incident.id, actor=olena, now=story.now)
    actions.comment(incident.id, "We are looking into it.", actor=olena, now=story.now)
    story.at(1)
    (answered,) = story.told()
    assert answered.address == "roman@example.org"
    assert "We are looking into it." in answered.body

    story.at(20)
    actions.resolve(incident.id, code="fixed", notes="Firmware rolled back.", actor=olena, now=story.now)
    story.at(21)
    (asked,) = story.told()
    assert asked.address == "roman@example.org"
    fixed, broken, rate = links(asked, "/answer/")
    browser = Client()
    for link in (fixed, broken, rate):
        assert browser.get(link).status_code == 200
    assert story.fresh(incident).state == "resolved", "a scanner that follows links changes nothing"
    assert browser.post(fixed).status_code in (200, 302, 303)
    closed = story.fresh(incident)
    assert (closed.state, closed.closed_how) == ("closed", "caller")
    assert browser.post(rate, {"rating": "5", "comment": "Quick!"}).status_code in (200, 302, 303)
    confirmation = Confirmation.objects.get()
    assert (confirmation.answer, confirmation.rating) == ("fixed", 5)


def test_nobody_answers_so_the_next_one_is_paged_and_all_hear_the_end(story: Story) -> None:
    service = service_of(story, "Web shop", "Shop", "Olena", leads=["Lead"], criticality="critical")
    signal(story, source_of(story, "alertmanager_webhook", service), FIRING)
    first = {sent.to for sent in story.told("page")}
    assert "Olena" in first
    story.at(16)
    assert "Lead" in first | {sent.to for sent in story.told("page")}

    incident, olena = Incident.objects.get(), story.by("Olena")
    actions.diagnose(incident.id, cause="Disk full", confirmed=True, actor=olena, now=story.now)
    actions.resolve(incident.id, code="fixed", notes="Cleared.", actor=olena, now=story.now)
    story.at(17)
    assert Escalation.objects.get().ended_at is not None
    assert "Lead" in {sent.to for sent in story.told()}, "who was paged hears that it is over"
    story.at(3 * 60)
    assert story.told("page") == []


def test_still_broken_reopens_and_silence_closes_after_one_reminder(story: Story) -> None:
    service = service_of(story, "VPN", "Network", "Olena", criticality="high")
    incident = report(story, "VPN drops", "Roman", service, can_work="no")
    story.at(0)
    olena = story.by("Olena")
    actions.take(incident.id, actor=olena, now=story.now)
    actions.resolve(incident.id, code="fixed", notes="Done.", actor=olena, now=story.now)
    story.at(1)
    asked = next(sent for sent in story.told() if links(sent, "/answer/"))
    broken = links(asked, "/answer/")[1]
    Client().post(broken, {"comment": "It still drops"})
    again = story.fresh(incident)
    assert (again.state, again.reopenings, again.assignee) == ("assigned", 1, story.people["Olena"])
    story.at(2)
    story.told()

    actions.resolve(incident.id, code="fixed", notes="Now really.", actor=olena, now=story.now)
    story.at(3)
    assert "Roman" in {sent.to for sent in story.told()}
    story.at(10 * 24 * 60)
    closed = story.fresh(incident)
    assert (closed.state, closed.closed_how) == ("closed", "no_answer")
    assert [sent.to for sent in story.told()] == ["Roman"], "one reminder, then silence"
    assert not Confirmation.objects.filter(rating__isnull=False).exists(), "silence is no good mark"


def test_a_recurring_alert_reopens_and_is_counted_apart(story: Story) -> None:
    service = service_of(story, "Web shop", "Shop", "Olena", criticality="low")
    source = source_of(story, "alertmanager_webhook", service)
    signal(story, source, FIRING)
    incident = Incident.objects.get()
    story.at(40)
    signal(story, source, resolved_signal())
    story.at(70)
    assert "resolution_proposed" in verbs(incident) or story.fresh(incident).state == "resolved"
    if story.fresh(incident).state != "resolved":
        actions.resolve(incident.id, code="fixed", notes="It ended.", actor=story.by("Olena"), now=story.now)
        story.at(71)
    story.told()
    signal(story, source, FIRING)
    again = story.fresh(incident)
    assert (again.state, again.alert_reopenings, again.reopenings) == ("assigned", 1, 0)
    story.told()
