"""Figures as CSV: streamed row by row, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from firstline.incidents.models import Incident

HEADINGS = (
    "number",
    "title",
    "state",
    "priority",
    "service",
    "group",
    "category",
    "channel",
    "registered_at",
    "first_response_at",
    "resolved_at",
    "closed_at",
    "minutes_to_acknowledge",
    "minutes_to_resolve",
    "reassignments",
    "reopenings",
    "closed_how",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(value: Any) -> str:
    """A cell as text. What a spreadsheet would run as a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA[:4]) else text


def lines(rows: Iterable[Incident]) -> Iterator[str]:
    """The file in pieces: a byte order mark (spreadsheets ask for it), the heading, one line per incident."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    yield "\ufeff"
    writer.writerow(HEADINGS)
    for row in rows:
        writer.writerow([safe(value) for value in _cells(row)])
        if buffer.tell() > 32_000:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _cells(row: Any) -> list[Any]:
    answered = [at for at in (row.first_response_at, row.acknowledged_at) if at is not None]
    return [
        row.number,
        row.title,
        row.state,
        f"P{row.priority}" if row.priority else "",
        row.service_then,
        row.group_then,
        row.category_then,
        row.channel,
        row.registered_at,
        row.first_response_at,
        row.resolved_at,
        row.closed_at,
        _minutes(min(answered) - row.registered_at if answered else None),
        _minutes(row.resolved_at - row.registered_at if row.resolved_at else None),
        row.reassignments,
        row.reopenings,
        row.closed_how,
    ]


def _minutes(length: timedelta | None) -> str:
    return "" if length is None else f"{length.total_seconds() / 60:.1f}"
