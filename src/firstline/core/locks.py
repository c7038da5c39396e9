"""Advisory locks: coordination between processes and machines, held until the transaction ends."""

from collections.abc import Sequence

from django.db import connection


def lock(name: str) -> None:
    """Wait for the lock of this name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def lock_all(names: Sequence[str]) -> None:
    """Wait for all these locks, one after the other in the order given, in one statement."""
    if names:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM (
                     SELECT name FROM unnest(%s::text[]) WITH ORDINALITY AS t(name, place) ORDER BY place
                   ) AS asked""",
                [list(names)],
            )


def try_lock(name: str) -> bool:
    """Take the lock of this name if nobody holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])
