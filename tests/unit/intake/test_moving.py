"""Alerts that a person splits out, and the undoing of it."""

from typing import Any

import pytest

from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotAllowed, NotFound
from firstline.core.models import Due, Event
from firstline.incidents import actions
from firstline.incidents.models import Incident, Link
from firstline.intake import ending, moving
from firstline.intake.explaining import explained
from firstline.intake.models import AlertMove, AlertSpan, Edge, IncidentAlerts, IncidentKey, Source
from tests.organisation import Organisation, organisation
from tests.unit.intake.inboxes import Inbox


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


@pytest.fixture
def story(org: Organisation) -> tuple[Inbox, Source, Incident]:
    """Three alerts of the mail service in one incident of the first group."""
    inbox = Inbox(now=org.now)
    source = inbox.source("pagerduty", service=org.mail)
    for key, severity in (("a", "warning"), ("b", "critical"), ("c", "error")):
        inbox.put(source, event(key, severity))
        inbox.drain()
        inbox.pass_time(minutes=1)
    incident = Incident.objects.get()
    actions.assign(incident.id, group_id=org.first.id, actor=Actor.system("test"), now=inbox.now)
    return inbox, source, Incident.objects.get()


def event(key: str, severity: str = "error", action: str = "trigger") -> dict[str, Any]:
    payload = {"summary": f"{key} is down", "source": key, "severity": severity}
    return {"routing_key": "x" * 32, "event_action": action, "dedup_key": key, "payload": payload}


def alerts(source: Source, *keys: str) -> list[int]:
    return [
        AlertSpan.objects.get(alert__dedup_key=key, source=source, ended_at=None).alert_id for key in keys
    ]


def members(incident_id: int) -> set[str]:
    return set(AlertSpan.objects.filter(incident_id=incident_id).values_list("alert__dedup_key", flat=True))


Story = tuple[Inbox, Source, Incident]


def test_into_a_new_incident(org: Organisation, story: Story) -> None:
    inbox, source, origin = story
    move = moving.split(origin.id, alerts(source, "b"), actor=org.by(org.agent), now=inbox.now)
    new = Incident.objects.get(id=move.target_id)
    assert (members(origin.id), members(new.id)) == ({"a", "c"}, {"b"})
    assert (new.title, new.severity, new.degradation, new.service_id) == (
        "b is down",
        "critical",
        "down",
        org.mail.id,
    )
    assert new.received_at == AlertSpan.objects.get(incident=new).first_seen_at
    assert (IncidentAlerts.objects.get(pk=origin.id).size, IncidentAlerts.objects.get(pk=new.id).size) == (
        2,
        1,
    )
    assert IncidentKey.objects.get(incident=origin, ground="service").count == 2
    assert IncidentKey.objects.get(incident=new, ground="service").count == 1
    assert Link.objects.filter(incident=new, other=origin, kind="related").exists()
    edge = Edge.objects.get(incident=new)
    assert edge.apart_from == [origin.id]
    assert explained([edge])[0][1] == f"A person moved it here from {origin.number}."
    said = {
        each.subject_id: each
        for each in Event.objects.filter(verb__startswith="alerts_", actor_kind="person")
    }
    assert (said[origin.id].verb, said[new.id].verb) == ("alerts_split_off", "alerts_taken_over")
    assert Due.objects.filter(kind="triage", subject_id=new.id).exists()


def test_into_another_that_gets_worse_by_it(org: Organisation, story: Story) -> None:
    inbox, source, origin = story
    other = org.incident(severity="warning", channel="monitoring", caller_id=None)
    moving.split(origin.id, alerts(source, "b", "c"), to_id=other.id, actor=org.by(org.agent), now=inbox.now)
    assert members(other.id) == {"b", "c"}
    assert Incident.objects.get(id=other.id).severity == "critical"
    assert Due.objects.filter(kind="reassess", subject_id=other.id).exists()


