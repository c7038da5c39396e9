"""Arrays in the bytes that PostgreSQL reads them from, so that a row costs next to nothing beside its commit.

The wire format is that of `array_recv`: dimensions, whether there are nulls, the elements' type, their number, the
first index; then each element's length and bytes, -1 for null.
https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-FORMAT-CODES
"""

import struct
from collections.abc import Iterable, Sequence

import msgspec
import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

from firstline.intake.sources.base import InboxRow

BYTEA, BIGINT, INTEGER, TEXT = 17, 20, 23, 25  # the types' numbers in pg_type, which never change
_HEAD = struct.Struct(">iiIii")
_LENGTH = struct.Struct(">i").pack
_NULL = _LENGTH(-1)

APPEND = """
INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body, dedup_key)
SELECT moment.at, (%b::bigint[])[row.which], (%b::text[])[row.which], (%b::text[])[row.which],
    (%b::text[])[row.which]::jsonb, row.body, row.dedup_key
FROM (SELECT firstline_now() AS at OFFSET 0) AS moment,
    unnest(%b::int[], %b::bytea[], %b::text[]) AS row (which, body, dedup_key)
"""


class Packed(bytes):
    """A parameter that is in the server's own form already."""


class PackedDumper(Dumper):
    """The type is what the statement casts it to."""

    format = Format.BINARY
    oid = 0

    def dump(self, obj: Packed) -> Buffer:
        return obj


def array(kind: int, values: Iterable[bytes | None], count: int) -> Packed:
    """An array of `count` elements of this type."""
    parts = [_HEAD.pack(1, 1, kind, count, 1)]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts.append(_LENGTH(len(value)))
            parts.append(value)
    return Packed(b"".join(parts))


def parameters(rows: Sequence[InboxRow]) -> list[Packed]:
    """The parameters of APPEND: what many rows have in common is sent once, each row says which.

    Raises psycopg.DataError for text that is no Unicode.
    """
    shared: dict[tuple[object, ...], int] = {}
    which = []
    for row in rows:
        key = (row.source_id, row.kind, row.content_type, tuple(row.headers.items()) if row.headers else ())
        which.append(shared.setdefault(key, len(shared) + 1))
    heads = list(shared)
    numbers = struct.pack(f">{2 * len(rows)}i", *(part for each in which for part in (4, each)))
    try:
        return [
            array(BIGINT, (struct.pack(">q", head[0]) for head in heads), len(heads)),
            array(TEXT, (str(head[1]).encode() for head in heads), len(heads)),
            array(TEXT, (str(head[2]).encode() for head in heads), len(heads)),
            array(TEXT, (msgspec.json.encode(dict(head[3])) for head in heads), len(heads)),  # type: ignore[call-overload]
            Packed(_HEAD.pack(1, 0, INTEGER, len(rows), 1) + numbers),
            array(BYTEA, (row.body for row in rows), len(rows)),
            array(
                TEXT, (None if row.dedup_key is None else row.dedup_key.encode() for row in rows), len(rows)
            ),
        ]
    except UnicodeEncodeError as error:
        raise psycopg.DataError(f"text that is no Unicode: {error}") from None
