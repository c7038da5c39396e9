"""Due rows: whatever must happen later, without timers.

An action schedules in its transaction; the engine claims what is due, acts and finishes in one transaction. A crash
at any point leaves the row due. Scheduling the same (kind, subject) again moves it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from psycopg import sql

from firstline.core import live
from firstline.core.models import Due

RETRY = timedelta(seconds=5)
RETRY_MAX = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class DueItem:
    id: int
    subject_id: int
    due_at: datetime
    payload: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0


def schedule(
    kind: str, subjects: Iterable[tuple[int, datetime]], payload: Mapping[str, Any] | None = None
) -> None:
    """Make `kind` due for each (subject id, instant)."""
    pairs = list(dict(subjects).items())
    if not pairs:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO due (kind, subject_id, due_at, payload, attempts, error)
               SELECT %s, s, d, %s::jsonb, 0, '' FROM unnest(%s::bigint[], %s::timestamptz[]) AS t(s, d)
               ON CONFLICT (kind, subject_id) DO UPDATE
               SET due_at = excluded.due_at, payload = excluded.payload, attempts = 0, error = '',
                   failing_since = NULL""",
            [kind, json.dumps(dict(payload or {})), [s for s, _ in pairs], [d for _, d in pairs]],
        )
    live.wake_engine()


def unschedule(kind: str, subject_ids: Iterable[int]) -> None:
    Due.objects.filter(kind=kind, subject_id__in=list(subject_ids)).delete()


def claim(kind: str, *, now: datetime, limit: int, of: str = "") -> list[DueItem]:
    """Lock up to `limit` rows of this kind that are due, oldest first, skipping those another engine holds.

    `of`: the table of their subjects, whose rows are locked with them, and skipped while somebody holds them. An
    action locks its incident and then schedules; whoever claimed first and locked the incident afterwards would
    wait for the one that waits for him. PostgreSQL locks in the order of `FOR UPDATE OF`, and keeps the lock of a
    row of the first table when that of the second is taken already: so the subject comes first.
    """
    joined = sql.SQL("JOIN {} AS subject ON subject.id = due.subject_id").format(sql.Identifier(of or "due"))
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """SELECT due.id, due.subject_id, due.due_at, due.payload::text, due.attempts FROM due {}
                   WHERE due.kind = %s AND due.due_at <= %s
                   ORDER BY due.due_at, due.id LIMIT %s FOR UPDATE OF {} SKIP LOCKED"""
            ).format(joined if of else sql.SQL(""), sql.SQL("subject, due" if of else "due")),
            [kind, now, limit],
        )
        rows = cursor.fetchall()

    return [DueItem(r[0], r[1], r[2], json.loads(r[3]), r[4]) for r in rows]


def finish(items: Sequence[DueItem]) -> None:
    """These are done. A row that was scheduled anew meanwhile (by the action itself) stays."""
    if not items:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """DELETE FROM due USING unnest(%s::bigint[], %s::timestamptz[]) AS t(i, d)
               WHERE due.id = t.i AND due.due_at = t.d""",
            [[item.id for item in items], [item.due_at for item in items]],
        )


def push_back(item: DueItem, error: str, *, now: datetime) -> None:
    """It failed: keep it, say why, try again after a growing pause (5 s doubling to 10 min)."""
    pause = min(RETRY * (2 ** min(item.attempts, 10)), RETRY_MAX)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE due SET due_at = %s, attempts = attempts + 1, error = %s,
               failing_since = coalesce(failing_since, %s) WHERE id = %s""",
            [now + pause, error[:2000], now, item.id],
        )
