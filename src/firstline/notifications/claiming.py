"""Which deliveries go out next, and which of them together.

A claim says who tries until when (twice the channel's timeout). If that process dies meanwhile, the lease runs out and
another claims them again. Of what may wait (no page of an incident that its person has not heard of yet, and no answer
to a caller):

1. whoever got `PER_MINUTE` through a channel within a minute gets no more through it until that minute is over;
2. where `TOGETHER` or more are due for one address, all of them are one message.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from firstline.core import installation
from firstline.core.errors import DomainError
from firstline.core.secrets import decrypt
from firstline.notifications.channels.base import Envelope
from firstline.notifications.channels.registry import CHANNELS
from firstline.notifications.models import ChannelSetting, Delivery

PER_MINUTE = 12
MINUTE = timedelta(minutes=1)
TOGETHER = 4
MOST_TOGETHER = 200
IN_FULL = 20  # of those that go together; the others are named by their subject
OTHER_LEASE = timedelta(minutes=1)
log = structlog.get_logger(__name__)

ChannelSettings = Mapping[str, tuple[Mapping[str, object], str]]


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one attempt takes along: one delivery, or several of one address that go as one message."""

    deliveries: tuple[Delivery, ...]
    envelope: Envelope

    @property
    def delivery(self) -> Delivery:
        """The first, which names channel and lane."""
        return self.deliveries[0]


CLAIM = """
WITH next AS (
    SELECT id FROM delivery
    WHERE state IN ('due', 'sending') AND due_at <= %(now)s AND (lease_until IS NULL OR lease_until <= %(now)s)
        AND priority <= %(lane)s
    ORDER BY priority, due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
"""
SIBLINGS = """
WITH next AS (
    SELECT delivery.id FROM delivery
    JOIN unnest(%(people)s::bigint[], %(channels)s::text[], %(addresses)s::text[]) AS t(person, channel, address)
        ON delivery.person_id = t.person AND delivery.channel = t.channel AND delivery.address = t.address
    WHERE state IN ('due', 'sending') AND may_wait AND page_id IS NULL AND due_at <= %(now)s
        AND (lease_until IS NULL OR lease_until <= %(now)s)
    LIMIT %(limit)s FOR UPDATE OF delivery SKIP LOCKED)
"""
LEASE = """
UPDATE delivery SET state = 'sending', attempts = attempts + 1, lease_until = coalesce(
    (SELECT until FROM unnest(%(kinds)s::text[], %(leases)s::timestamptz[]) AS lease(kind, until)
     WHERE lease.kind = delivery.channel), %(other)s)
FROM next WHERE delivery.id = next.id RETURNING delivery.id
"""
PUT_OFF = """
UPDATE delivery SET state = 'due', attempts = attempts - 1, lease_until = NULL, due_at = t.until
FROM unnest(%s::bigint[], %s::timestamptz[]) AS t(id, until) WHERE delivery.id = t.id
"""
RECENT = """
SELECT person_id, channel, count(*), min(delivered_at) FROM delivery
WHERE person_id = ANY(%s) AND delivered_at > %s AND delivered_at IS NOT NULL GROUP BY person_id, channel
"""


@transaction.atomic
def claim(now: datetime, *, limit: int, lane: int = 32767) -> list[Claimed]:
    """Take up to `limit` due deliveries of `lane` or before it, pages first, each with a lease, and with some of them
    those that go out together.
    """
    taken = _lease(CLAIM, now, {"limit": limit, "lane": lane})
    rows = _within_limits(taken, now)
    if not rows:
        return []
    alone, groups = _grouped(rows, now)
    settings = channel_settings()
    return [Claimed((row,), _envelope(row, settings, now)) for row in alone] + [
        Claimed(tuple(group), _bundle(group, settings, now)) for group in groups
    ]


def _lease(which: str, now: datetime, parameters: Mapping[str, Any]) -> list[Delivery]:
    leases = [now + timedelta(seconds=2 * channel.timeout) for channel in CHANNELS.values()]
    given: dict[str, Any] = {
        "now": now,
        "kinds": list(CHANNELS),
        "leases": leases,
        "other": now + OTHER_LEASE,
        **parameters,
    }
    with connection.cursor() as cursor:
        cursor.execute(which + LEASE, given)
        ids = [row[0] for row in cursor.fetchall()]
    found = Delivery.objects.filter(id__in=ids).select_related("message", "person")
    return list(found.order_by("priority", "due_at", "id")) if ids else []