def test_a_persons_word_holds_for_the_next_stretch_too(org: Organisation, story: Story) -> None:
    """The new incident was merged away and its alert fires again: by the service it would join the first one."""
    inbox, source, origin = story
    move = moving.split(origin.id, alerts(source, "b"), actor=org.by(org.agent), now=inbox.now)
    inbox.put(source, event("b", action="resolve"))
    inbox.put(source, event("b"))
    inbox.drain()
    assert members(origin.id) == {"a", "c"}
    assert AlertSpan.objects.filter(incident_id=move.target_id).count() == 2
    actions.cancel(move.target_id, reason="false_alarm", note="", actor=Actor.system("test"), now=inbox.now)
    inbox.put(source, event("b", action="resolve"))
    inbox.put(source, event("b"))
    inbox.put(source, event("d"))
    inbox.drain()
    last = AlertSpan.objects.filter(alert__dedup_key="b").latest("id")
    assert last.incident_id not in (origin.id, move.target_id, None)


def test_undone_into_a_new_one(org: Organisation, story: Story) -> None:
    inbox, source, origin = story
    by = org.by(org.agent)
    move = moving.split(origin.id, alerts(source, "b"), actor=by, now=inbox.now)
    moving.undo_split(move.target_id, actor=by, now=inbox.now)
    assert members(origin.id) == {"a", "b", "c"}
    assert Incident.objects.get(id=move.target_id).merged_into_id == origin.id
    assert IncidentAlerts.objects.get(pk=origin.id).size == 3
    assert not Edge.objects.filter(span__alert__dedup_key="b", apart_from__contains=[origin.id]).exists()
    assert IncidentKey.objects.get(incident=origin, ground="service").count == 3
    with pytest.raises(Invalid, match="No split"):
        moving.undo_split(origin.id, actor=by, now=inbox.now)


def test_undone_into_another_leaves_what_was_there(org: Organisation, story: Story) -> None:
    inbox, source, origin = story
    by = org.by(org.agent)
    other = org.incident()
    moving.split(origin.id, alerts(source, "b"), to_id=other.id, actor=by, now=inbox.now)
    moving.undo_split(origin.id, actor=by, now=inbox.now)
    assert members(origin.id) == {"a", "b", "c"}
    assert Incident.objects.get(id=other.id).merged_into_id is None
    assert AlertMove.objects.get().undone_at == inbox.now


def test_what_stays_may_be_over_now(org: Organisation, story: Story) -> None:
    inbox, source, origin = story
    chosen = alerts(source, "b")
    for key in ("a", "c"):
        inbox.put(source, event(key, action="resolve"))
    inbox.drain()
    assert not Due.objects.filter(kind=ending.KIND).exists()
    moving.split(origin.id, chosen, actor=org.by(org.agent), now=inbox.now)
    assert Due.objects.filter(kind=ending.KIND, subject_id=origin.id).exists()


def test_refusals(org: Organisation, story: Story) -> None:
    inbox, source, origin = story
    by, now = org.by(org.agent), inbox.now
    with pytest.raises(Invalid, match="at least one"):
        moving.split(origin.id, [], actor=by, now=now)
    with pytest.raises(Invalid, match="merge the incident"):
        moving.split(origin.id, alerts(source, "a", "b", "c"), actor=by, now=now)
    with pytest.raises(NotFound):
        moving.split(origin.id, [999], actor=by, now=now)
    with pytest.raises(Invalid, match="another"):
        moving.split(origin.id, alerts(source, "a"), to_id=origin.id, actor=by, now=now)
    closed = org.incident()
    actions.cancel(closed.id, reason="false_alarm", note="", actor=Actor.system("test"), now=now)
    with pytest.raises(Invalid, match="is over"):
        moving.split(origin.id, alerts(source, "a"), to_id=closed.id, actor=by, now=now)
    with pytest.raises(NotAllowed):
        moving.split(origin.id, alerts(source, "a"), actor=org.by(org.auditor), now=now)
    assert members(origin.id) == {"a", "b", "c"} and not AlertMove.objects.exists()


def test_a_security_incident_is_nothing_to_who_may_not_see_it(org: Organisation, story: Story) -> None:
    inbox, source, origin = story
    secret = org.incident(security=True, group_id=org.security.id)
    with pytest.raises(NotFound):
        moving.split(origin.id, alerts(source, "a"), to_id=secret.id, actor=org.by(org.agent), now=inbox.now)
    with pytest.raises(Invalid, match="don't share"):
        moving.split(
            origin.id, alerts(source, "a"), to_id=secret.id, actor=Actor.system("test"), now=inbox.now
        )
