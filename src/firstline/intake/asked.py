"""Every read that a source makes with its own token: what it sent itself, and what became of it. Nothing else.

The viewer here is the source. Tools ask this through the APIs that Firstline stands in for.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from firstline.core.secrets import hash_token
from firstline.intake.drain import parse_row, received_row
from firstline.intake.models import AlertSpan, Source
from firstline.intake.signal import Signal
from firstline.intake.sources.parsing import ParseError, Received

# how far the clocks of gateway and database, and the instant of a commit, may be apart
NEAR = timedelta(seconds=30), timedelta(minutes=15)


def source_of_token(token: str, address: str, *, now: datetime) -> Source | None:
    """The enabled source that has this token, if it may send from this address; as the gateway finds it."""
    key = hash_token(token)
    good = Q(token_hash=key) | Q(previous_token_hash=key, previous_until__gt=now)
    source = Source.objects.filter(good, enabled=True).first()
    return source if source is not None and _may_come_from(source, address) else None


def _may_come_from(source: Source, address: str) -> bool:
    if not source.allowed_networks:
        return True
    try:
        client = ip_address(address)
    except ValueError:
        return False
    client = getattr(client, "ipv4_mapped", None) or client
    return any(client in ip_network(network, strict=False) for network in source.allowed_networks)


@dataclass(frozen=True, slots=True)
class Request:
    """A stored request of a source and what it said; `signals` is None where it could not be read."""

    row: Received
    state: str
    error: str
    signals: list[Signal] | None


FIND = """
SELECT id, received_at, kind, content_type, headers, body, dedup_key, state, error FROM inbox
WHERE source_id = %s AND received_at BETWEEN %s AND %s AND dedup_key = %s
ORDER BY received_at LIMIT 1
"""


def request(source: Source, number: str) -> Request | None:
    """The request that was answered with this number; None for one that isn't known (any more).

    The number begins with the time (UUID version 7), so an index on the time finds the row.
    """
    try:
        named = uuid.UUID(number)
    except ValueError:
        return None
    if named.version != 7:
        return None
    sent = datetime.fromtimestamp((named.int >> 80) / 1000, UTC)
    for near in NEAR:
        with connection.cursor() as cursor:
            cursor.execute(FIND, [source.id, sent - near, sent + near, str(named)])
            found = cursor.fetchone()
        if found is not None:
            return _request(source, found)
    return None


def _request(source: Source, found: Sequence[Any]) -> Request:
    row = received_row(found[:7])
    try:
        signals = parse_row(source, row)
    except ParseError:
        signals = None
    return Request(row, found[7], found[8], signals)


def touched(source: Source, key: str, at: datetime) -> AlertSpan | None:
    """The stretch of the alert `key` that a request of this instant concerned: it was known then and heard of since."""
    rows = spans(source).filter(alert__dedup_key=key, first_seen_at__lte=at, last_seen_at__gte=at)
    return rows.order_by("-id").first()


def existing(source: Source, key: str, at: datetime) -> AlertSpan | None:
    """The latest stretch of the alert `key` that had begun at this instant."""
    return spans(source).filter(alert__dedup_key=key, first_seen_at__lte=at).order_by("-id").first()


def spans(source: Source) -> QuerySet[AlertSpan]:
    """All stretches of the source's alerts."""
    return AlertSpan.objects.filter(source=source).select_related("alert")


def latest(source: Source, key: str) -> AlertSpan | None:
    """The latest stretch of an alert."""
    return spans(source).filter(alert__dedup_key=key).order_by("-id").first()


def open_spans(source: Source, *, limit: int) -> list[AlertSpan]:
    """What fires or is muted now, in the order of opening; one more than `limit` where there are more."""
    rows = spans(source).filter(ended_at=None).order_by("id")
    return list(rows[: limit + 1])
