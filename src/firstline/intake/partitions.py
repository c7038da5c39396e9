"""Housekeeping of the inbox: daily partitions, made ahead and dropped when their time is over.

1. Days ahead get their partition before the first row comes. A day of which rows lie in the default partition already
   (nobody kept house meanwhile) stays there: moving them would hold up whoever sends.
2. A partition goes when its days are over, the oldest first, and only a few each time: a clock that jumped ahead for an
   hour must not take the whole inbox with it.
3. What was taken in and never read stays, however old: it was acknowledged. It is read as soon as an engine runs.
4. Each step gives up after a moment when somebody holds the table, so that no sender waits behind it; it comes again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import structlog
from django.db import OperationalError, connection, transaction

from firstline.core.locks import try_lock

MOST_DROPPED = 2  # in one run, which comes each hour
MOST_FORGOTTEN = 50_000  # rows of the default partition
PATIENCE = "2s"
FORGET = """
DELETE FROM inbox_default WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM inbox_default WHERE received_at < %s AND state <> 'new' LIMIT %s))
"""
log = structlog.get_logger(__name__)


def keep_partitions(now: datetime, *, ahead: int = 3, keep: int = 30) -> list[str]:
    """Daily partitions of the inbox: made `ahead` days before they are needed, dropped `keep` days after.

    Returns what was made and dropped, for the log.
    """
    done: list[str] = []
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    oldest = today - timedelta(days=keep)
    existing = _partitions()
    for offset in range(ahead + 1):
        day = today + timedelta(days=offset)
        if (name := f"inbox_{day:%Y%m%d}") not in existing and _alone(partial(_make, name, day)):
            done.append(f"+{name}")
    over = [name for name in sorted(existing) if name < f"inbox_{oldest:%Y%m%d}" and not _unread(name)]
    done += [f"-{name}" for name in over[:MOST_DROPPED] if _alone(partial(_drop, name))]
    _run(FORGET, [oldest, MOST_FORGOTTEN])
    return done


def _alone(step: Callable[[], bool]) -> bool:
    """Do a step in its own transaction, unless another engine is at it or somebody holds the table.

    Whether it was done.
    """
    try:
        with transaction.atomic():
            if not try_lock("intake:partitions"):
                return False
            _run(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            return step()
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise
        log.info("intake.partitions_wait")
        return False


def _make(name: str, day: datetime) -> bool:
    until = day + timedelta(days=1)
    if _any("inbox_default", "received_at >= %s AND received_at < %s", [day, until]):
        return False
    _run(f'CREATE TABLE "{name}" (LIKE inbox INCLUDING DEFAULTS INCLUDING CONSTRAINTS)')
    bounds = f"FROM ('{day.isoformat()}') TO ('{until.isoformat()}')"
    _run(f'ALTER TABLE inbox ATTACH PARTITION "{name}" FOR VALUES {bounds}')
    return True


def _drop(name: str) -> bool:
    if _unread(name):
        return False
    _run(f'DROP TABLE "{name}"')
    return True


def _unread(name: str) -> bool:
    return _any(name, "state = 'new'", [])


def _any(table: str, condition: str, parameters: Sequence[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT EXISTS (SELECT FROM "{table}" WHERE {condition})', parameters)  # noqa: S608 - ours
        return bool(cursor.fetchone()[0])


def _partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid "
            "WHERE h.inhparent = 'inbox'::regclass AND c.relname ~ '^inbox_[0-9]{8}$'"
        )
        return {name for (name,) in cursor.fetchall()}


def _run(statement: str, parameters: Sequence[Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
