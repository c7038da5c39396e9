"""Telling people: every write of messages and deliveries. Nothing here talks to the network."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from firstline.core import live
from firstline.notifications.models import Delivery, Message

PAGE_LANE, ANSWER_LANE, DIGEST_LANE = 0, 5, 9
Fallback = tuple[str, str, int | None]


@dataclass(frozen=True, kw_only=True)
class To:
    """One delivery: through a channel to an address, for a person where there is one, not before `at`.

    `fallback`: (channel, address, method id) to go on with when this one fails. `may_wait`: it may be put off, and go
    together with others, when the person gets many.
    """

    address: str
    channel: str = "email"
    person_id: int | None = None
    method_id: int | None = None
    page_id: int | None = None
    at: datetime | None = None
    may_wait: bool = False
    fallback: Sequence[Fallback] = ()
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One thing to tell. `key` names it: whatever is sent again under the same key goes out once.

    Recipients are those who may see what it says; the caller has filtered them. `give_up_after`: when it
    would come too late to be worth anything.
    """

    kind: str
    subject: str
    body: str
    key: str
    to: Sequence[To]
    subject_type: str = "incident"
    subject_id: int | None = None
    html: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    urgency: str = "low"
    lane: int = ANSWER_LANE
    synthetic: bool = False
    give_up_after: timedelta | None = None


@transaction.atomic
def send(messages: Sequence[Outgoing], *, now: datetime) -> list[Message]:
    """Put messages and their deliveries where the engine finds them; returns those that are new."""
    wanted = {_key(message, to): (message, to) for message in messages for to in message.to}
    known = set(Delivery.objects.filter(idempotency_key__in=wanted).values_list("idempotency_key", flat=True))
    fresh = {key: pair for key, pair in wanted.items() if key not in known}
    rows: dict[str, Message] = {}
    for message, _to in fresh.values():
        rows.setdefault(message.key, _message(message, now))
    Message.objects.bulk_create(rows.values())
    Delivery.objects.bulk_create(
        [_delivery(key, message, to, rows[message.key], now) for key, (message, to) in fresh.items()],
        ignore_conflicts=True,
    )
    if any((to.at or now) <= now for _message_, to in fresh.values()):
        live.wake_engine()
    return list(rows.values())


@transaction.atomic
def drop(*, page_ids: Sequence[int], reason: str) -> int:
    """Call off what has not gone out yet of these pages. Returns how many deliveries."""
    waiting = Delivery.objects.filter(page_id__in=page_ids, state__in=("due", "sending"))
    return waiting.update(state="dropped", reason=reason[:255])


@transaction.atomic
def withdraw(*, kinds: Sequence[str], subject_type: str, subject_ids: Sequence[int], reason: str) -> int:
    """Call off what has not gone out yet about these subjects."""
    waiting = Delivery.objects.filter(
        state="due",
        message__kind__in=kinds,
        message__subject_type=subject_type,
        message__subject_id__in=subject_ids,
    )
    return waiting.update(state="dropped", reason=reason[:255])


def _message(message: Outgoing, now: datetime) -> Message:
    return Message(
        kind=message.kind,
        subject_type=message.subject_type,
        subject_id=message.subject_id,
        subject=message.subject,
        body=message.body,
        html=message.html,
        context=message.context,
        urgency=message.urgency,
        created_at=now,
        synthetic=message.synthetic,
    )


def _delivery(key: str, message: Outgoing, to: To, row: Message, now: datetime) -> Delivery:
    at = max(to.at or now, now)
    return Delivery(
        message=row,
        person_id=to.person_id,
        method_id=to.method_id,
        # What is synthetic must not reach people: it goes through everything except the last wire.
        channel="log" if message.synthetic else to.channel,
        address=to.address,
        page_id=to.page_id,
        idempotency_key=key,
        due_at=at,
        priority=message.lane,
        may_wait=to.may_wait,
        fallback=[] if message.synthetic else [list(step) for step in to.fallback],
        give_up_at=at + message.give_up_after if message.give_up_after else None,
    )


def _key(message: Outgoing, to: To) -> str:
    """At most 120 characters, the same for the same message to the same recipient through the same
    channel.
    """
    target = f"{to.person_id}" if to.person_id is not None else _short(to.address)
    plain = ":".join(
        part for part in (message.key, target, to.channel, _short(to.address)[:8], to.part) if part
    )
    return plain if len(plain) <= 120 else _short(plain) + plain[-80:]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