def _within_limits(rows: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """Those that may go now; the others are put off to the end of the minute that is full."""
    people = {row.person_id for row in rows if row.may_wait and row.person_id is not None}
    if not people:
        return list(rows)
    with connection.cursor() as cursor:
        cursor.execute(RECENT, [list(people), now - MINUTE])
        recent = {(person, channel): (count, first) for person, channel, count, first in cursor.fetchall()}
    full = {key: first + MINUTE for key, (count, first) in recent.items() if count >= PER_MINUTE}
    later = [
        (row.id, full[row.person_id, row.channel]) for row in rows if row.may_wait and _key(row)[:2] in full
    ]
    if later:
        with connection.cursor() as cursor:
            cursor.execute(PUT_OFF, [[id for id, _until in later], [until for _id, until in later]])
    put_off = {id for id, _until in later}
    return [row for row in rows if row.id not in put_off]


def _key(row: Delivery) -> tuple[int | None, str, str]:
    return row.person_id, row.channel, row.address


def _grouped(rows: Sequence[Delivery], now: datetime) -> tuple[list[Delivery], list[list[Delivery]]]:
    """What goes alone, and what goes together with all else that is due for the same address."""
    groups: dict[tuple[int | None, str, str], list[Delivery]] = defaultdict(list)
    alone: list[Delivery] = []
    for row in rows:
        if row.may_wait and row.page_id is None and row.person_id is not None:
            groups[_key(row)].append(row)
        else:
            alone.append(row)
    if groups:
        people, channels, addresses = zip(*groups, strict=True)
        wanted = {"people": list(people), "channels": list(channels), "addresses": list(addresses)}
        for row in _lease(SIBLINGS, now, {**wanted, "limit": MOST_TOGETHER}):
            groups[_key(row)].append(row)
    alone += [row for group in groups.values() if len(group) < TOGETHER for row in group]
    return alone, [group for group in groups.values() if len(group) >= TOGETHER]


def channel_settings() -> ChannelSettings:
    """{channel: (settings, secret)} with what the installation enables in general; `off` in those not offered."""
    general = installation.get_all()
    common = {"hosts": general["enabled_webhook_hosts"], "schemes": general["enabled_apprise_schemes"]}
    rows = {row.channel: row for row in ChannelSetting.objects.all()}
    found: dict[str, tuple[Mapping[str, object], str]] = {}
    for kind in CHANNELS:
        row = rows.get(kind)
        own = {**common, **(row.settings if row else {})}
        found[kind] = ({**own, "off": True} if row is not None and not row.enabled else own, _secret(row))
    return found


def _secret(row: ChannelSetting | None) -> str:
    try:
        return decrypt(row.secret) if row else ""
    except DomainError as error:
        log.error("delivery.secret_unreadable", channel=row.channel if row else "", error=str(error))
        return ""


def _envelope(row: Delivery, settings: ChannelSettings, now: datetime) -> Envelope:
    message = row.message
    own, secret = settings.get(row.channel, ({}, ""))
    return Envelope(
        address=row.address,
        subject=message.subject,
        body=message.body,
        html=message.html,
        idempotency_key=row.idempotency_key,
        now=now,
        kind=message.kind,
        urgency=message.urgency,
        incident_id=message.subject_id if message.subject_type == "incident" else None,
        person_id=row.person_id,
        context=message.context,
        settings=own,
        secret=secret,
    )


def _bundle(rows: Sequence[Delivery], settings: ChannelSettings, now: datetime) -> Envelope:
    """One envelope for all of them. The same ones are the same message, however often it is tried."""
    first = rows[0]
    own, secret = settings.get(first.channel, ({}, ""))
    with override(first.person.language if first.person else None):
        subject, body = bundled_text([(row.message.subject, row.message.body) for row in rows])
    return Envelope(
        address=first.address,
        subject=subject,
        body=body,
        idempotency_key=bundle_key(row.idempotency_key for row in rows),
        now=now,
        kind="bundle",
        urgency="high" if any(row.message.urgency == "high" for row in rows) else "low",
        person_id=first.person_id,
        context={"kinds": dict(Counter(row.message.kind for row in rows))},
        settings=own,
        secret=secret,
    )


def bundle_key(keys: Iterable[str]) -> str:
    """The same for the same deliveries in any order."""
    return "bundle:" + hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:40]


def bundled_text(parts: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """(subject, body) of several messages in one: their subjects as a list, and the first of them in full."""
    count = len(parts)
    subject = ngettext("%(count)s message from Firstline", "%(count)s messages from Firstline", count) % {
        "count": count
    }
    lines = [f"- {said}" for said, _body in parts]
    full = [f"{said}\n{body.strip()}" for said, body in parts[:IN_FULL]]
    if count > IN_FULL:
        full.append(_("The other %(count)s are named above.") % {"count": count - IN_FULL})
    return subject, "\n".join(lines) + "\n\n" + "\n\n".join(full) + "\n"
