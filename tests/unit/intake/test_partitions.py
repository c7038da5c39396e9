"""The inbox keeps a month by days; nothing that was acknowledged is dropped unread, whatever the clock does."""

from datetime import datetime, timedelta

import psycopg
import pytest
from django.db import connection

from firstline.intake import partitions
from firstline.intake.partitions import MOST_DROPPED, keep_partitions
from tests.database import Clone
from tests.unit.intake.inboxes import START, Inbox, Trigger, fresh_inbox


def names() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'inbox'::regclass ORDER BY 1"
        )
        return [name for (name,) in cursor.fetchall() if name != "inbox_default"]


def where(row: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM inbox WHERE id = %s", [row])
        found = cursor.fetchone()
        return str(found[0]) if found else "nowhere"


def day(offset: int) -> str:
    return f"inbox_{START + timedelta(days=offset):%Y%m%d}"


def settle(now: datetime) -> None:
    while keep_partitions(now):
        pass


def test_days_are_made_ahead_and_dropped_after_a_month(inbox: Inbox, pagerduty_event: Trigger) -> None:
    assert keep_partitions(START) == [f"+{day(offset)}" for offset in range(4)]
    assert keep_partitions(START) == []
    source = inbox.source("pagerduty")
    row = inbox.put(source, pagerduty_event())
    inbox.drain()
    assert where(row) == day(0)
    for passed in range(1, 31):
        assert keep_partitions(START + timedelta(days=passed)) == [f"+{day(passed + 3)}"]
    assert keep_partitions(START + timedelta(days=31)) == [f"+{day(34)}", f"-{day(0)}"]
    assert where(row) == "nowhere"


def test_what_was_never_read_outlives_its_month(inbox: Inbox, pagerduty_event: Trigger) -> None:
    """The engines were off for six weeks; the gateway took signals meanwhile."""
    keep_partitions(START)
    source = inbox.source("pagerduty")
    first = inbox.put(source, pagerduty_event(key="first"))
    inbox.now = START + timedelta(days=10)
    later = inbox.put(source, pagerduty_event(key="later"))
    assert (where(first), where(later)) == (day(0), "inbox_default")
    back = inbox.pass_time(days=32)
    settle(back)
    assert (where(first), where(later)) == (day(0), "inbox_default")
    assert inbox.drain() == 2
    assert {span.alert.dedup_key for span in inbox.spans(source)} == {"first", "later"}
    settle(back)
    assert (where(first), where(later)) == ("nowhere", "nowhere")
    assert names() == [day(42 + offset) for offset in range(4)]


def test_a_day_that_began_in_the_default_partition_ends_there(inbox: Inbox, pagerduty_event: Trigger) -> None:
    source = inbox.source("pagerduty")
    row = inbox.put(source, pagerduty_event())
    assert keep_partitions(START) == [f"+{day(offset)}" for offset in range(1, 4)]
    second = inbox.put(source, pagerduty_event())
    assert (where(row), where(second)) == ("inbox_default", "inbox_default")
    assert inbox.drain() == 2


def test_a_clock_that_jumped_ahead_takes_little_with_it(inbox: Inbox, pagerduty_event: Trigger) -> None:
    source = inbox.source("pagerduty")
    rows = []
    for passed in range(20):
        keep_partitions(START + timedelta(days=passed))
        inbox.now = START + timedelta(days=passed)
        rows.append(inbox.put(source, pagerduty_event()))
    inbox.drain()
    keep_partitions(START + timedelta(days=4000))
    assert sum(where(row) == "nowhere" for row in rows) == MOST_DROPPED
    assert keep_partitions(START + timedelta(days=20)) == [f"+{day(23)}"]


def test_the_clock_steps_back_and_rows_still_have_a_place(inbox: Inbox, pagerduty_event: Trigger) -> None:
    keep_partitions(START)
    source = inbox.source("pagerduty")
    inbox.now = START - timedelta(days=400)
    row = inbox.put(source, pagerduty_event())
    assert where(row) == "inbox_default"
    assert inbox.drain() == 1


def test_nobody_waits_behind_housekeeping_and_it_waits_for_nobody(
    cloned_database: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "PATIENCE", "50ms")
    fresh_inbox()
    keep_partitions(START)
    before = names()
    with psycopg.connect(cloned_database.url) as reader:
        reader.execute("SELECT count(*) FROM inbox")  # a long report holds every partition
        assert keep_partitions(START + timedelta(days=40)) == []
        assert names() == before
    settle(START + timedelta(days=40))
    assert names() == [day(40 + offset) for offset in range(4)]
