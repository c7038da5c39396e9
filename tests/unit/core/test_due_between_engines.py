"""Two engines share due rows without waiting for each other."""

from datetime import UTC, datetime

import psycopg
from django.db import transaction

from firstline.accounts.models import Person
from firstline.core import due
from tests.database import Clone

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_what_another_engine_holds_is_skipped(cloned_database: Clone) -> None:
    due.schedule("k", [(1, NOW), (2, NOW)])
    with psycopg.connect(cloned_database.url) as other:
        other.execute("SELECT id FROM due WHERE subject_id = 1 FOR UPDATE")
        with transaction.atomic():
            assert [item.subject_id for item in due.claim("k", now=NOW, limit=10)] == [2]


def test_a_subject_that_an_action_holds_is_left_until_it_is_free(cloned_database: Clone) -> None:
    """An action locks its incident, then schedules. An engine that holds the due row and then wants the incident would
    wait for it, and it for the engine: a deadlock. So the engine claims both or neither."""
    created = Person.objects.bulk_create(
        [Person(email=f"{name}@example.org", name=name, created_at=NOW) for name in "ab"]
    )
    due.schedule("k", [(person.id, NOW) for person in created])
    with psycopg.connect(cloned_database.url, options="-c lock_timeout=5s") as action:
        action.execute("SELECT id FROM person WHERE id = %s FOR UPDATE", [created[0].id])
        with transaction.atomic():
            claimed = due.claim("k", now=NOW, limit=10, of="person")
            assert [item.subject_id for item in claimed] == [created[1].id]
            action.execute("UPDATE due SET due_at = %s WHERE subject_id = %s", [NOW, created[0].id])
            action.commit()
    with transaction.atomic():
        assert len(due.claim("k", now=NOW, limit=10, of="person")) == 2
