"""Rows as the gateway packs them for PostgreSQL, against PostgreSQL itself."""

import psycopg
import pytest

from firstline.gateway.packing import APPEND, Packed, PackedDumper, parameters
from firstline.intake.sources.base import InboxRow
from tests.database import Clone

ROWS = [
    InboxRow(source_id=7, kind="alert", body=b"\x00\xff", content_type="application/json"),
    InboxRow(source_id=8, kind="mail", body=b"", dedup_key=""),
    InboxRow(
        source_id=7, kind="alert", body=b"x" * 70_000, headers={"x-ä": 'a "quoted" one'}, dedup_key="käse"
    ),
    InboxRow(source_id=2**40, kind="beat", body=b"1"),
    InboxRow(source_id=7, kind="alert", body=b"2", content_type="application/json"),
]


def store(url: str, rows: list[InboxRow]) -> list[InboxRow]:
    with psycopg.connect(url) as connection:
        connection.adapters.register_dumper(Packed, PackedDumper)
        connection.execute(APPEND, parameters(rows))
        found = connection.execute(
            "SELECT source_id, kind, body, content_type, headers, dedup_key FROM inbox ORDER BY id"
        ).fetchall()
        connection.rollback()
    names = ("source_id", "kind", "body", "content_type", "headers", "dedup_key")
    return [InboxRow(**dict(zip(names, row, strict=True))) for row in found]


def test_rows_come_back_as_they_were_and_in_order(cloned_database: Clone) -> None:
    assert store(cloned_database.url, ROWS) == ROWS


@pytest.mark.parametrize("field", ["kind", "content_type", "dedup_key"])
def test_what_the_database_cannot_hold_is_a_fault_of_the_data(cloned_database: Clone, field: str) -> None:
    for text in ("a\x00b", "a\ud800b"):
        row = InboxRow(**{"source_id": 1, "kind": "alert", "body": b"", field: text})
        with pytest.raises(psycopg.DataError):
            store(cloned_database.url, [ROWS[0], row])
