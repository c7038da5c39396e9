"""From a stored request to an alert and its incident."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from firstline.catalog.models import Change, Service
from firstline.core.actor import Actor
from firstline.core.models import Due, Event
from firstline.incidents import actions
from firstline.incidents.models import Incident
from firstline.intake import drain, ending, heartbeats
from firstline.intake.models import Alert, AlertSpan, Edge, Heartbeat
from tests.unit.intake.inboxes import Inbox, Trigger


def test_a_trigger_becomes_an_alert_and_an_incident(inbox: Inbox, pagerduty_event: Trigger) -> None:
    source = inbox.source("pagerduty")
    row = inbox.put(source, pagerduty_event(summary="Database down", severity="critical"))
    assert inbox.drain() == 1
    (span,) = inbox.spans(source)
    incident = Incident.objects.get()
    assert (span.state, span.count, span.title, span.severity, span.inbox_id) == (
        "firing",
        1,
        "Database down",
        "critical",
        row,
    )
    assert (incident.title, incident.channel, incident.source_id, incident.degradation) == (
        "Database down",
        "monitoring",
        source.id,
        "down",
    )
    assert span.incident_id == incident.id
    assert Edge.objects.get().rule == "first"
    assert inbox.rows(source) == [("done", "", 1)]
    assert Due.objects.filter(kind="triage", subject_id=incident.id).exists()


def test_counts_spans_and_severity(inbox: Inbox, pagerduty_event: Trigger) -> None:
    source = inbox.source("pagerduty")
    for severity in ("warning", "warning", "critical"):
        inbox.put(source, pagerduty_event(severity=severity))
        inbox.drain()
        inbox.pass_time(minutes=1)
    inbox.put(source, pagerduty_event("resolve"))
    inbox.put(source, pagerduty_event(severity="warning"))
    inbox.drain()
    first, second = inbox.spans(source)
    assert (first.state, first.count, first.severity) == ("resolved", 3, "critical")
    assert (second.state, second.count, second.severity) == ("firing", 1, "warning")
    assert Incident.objects.count() == 1
    assert Edge.objects.get(span=second).rule == "same_alert"
    assert Alert.objects.get().spans_count == 2


def test_a_storm_is_one_incident_with_one_event(inbox: Inbox) -> None:
    source = inbox.source("alertmanager_webhook")
    alerts = [
        {"status": "firing", "labels": {"alertname": "Down", "instance": f"node-{n}"}, "annotations": {}}
        for n in range(300)
    ]
    inbox.put(
        source, {"version": "4", "groupKey": "{}:{alertname=Down}", "status": "firing", "alerts": alerts}
    )
    inbox.drain()
    incident = Incident.objects.get()
    assert AlertSpan.objects.filter(incident=incident).count() == 300
    joined = Event.objects.filter(subject_type="incident", subject_id=incident.id, verb="alerts_joined")
    assert [event.data["count"] for event in joined] == [300]


def test_resolve_of_the_last_alert_resolves_after_the_soak(inbox: Inbox, pagerduty_event: Trigger) -> None:
    source = inbox.source("pagerduty")
    inbox.put(source, pagerduty_event(key="a"))
    inbox.put(source, pagerduty_event("resolve", key="a"))
    inbox.drain()
    assert ending.run(inbox.now) == 0
    inbox.pass_time(minutes=6)
    assert ending.run(inbox.now) == 1
    assert Incident.objects.get().state == "resolved"


def test_a_trigger_within_the_soak_keeps_it_open(inbox: Inbox, pagerduty_event: Trigger) -> None:
    source = inbox.source("pagerduty")
    inbox.put(source, pagerduty_event(key="a"))
    inbox.put(source, pagerduty_event("resolve", key="a"))
    inbox.drain()
    inbox.pass_time(minutes=4)
    inbox.put(source, pagerduty_event(key="a"))
    inbox.drain()
    inbox.pass_time(minutes=10)
    assert ending.run(inbox.now) == 0
    assert Incident.objects.get().state == "new"


def test_a_recurring_alert_reopens_what_is_resolved(inbox: Inbox, pagerduty_event: Trigger) -> None:
    source = inbox.source("pagerduty")
    inbox.put(source, pagerduty_event(key="a"))
    inbox.put(source, pagerduty_event("resolve", key="a"))
    inbox.drain()
    inbox.pass_time(minutes=6)
    ending.run(inbox.now)
    inbox.pass_time(minutes=30)
    inbox.put(source, pagerduty_event(key="a"))
    inbox.drain()
    incident = Incident.objects.get()
    assert (incident.state, incident.alert_reopenings, incident.reopenings) == ("assigned", 1, 0)


def test_security_is_kept_apart_and_never_resolves_by_itself(inbox: Inbox, pagerduty_event: Trigger) -> None:
    service = Service.objects.create(name="Mail", slug="mail")
    monitor = inbox.source("pagerduty", service=service)
    siem = inbox.source("wazuh", service=service, settings={"expires_after": 60})
    inbox.put(monitor, pagerduty_event(key="a"))
    inbox.put(
        siem, {"rule": {"level": 12, "description": "Brute force", "id": "5712"}, "agent": {"name": "web-1"}}
    )
    inbox.drain()
    ordinary, secret = Incident.objects.order_by("security")
    assert (ordinary.security, secret.security, secret.channel) == (False, True, "SIEM")
    span = AlertSpan.objects.get(source=siem)
    AlertSpan.objects.filter(id=span.id).update(state="resolved", ended_at=inbox.now)
    ending.after_resolve([span.id], now=inbox.now)
    inbox.pass_time(minutes=10)
    ending.run(inbox.now)
    secret.refresh_from_db()
    assert secret.state == "new"
    assert Event.objects.filter(subject_id=secret.id, verb="resolution_proposed").exists()


def test_what_cannot_be_read_is_kept_told_once_and_replayed(inbox: Inbox) -> None:
    source = inbox.source("alertmanager_webhook", name="Grafana")
    for _ in range(3):
        inbox.put(source, {"shape": "unknown", "headline": "Disk is full"})
        inbox.drain()
    assert [(state, bool(error)) for state, error, _ in inbox.rows(source)] == [("failed", True)] * 3
    incident = Incident.objects.get()
    assert "Grafana" in incident.title
    (complaint,) = inbox.spans(source)
    assert complaint.count == 3

    source.mapping = {"title": "$.headline"}
    source.save()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE inbox SET state = 'new', error = '' WHERE source_id = %s", [source.id])
    inbox.drain()
    assert {state for state, _, _ in inbox.rows(source)} == {"done"}
    spans = {span.title: span for span in inbox.spans(source)}
    assert spans["Disk is full"].count == 3
    complaint.refresh_from_db()
    assert complaint.state == "resolved"


def test_one_row_that_postgresql_refuses_holds_up_only_itself(
    inbox: Inbox, pagerduty_event: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = inbox.source("pagerduty")
    good = inbox.put(source, pagerduty_event(key="good"))
    # a severity floor that no enum knows breaks whatever reaches it: our fault, not the row's
    bad = inbox.put(source, b'{"event_action": "trigger", "dedup_key": "bad", "payload": {"summary": "x"}}')
    parse = drain.parse_row

    def faulty(source: Any, row: Any) -> Any:
        if row.id == bad:
            raise RuntimeError("a fault of ours")
        return parse(source, row)

    monkeypatch.setattr(drain, "parse_row", faulty)
    inbox.drain()
    assert [(state, bool(error)) for state, error, _ in inbox.rows(source)] == [
        ("done", False),
        ("failed", True),
    ]
    assert good < bad
    assert Incident.objects.count() == 2  # the alert, and that a request could not be read


def test_changes_reach_the_catalogue(inbox: Inbox) -> None:
    service = Service.objects.create(name="Shop", slug="shop")
    source = inbox.source("pagerduty", service=service)
    inbox.put(source, {"payload": {"summary": "Deployed 1.2.3", "source": "ci"}}, kind="change")
    inbox.drain()
    change = Change.objects.get()
    assert (change.title, change.service_id, change.happened_at) == ("Deployed 1.2.3", service.id, inbox.now)
    assert not Incident.objects.exists()


def test_below_the_floor_stays_an_alert(inbox: Inbox, pagerduty_event: Trigger) -> None:
    source = inbox.source("pagerduty", severity_floor="error")
    inbox.put(source, pagerduty_event(severity="info"))
    inbox.drain()
    assert len(inbox.spans(source)) == 1 and not Incident.objects.exists()
    inbox.put(source, pagerduty_event(severity="critical"))
    inbox.drain()
    assert Incident.objects.get().severity == "critical"


def test_acknowledging_in_the_tool_acknowledges_the_incident(inbox: Inbox, pagerduty_event: Trigger) -> None:
    source = inbox.source("pagerduty")
    inbox.put(source, pagerduty_event())
    inbox.drain()
    inbox.put(source, pagerduty_event("acknowledge"))
    inbox.drain()
    assert inbox.spans(source)[0].state == "acknowledged"
    assert Incident.objects.get().acknowledged_at == inbox.now


def test_a_missing_beat_opens_and_a_beat_resolves(inbox: Inbox) -> None:
    source = inbox.source("heartbeat", name="Backup")
    Heartbeat.objects.create(
        source=source, period_seconds=300, grace_seconds=60, next_at=inbox.now + timedelta(seconds=360)
    )
    assert heartbeats.run(inbox.now) == 0
    inbox.pass_time(minutes=7)
    assert heartbeats.run(inbox.now) == 1
    assert heartbeats.run(inbox.now) == 0
    assert Incident.objects.get().title.startswith("Backup")
    inbox.put(source, b"", kind="beat", headers={"path": ""})
    inbox.drain()
    assert inbox.spans(source)[0].state == "resolved"
    assert Heartbeat.objects.get().next_at == inbox.now + timedelta(seconds=360)


def test_silence_expires_and_resolves_nothing(inbox: Inbox) -> None:
    source = inbox.source("alertmanager", settings={"resolve_timeout": 10})
    for name in ("A", "B"):
        inbox.put(source, [{"labels": {"alertname": name}}])
    inbox.drain()
    assert [span.ends_at for span in inbox.spans(source)] == [inbox.now + timedelta(seconds=10)] * 2
    inbox.pass_time(seconds=10)
    assert heartbeats.expire(inbox.now) == 2
    assert [span.state for span in inbox.spans(source)][:2] == ["expired", "expired"]
    assert "fell silent" in inbox.spans(source)[-1].title
    assert Event.objects.filter(verb="source_silent").count() == 2
    inbox.pass_time(minutes=30)
    ending.run(inbox.now)
    assert not Incident.objects.filter(state="resolved").exists()


@pytest.mark.parametrize(
    ("key", "severity", "title", "resumes"),
    [
        ("b", "error", "Database down", False),  # the same kind, as bad: that was known
        ("b", "critical", "Database down", True),
        ("b", "error", "Disk full", True),
    ],
)
def test_a_worse_alert_or_one_of_another_kind_resumes_what_is_on_hold(
    inbox: Inbox, pagerduty_event: Trigger, key: str, severity: str, title: str, resumes: bool
) -> None:
    source = inbox.source("pagerduty", service=Service.objects.create(name="DB", slug="db"))
    inbox.put(source, pagerduty_event(key="a", summary="Database down"))
    inbox.drain()
    incident = Incident.objects.get()
    actions.hold(
        incident.id,
        reason="vendor",
        comment="",
        actor=Actor.system("test"),
        now=inbox.now,
        look_again_at=inbox.now + timedelta(days=1),
    )
    inbox.put(source, pagerduty_event(key=key, severity=severity, summary=title))
    inbox.drain()
    incident.refresh_from_db()
    assert AlertSpan.objects.filter(incident=incident).count() == 2
    assert (incident.state != "on_hold") is resumes
