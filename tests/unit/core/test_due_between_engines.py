"""Two engines share due rows without waiting for each other."""

from datetime import UTC, datetime

import psycopg
from django.db import transaction

from firstline.core import due
from tests.database import Clone

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_what_another_engine_holds_is_skipped(cloned_database: Clone) -> None:
    due.schedule("k", [(1, NOW), (2, NOW)])
    with psycopg.connect(cloned_database.url) as other:
        other.execute("SELECT id FROM due WHERE subject_id = 1 FOR UPDATE")
        with transaction.atomic():
            assert [item.subject_id for item in due.claim("k", now=NOW, limit=10)] == [2]
