"""What is waited for, and what is set aside."""

import os

import psycopg
import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from firstline.core.away import is_away


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "away"),
    [
        ("SELECT 1 / 0", False),
        ("SELECT repeat('x', 2000000000)", False),
        ("SELECT '\\ud800'::jsonb", False),
        ("SELECT nothing", False),
        ("SET LOCAL statement_timeout = 1; SELECT pg_sleep(5)", False),
        ("SET LOCAL transaction_read_only = on; DELETE FROM setting", True),
        ("DO $$BEGIN RAISE EXCEPTION 'full' USING ERRCODE = 'disk_full'; END$$", True),
        ("DO $$BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = 'deadlock_detected'; END$$", True),
        ("DO $$BEGIN RAISE EXCEPTION 'limit' USING ERRCODE = 'program_limit_exceeded'; END$$", False),
    ],
)
def test_by_what_the_server_says(statement: str, away: bool) -> None:
    with pytest.raises(DatabaseError) as raised, connection.cursor() as cursor:
        cursor.execute(statement)
    assert is_away(raised.value) is away


def test_a_server_that_cannot_be_reached_is_away() -> None:
    with pytest.raises(psycopg.OperationalError) as raised:
        psycopg.connect("postgresql:///x?host=/nowhere")
    assert is_away(raised.value)


def test_a_connection_that_was_ended_is_away() -> None:
    with psycopg.connect(os.environ["FIRSTLINE_DATABASE_URL"], autocommit=True) as mine:
        pid = mine.info.backend_pid
        with psycopg.connect(os.environ["FIRSTLINE_DATABASE_URL"], autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [pid])
        with pytest.raises(psycopg.OperationalError) as raised:
            mine.execute("SELECT 1")
    assert is_away(raised.value)


def test_what_django_says_without_the_driver() -> None:
    assert is_away(InterfaceError("connection already closed"))
    assert is_away(OperationalError("gone"))
    assert not is_away(ValueError("x"))
