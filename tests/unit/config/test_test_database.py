"""The tests' own footing: clones are separate, committed to, and gone afterwards."""

import threading

import psycopg
import pytest
from django.db import connection

from tests.database import Clone, clone_of_template


@pytest.mark.django_db
def test_a_test_in_a_transaction_sees_the_migrated_tables() -> None:
    assert "django_migrations" in connection.introspection.table_names()


def test_what_a_clone_commits_is_seen_by_other_connections(cloned_database: Clone) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE only_here (n int)")
        cursor.execute("INSERT INTO only_here VALUES (1)")
    rows: list[object] = []

    def look() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT n FROM only_here")
            rows.extend(cursor.fetchall())
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert rows == [(1,)]
    with psycopg.connect(cloned_database.url) as other:
        assert other.execute("SELECT count(*) FROM only_here").fetchone() == (1,)


def test_a_clone_is_gone_afterwards(template_database: str) -> None:
    with clone_of_template(template_database) as clone, psycopg.connect(clone.url):
        pass
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(clone.url)
