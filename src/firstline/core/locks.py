"""Advisory locks: coordination between processes and machines, held until the transaction ends."""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar

from django.db import connection

_prefix: ContextVar[str] = ContextVar("lock_prefix", default="")


@contextlib.contextmanager
def under(prefix: str) -> Iterator[None]:
    """Within it, locks have other names: for work in a sandbox, which must not hold up the real one."""
    token = _prefix.set(prefix)
    try:
        yield
    finally:
        _prefix.reset(token)


def lock(name: str) -> None:
    """Wait for the lock of this name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_prefix.get() + name])


def lock_all(names: Sequence[str]) -> None:
    """Wait for all these locks, one after the other in the order given, in one statement."""
    if names:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM (
                     SELECT name FROM unnest(%s::text[]) WITH ORDINALITY AS t(name, place) ORDER BY place
                   ) AS asked""",
                [[_prefix.get() + name for name in names]],
            )


def try_lock(name: str) -> bool:
    """Take the lock of this name if nobody holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [_prefix.get() + name])
        return bool(cursor.fetchone()[0])
