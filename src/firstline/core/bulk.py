"""Statements over thousands of rows, past Django's cursor; and writing many rows of one table by one statement.

`fetch` and `execute` run on Django's connection, so in the transaction of the moment, and fail with Django's errors.
They are bound by the server and answer in binary: instants come in UTC, jsonb as values.

Django's `bulk_update` writes a CASE with a branch for each row and column, which takes several times as long to build,
parse and plan as an update from arrays does.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from django.db import connection, models

_LENGTH = re.compile(r"\(.*\)")


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
    """An array of numbers as PostgreSQL writes it, for `%s::bigint[]`: several times as fast as a list."""
    return "{" + ",".join(map(str, values)) + "}"


def update(rows: Sequence[models.Model], fields: Sequence[str]) -> int:
    """Write `fields` of these rows, which are of one model and stored; returns how many the table had.

    As `bulk_update`: no `save()`, no `auto_now`, and foreign keys are named as fields are. Columns of arrays are not
    taken (ValueError).
    """
    if not rows:
        return 0
    meta = type(rows[0])._meta
    known = [meta.get_field(name) for name in fields]
    columns = [field for field in known if isinstance(field, models.Field)]
    kinds = [_kind(field) for field in columns]
    sets = ", ".join(
        f'"{field.column}" = t.v{n}{"::jsonb" if kind == "json" else ""}'
        for n, (field, kind) in enumerate(zip(columns, kinds, strict=True))
    )
    arrays = ", ".join(f"%s::{'text' if kind == 'json' else kind}[]" for kind in kinds)
    names = ", ".join(f"v{n}" for n in range(len(columns)))
    given = f"unnest(%s::bigint[], {arrays}) AS t(id, {names})"
    sql = f'UPDATE "{meta.db_table}" AS u SET {sets} FROM {given} WHERE u.id = t.id'  # noqa: S608 - names of columns
    values = [[_value(field, kind, row) for row in rows] for field, kind in zip(columns, kinds, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(sql, [[row.pk for row in rows], *values])
        return int(cursor.rowcount)


def _kind(field: "models.Field[Any, Any]") -> str:
    """The element type of the array that carries a column. A length is left out: a cast to it would cut silently."""
    if isinstance(field, models.JSONField):
        return "json"
    kind = field.db_type(connection) or ""
    if kind.endswith("[]") or not kind:
        raise ValueError(f"{field.name} can't be written in bulk")
    return "text" if kind.startswith(("varchar", "char")) else _LENGTH.sub("", kind)


def _value(field: "models.Field[Any, Any]", kind: str, row: models.Model) -> Any:
    value = getattr(row, field.attname)
    if kind == "json":
        return None if value is None else json.dumps(value, cls=getattr(field, "encoder", None))
    return value
