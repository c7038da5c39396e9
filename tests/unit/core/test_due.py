"""Due rows: claimed once, moved by scheduling again, kept by failure."""

from datetime import UTC, datetime, timedelta

import pytest

from firstline.core import due
from firstline.core.models import Due

NOW = datetime(2026, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_only_what_is_due_is_claimed_oldest_first() -> None:
    due.schedule("k", [(1, later(5)), (2, later(1)), (3, later(9))])
    due.schedule("other", [(4, later(0))])
    assert [item.subject_id for item in due.claim("k", now=later(5), limit=10)] == [2, 1]


def test_scheduling_again_moves_it_and_forgets_the_failure() -> None:
    due.schedule("k", [(1, later(0))])
    (item,) = due.claim("k", now=NOW, limit=10)
    due.push_back(item, "broken", now=NOW)
    due.schedule("k", [(1, later(1))], {"lower": True})
    (row,) = Due.objects.all()
    assert (row.due_at, row.attempts, row.error, row.payload) == (later(1), 0, "", {"lower": True})


def test_finishing_keeps_what_the_action_scheduled_anew() -> None:
    due.schedule("k", [(1, later(0)), (2, later(0))])
    items = due.claim("k", now=NOW, limit=10)
    due.schedule("k", [(2, later(30))])
    due.finish(items)
    assert list(Due.objects.values_list("subject_id", "due_at")) == [(2, later(30))]


def test_a_failure_is_kept_with_growing_pauses() -> None:
    due.schedule("k", [(1, later(0))])
    pauses, at = [], NOW
    for _ in range(12):
        (item,) = due.claim("k", now=at, limit=1)
        due.push_back(item, "broken", now=at)
        row = Due.objects.get()
        pauses.append((row.due_at - at).total_seconds())
        at = row.due_at
    assert pauses[:3] == [5, 10, 20]
    assert pauses[-1] == 600
    assert (row.attempts, row.failing_since, row.error) == (12, NOW, "broken")
