"""What keeps repeats cheap: written within the page, looked at for expiry only when due, folded in deep batches."""

from datetime import timedelta

import pytest
from django.db import connection

from firstline.intake import drain, heartbeats
from firstline.intake.models import AlertSpan
from tests.unit.intake.inboxes import Inbox, Trigger

CHANGED_BY_REPEATS = {
    "title", "description", "severity", "labels", "entities", "tactics", "techniques", "links", "last_seen_at",
    "started_at", "ends_at", "count", "inbox_id", "inbox_received_at", "clock_ahead",
}  # fmt: skip


@pytest.mark.django_db
def test_no_index_holds_what_a_repeat_changes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'alert_span'")
        indexes = dict(cursor.fetchall())
    assert "alert_span_pkey" in indexes
    words = {
        name: {word.strip('(),"') for word in definition.partition(" USING ")[2].split()}
        for name, definition in indexes.items()
    }
    assert {
        name: found & CHANGED_BY_REPEATS for name, found in words.items() if found & CHANGED_BY_REPEATS
    } == {}


def test_a_repeat_leaves_the_look_for_expiry_where_it_was(inbox: Inbox) -> None:
    source = inbox.source("alertmanager")

    def push(minutes: int) -> AlertSpan:
        ends = (inbox.now + timedelta(minutes=minutes)).isoformat()
        inbox.put(source, [{"labels": {"alertname": "A"}, "endsAt": ends}], headers={})
        inbox.drain()
        return AlertSpan.objects.get(source=source)

    first = push(4)
    assert first.expiry_look_at == first.ends_at
    inbox.pass_time(minutes=3)
    again = push(4)
    assert (again.expiry_look_at, again.ends_at) == (first.ends_at, inbox.now + timedelta(minutes=4))
    inbox.pass_time(minutes=2)
    assert heartbeats.expire(inbox.now) == 0
    looked = AlertSpan.objects.get(source=source)
    assert (looked.state, looked.expiry_look_at) == ("firing", again.ends_at)
    inbox.pass_time(minutes=3)
    heartbeats.expire(inbox.now)
    assert AlertSpan.objects.get(id=first.id).state == "expired"


def test_an_earlier_end_is_looked_at_earlier(inbox: Inbox) -> None:
    source = inbox.source("alertmanager")
    for minutes in (10, 2):
        ends = (inbox.now + timedelta(minutes=minutes)).isoformat()
        inbox.put(source, [{"labels": {"alertname": "A"}, "endsAt": ends}])
        inbox.drain()
    span = AlertSpan.objects.get(source=source)
    assert span.expiry_look_at == span.ends_at == inbox.now + timedelta(minutes=2)


def test_a_deep_queue_counts_exactly_and_a_bad_row_spoils_itself_alone(
    inbox: Inbox, pagerduty_event: Trigger
) -> None:
    source = inbox.source("pagerduty")
    rows = drain.FIRST * 5 + 7
    bad = {40, drain.FIRST + 1, rows - 1}
    for number in range(rows):
        inbox.put(source, b"{" if number in bad else pagerduty_event(key=f"k{number % 10}"))
    taken = 0
    while number := inbox.drain():
        taken += number
    assert taken == rows
    states = [state for state, _error, _signals in inbox.rows(source)]
    assert {number for number, state in enumerate(states) if state == "failed"} == bad
    assert states.count("done") == rows - len(bad)
    known = AlertSpan.objects.filter(source=source).exclude(alert__dedup_key__startswith="firstline:")
    assert known.count() == 10
    assert sum(known.values_list("count", flat=True)) == rows - len(bad)
