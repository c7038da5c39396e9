"""The only clock. It is the database's, so that every process on every machine agrees."""

from datetime import UTC, datetime

from django.db import connection


def now() -> datetime:
    """The present instant in UTC with microseconds; in tests, the instant that the clock was moved to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT firstline_now()")
        (instant,) = cursor.fetchone()
    assert isinstance(instant, datetime)
    return instant.astimezone(UTC)


def move_to(instant: datetime) -> None:
    """Make `instant` the present for every process on this database. Refused by a trigger outside testing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO test_clock (id, at) VALUES (true, %s) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
            [instant],
        )


def release() -> None:
    """Let time run again."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM test_clock")
