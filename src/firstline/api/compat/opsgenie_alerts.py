"""Stretches of alerts as Opsgenie shows alerts, and its search as far as it means something here."""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet

from firstline.intake import asked
from firstline.intake.models import AlertSpan, Source
from firstline.intake.signal import Severity
from firstline.intake.sources.opsgenie.severity import PRIORITIES, SEVERITIES

MOST, USUAL, FARTHEST = 100, 20, 20_000  # a page, and how far pages go, as in Opsgenie
NAMESPACE = uuid.UUID("a7b6ad44-5f0e-5e0c-9d53-0d1a1f0d1c55")
TERM = re.compile(r'(?:(?P<field>\w+)\s*[:=]\s*)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+))')
SORTS = {"createdAt": "first_seen_at", "updatedAt": "last_seen_at", "count": "count", "tinyId": "id"}


class BadQuery(ValueError):
    """Something in the query isn't understood; the text says what is."""


def identifier(span: AlertSpan) -> str:
    """The id of an alert: made from its source and number, so that it needs no table; the number is its tiny id."""
    return f"{uuid.uuid5(NAMESPACE, f'{span.source_id}/{span.id}')}-{span.id}"


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown(source: Source, span: AlertSpan) -> dict[str, Any]:
    """As in a list."""
    labels = span.labels
    return {
        "id": identifier(span),
        "tinyId": str(span.id),
        "alias": span.alert.dedup_key,
        "message": span.title,
        "status": "open" if span.ended_at is None else "closed",
        "acknowledged": span.state == "acknowledged",
        "isSeen": span.state == "acknowledged",
        "tags": [tag for tag in labels.get("tags", "").split(", ") if tag],
        "snoozed": False,
        "count": span.count,
        "lastOccurredAt": instant(span.last_seen_at),
        "createdAt": instant(span.first_seen_at),
        "updatedAt": instant(span.last_seen_at),
        "source": labels.get("source", ""),
        "owner": "",
        "priority": PRIORITIES[Severity(span.severity)],
        "teams": [],
        "responders": [],
        "integration": {"id": str(source.id), "name": source.name, "type": "API"},
    }


def detailed(source: Source, span: AlertSpan) -> dict[str, Any]:
    """As it is shown alone."""
    kept = ("tags", "source", "entity", "responders")
    return {
        **shown(source, span),
        "actions": [],
        "entity": span.labels.get("entity", ""),
        "description": span.description,
        "details": {name: value for name, value in span.labels.items() if name not in kept},
    }


def listed(source: Source, asking: Mapping[str, str], address: str) -> dict[str, Any]:
    """A page of alerts with the addresses of its neighbours. Raises BadQuery."""
    limit, offset = _number(asking, "limit", USUAL, MOST), _number(asking, "offset", 0, FARTHEST)
    sort, order = asking.get("sort", "createdAt"), asking.get("order", "desc")
    if sort not in SORTS or order not in ("asc", "desc"):
        raise BadQuery(f"sort by {', '.join(SORTS)}, in the order asc or desc")
    sign = "-" if order == "desc" else ""
    rows = _searched(source, asking).order_by(f"{sign}{SORTS[sort]}", f"{sign}id")
    found = list(rows[offset : offset + limit + 1])
    paging = {"first": _page(asking, address, limit, 0)}
    if len(found) > limit:
        paging["next"] = _page(asking, address, limit, offset + limit)
    if offset:
        paging["prev"] = _page(asking, address, limit, max(0, offset - limit))
    return {"data": [shown(source, span) for span in found[:limit]], "paging": paging}


def counted(source: Source, asking: Mapping[str, str]) -> int:
    """How many alerts the query finds, of at most 20,000."""
    return _searched(source, asking).values("id")[:FARTHEST].count()


def _searched(source: Source, asking: Mapping[str, str]) -> QuerySet[AlertSpan]:
    rows = asked.spans(source)
    for term in TERM.finditer(asking.get("query", "")[:1000]):
        value = term["quoted"] if term["quoted"] is not None else term["bare"]
        rows = _narrowed(rows, term["field"], value)
    return rows


def _narrowed(rows: QuerySet[AlertSpan], field: str | None, value: str) -> QuerySet[AlertSpan]:
    if field is None:
        return rows if value.upper() == "AND" else rows.filter(title__icontains=value)
    if field == "status" and value in ("open", "closed"):
        return rows.filter(ended_at__isnull=value == "open")
    if field == "acknowledged" and value in ("true", "false"):
        return rows.filter(state="acknowledged") if value == "true" else rows.exclude(state="acknowledged")
    if field == "alias":
        return rows.filter(alert__dedup_key=value)
    if field == "message":
        return rows.filter(title__icontains=value)
    if field == "priority" and value.upper() in SEVERITIES:
        return rows.filter(severity=SEVERITIES[value.upper()].value)
    raise BadQuery(
        "Firstline understands status:open|closed, acknowledged:true|false, alias:, priority:P1..P5, message: and words"
    )


def _number(asking: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = asking.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 8) or int(text) > most:
        raise BadQuery(f"{name} is a number up to {most}")
    return int(text)


def _page(asking: Mapping[str, str], address: str, limit: int, offset: int) -> str:
    kept = {name: asking[name] for name in ("query", "sort", "order") if name in asking}
    return f"{address}?{urlencode({**kept, 'limit': limit, 'offset': offset})}"
