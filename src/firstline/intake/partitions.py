"""Housekeeping of the inbox: daily partitions, made ahead and dropped when their time is over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from firstline.core.locks import try_lock


def keep_partitions(now: datetime, *, ahead: int = 3, keep: int = 30) -> list[str]:
    """Daily partitions of the inbox: made `ahead` days before they are needed, dropped `keep` days after.

    Returns what was made and dropped, for the log. Rows that came before their partition was there lie in the default
    one; they are moved when it is made.
    """
    done: list[str] = []
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction.atomic():
        if not try_lock("intake:partitions"):
            return done
        existing = _partitions()
        for offset in range(ahead + 1):
            day = today + timedelta(days=offset)
            name = f"inbox_{day:%Y%m%d}"
            if name not in existing:
                _make_partition(name, day)
                done.append(f"+{name}")
        oldest = f"inbox_{today - timedelta(days=keep):%Y%m%d}"
        for name in sorted(existing):
            if name < oldest:
                _run(f'DROP TABLE "{name}"')
                done.append(f"-{name}")
        _run("DELETE FROM inbox_default WHERE received_at < %s", [today - timedelta(days=keep)])
    return done


def _partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid "
            "WHERE h.inhparent = 'inbox'::regclass AND c.relname ~ '^inbox_[0-9]{8}$'"
        )
        return {name for (name,) in cursor.fetchall()}


def _make_partition(name: str, day: datetime) -> None:
    """Without a long lock where nothing has to be moved, which is so for days ahead."""
    until = day + timedelta(days=1)
    bounds = f"FROM ('{day.isoformat()}') TO ('{until.isoformat()}')"
    _run(f'CREATE TABLE "{name}" (LIKE inbox INCLUDING DEFAULTS INCLUDING CONSTRAINTS)')
    _run(
        f"WITH moved AS (DELETE FROM inbox_default WHERE received_at >= %s AND received_at < %s RETURNING *) "  # noqa: S608
        f'INSERT INTO "{name}" SELECT * FROM moved',
        [day, until],
    )
    _run(f'ALTER TABLE inbox ATTACH PARTITION "{name}" FOR VALUES {bounds}')


def _run(statement: str, parameters: Sequence[Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
