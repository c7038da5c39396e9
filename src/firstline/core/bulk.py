"""Statements over thousands of rows, past Django's cursor: bound by the server, results in binary.

They run on Django's connection, so in the transaction of the moment, and fail with Django's errors. Instants come in
UTC, jsonb as values. Arrays of numbers are passed as `numbers(…)`, which is several times as fast as a list.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from django.db import connection


def fetch(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of the answer."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement, parameters, binary=True)
        return cursor.fetchall()


def execute(statement: str, parameters: Sequence[Any] = ()) -> int:
    """The number of rows that were written."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement, parameters).rowcount


def numbers(values: Iterable[int]) -> str:
    """An array of numbers as PostgreSQL writes it, for `%s::bigint[]`."""
    return "{" + ",".join(map(str, values)) + "}"
