"""Somebody sets the database's clock back: what is stored stays in order, and what is due comes, late but once."""

from datetime import timedelta

from firstline.core.actor import Actor
from firstline.core.models import Event
from firstline.engine.loop import Engine
from firstline.incidents.models import Incident
from firstline.intake import actions
from firstline.intake.models import AlertSpan, Heartbeat
from tests.unit.intake.inboxes import START, Inbox, Trigger


def back(inbox: Inbox, **duration: float) -> None:
    inbox.pass_time(**{unit: -amount for unit, amount in duration.items()})


def test_spans_never_end_before_they_begin_and_count_in_the_order_of_receipt(
    inbox: Inbox, pagerduty_event: Trigger
) -> None:
    source = inbox.source("pagerduty")
    inbox.put(source, pagerduty_event(key="a"))
    inbox.drain()
    back(inbox, hours=2)
    inbox.put(source, pagerduty_event(key="a"))
    inbox.put(source, pagerduty_event("resolve", key="a"))
    inbox.put(source, pagerduty_event(key="a"))
    inbox.drain()
    first, second = inbox.spans(source)
    assert (first.state, first.count, second.state, second.count) == ("resolved", 2, "firing", 1)
    assert first.ended_at is not None and first.ended_at >= first.started_at
    assert first.last_seen_at == START, "it was last seen at the later instant"
    assert first.first_seen_at <= first.last_seen_at and second.first_seen_at <= second.last_seen_at


def test_the_engine_goes_on_and_nothing_is_done_twice(inbox: Inbox, pagerduty_event: Trigger) -> None:
    engine = Engine()
    source = inbox.source("pagerduty")
    inbox.put(source, pagerduty_event(key="a"))
    engine.settle()
    back(inbox, days=3)
    inbox.put(source, pagerduty_event(key="b", source="db-2"))
    cycles = engine.settle()
    assert all(cycle.failed == {} for cycle in cycles)
    assert {span.state for span in inbox.spans(source)} == {"firing"}
    inbox.pass_time(days=3, minutes=1)
    assert all(cycle.failed == {} for cycle in engine.settle())
    assert AlertSpan.objects.filter(source=source).count() == 2
    assert Incident.objects.count() == 2
    assert Event.objects.filter(verb="opened", subject_type="incident").count() == 2
    engine.close()


def test_an_alert_expires_once_its_instant_has_really_come(inbox: Inbox) -> None:
    source = inbox.source("alertmanager")
    inbox.put(source, [{"labels": {"alertname": "A"}, "endsAt": (START + timedelta(minutes=4)).isoformat()}])
    engine = Engine()
    engine.settle()
    back(inbox, hours=1)
    engine.settle()
    assert AlertSpan.objects.get().state == "firing"
    inbox.pass_time(hours=1, minutes=5)
    engine.settle()
    assert AlertSpan.objects.get().state == "expired"
    engine.close()


def test_a_heartbeat_that_beats_is_not_missed_when_the_clock_steps_back(inbox: Inbox) -> None:
    source, _ = actions.create_source(
        name="job", kind="heartbeat", period_seconds=60, grace_seconds=30, actor=Actor.system("t"), now=START
    )
    engine = Engine()
    inbox.put(source, b"", kind="beat")
    engine.settle()
    back(inbox, minutes=10)
    inbox.put(source, b"", kind="beat")
    engine.settle()
    inbox.pass_time(minutes=11)
    inbox.put(source, b"", kind="beat")
    engine.settle()
    assert Heartbeat.objects.get().missing_since is None
    assert Incident.objects.count() == 0
    engine.close()
