"""Taking deliveries to their channels: claim with a lease, send outside any transaction, write down how it
went.

A claim says who tries until when (twice the channel's timeout). If this process dies meanwhile, the lease
runs out and another tries again under the same idempotency key.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction

from firstline.core import installation
from firstline.core.errors import DomainError
from firstline.core.secrets import decrypt
from firstline.notifications.channels.base import Envelope, Outcome
from firstline.notifications.channels.registry import CHANNELS
from firstline.notifications.models import Attempt, ChannelSetting, ContactMethod, Delivery, Message
from firstline.notifications.retry import next_attempt

SECRET_KINDS = ("account",)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How an attempt went. `final`: nothing more is tried for this delivery; `next_channel`: another was
    made.
    """

    delivery_id: int
    page_id: int | None
    subject_type: str
    subject_id: int | None
    kind: str
    channel: str
    ok: bool
    final: bool
    next_channel: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class _Claimed:
    delivery: Delivery
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Hooks:
    """What must be true together with the outcome of deliveries, in its transaction: a crash leaves both or
    none.

    `before` takes the ids of the pages concerned, to lock what comes first in the order of locks; `after`
    writes what follows.
    """

    before: Callable[[Sequence[int]], None]
    after: Callable[[Sequence[Settled], datetime], None]


NO_HOOKS = Hooks(lambda _pages: None, lambda _settled, _now: None)


class Sender:
    """Sends through a few threads; the loop that owns it only claims and writes down. Threads touch no
    database.
    """

    def __init__(self, workers: int = 8, hooks: Hooks = NO_HOOKS) -> None:
        self._workers = workers
        self._hooks = hooks
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="deliver")
        self._under_way: dict[Future[Outcome], _Claimed] = {}

    def run(self, now: datetime, *, wait: bool = False) -> list[Settled]:
        """Write down what has ended, claim what is due and start it. `wait`: until all that is due has
        ended.
        """
        settled = self._collect(now)
        while free := 2 * self._workers - len(self._under_way):
            claimed = claim(now, limit=free)
            for one in claimed:
                self._under_way[self._pool.submit(_attempt, one)] = one
            if not wait or not (claimed or self._under_way):
                break
            for future in list(self._under_way):
                future.exception()
            settled += self._collect(now)
        return settled

    @property
    def idle(self) -> bool:
        return not self._under_way

    def close(self) -> None:
        """End without waiting for what is under way; its lease runs out and it is tried again."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _collect(self, now: datetime) -> list[Settled]:
        done = [future for future in self._under_way if future.done()]
        if not done:
            return []
        pairs = [(self._under_way.pop(future).delivery, future.result()) for future in done]
        return settle(pairs, now=now, hooks=self._hooks)


def claim(now: datetime, *, limit: int) -> list[_Claimed]:
    """Take up to `limit` due deliveries, pages first, each with a lease."""
    leases = [now + timedelta(seconds=2 * channel.timeout) for channel in CHANNELS.values()]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """WITH next AS (
                   SELECT id FROM delivery
                   WHERE state IN ('due', 'sending') AND due_at <= %s
                       AND (lease_until IS NULL OR lease_until <= %s)
                   ORDER BY priority, due_at, id LIMIT %s FOR UPDATE SKIP LOCKED)
               UPDATE delivery SET state = 'sending', attempts = attempts + 1,
                   lease_until = coalesce(
                       (SELECT until FROM unnest(%s::text[], %s::timestamptz[]) AS lease(kind, until)
                        WHERE lease.kind = delivery.channel), %s)
               FROM next WHERE delivery.id = next.id RETURNING delivery.id""",
            [now, now, limit, list(CHANNELS), leases, now + timedelta(minutes=1)],
        )
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return []
    rows = Delivery.objects.filter(id__in=ids).select_related("message").order_by("priority", "due_at", "id")
    settings = channel_settings()
    return [_Claimed(row, _envelope(row, row.message, settings, now)) for row in rows]


def channel_settings() -> Mapping[str, tuple[Mapping[str, object], str]]:
    """{channel: (settings, secret)} with what the installation enables in general."""
    general = installation.get_all()
    common = {"hosts": general["enabled_webhook_hosts"], "schemes": general["enabled_apprise_schemes"]}
    rows = {row.channel: row for row in ChannelSetting.objects.all()}
    found: dict[str, tuple[Mapping[str, object], str]] = {}
    for kind in CHANNELS:
        row = rows.get(kind)
        found[kind] = ({**common, **(row.settings if row else {})}, _secret(row))
    return found


def _secret(row: ChannelSetting | None) -> str:
    try:
        return decrypt(row.secret) if row else ""
    except DomainError as error:
        log.error("delivery.secret_unreadable", channel=row.channel if row else "", error=str(error))
        return ""


def _envelope(
    row: Delivery, message: Message, settings: Mapping[str, tuple[Mapping[str, object], str]], now: datetime
) -> Envelope:
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


def _attempt(claimed: _Claimed) -> Outcome:
    channel = CHANNELS.get(claimed.delivery.channel)
    if channel is None:
        return Outcome(False, f"there is no channel {claimed.delivery.channel}", permanent=True)
    try:
        return channel.send(claimed.envelope)
    except Exception as error:
        log.exception("delivery.failed", delivery=claimed.delivery.id)
        return Outcome(False, f"{type(error).__name__}: {error}")


@transaction.atomic
def settle(
    pairs: Sequence[tuple[Delivery, Outcome]], *, now: datetime, hooks: Hooks = NO_HOOKS
) -> list[Settled]:
    """Write down attempts. One whose lease ran out and that another has taken since is only added to the
    ledger.
    """
    hooks.before([row.page_id for row, _ in pairs if row.page_id is not None])
    Attempt.objects.bulk_create(
        Attempt(delivery_id=row.id, at=now, ok=outcome.ok, answer=outcome.answer[:2000])
        for row, outcome in pairs
    )
    held = {
        row.id: row
        for row in Delivery.objects.select_for_update()
        .filter(id__in=[row.id for row, _ in pairs])
        .order_by("id")
    }
    settled = []
    for claimed, outcome in pairs:
        row = held[claimed.id]
        message = claimed.message
        if row.state == "delivered" or row.attempts != claimed.attempts:
            continue
        final, other = _write(row, outcome, now)
        if final and message.kind in SECRET_KINDS:
            Message.objects.filter(id=message.id).update(body="", html="")
        settled.append(
            Settled(
                delivery_id=row.id, page_id=row.page_id, subject_type=message.subject_type,
                subject_id=message.subject_id, kind=message.kind, channel=row.channel,
                ok=outcome.ok, final=final, next_channel=other, at=now,
            )
        )  # fmt: skip
    _mark_methods(pairs, settled, now)
    hooks.after(settled, now)
    return settled


@transaction.atomic
def bounced(delivery_id: int, answer: str, *, now: datetime) -> Settled | None:
    """A delivery that was taken came back: it failed for good, and its next channel goes at once. None if
    known.
    """
    row = Delivery.objects.select_for_update().filter(id=delivery_id, state="delivered").first()
    if row is None:
        return None
    Attempt.objects.create(delivery=row, at=now, ok=False, answer=answer[:2000])
    row.state, row.delivered_at = "sending", None
    final, other = _write(row, Outcome(False, answer, permanent=True), now)
    if row.method_id is not None:
        ContactMethod.objects.filter(id=row.method_id, failing_since=None).update(failing_since=now)
    message = row.message
    return Settled(
        delivery_id=row.id, page_id=row.page_id, subject_type=message.subject_type, subject_id=message.subject_id,
        kind=message.kind, channel=row.channel, ok=False, final=final, next_channel=other, at=now,
    )  # fmt: skip


def _write(row: Delivery, outcome: Outcome, now: datetime) -> tuple[bool, bool]:
    """Set a delivery's new state; returns (nothing more is tried, another channel was chosen)."""
    row.lease_until = None
    other = False
    if outcome.ok:
        row.state, row.delivered_at, row.mail_id = "delivered", now, outcome.message_id
        final = True
    elif row.state == "dropped":
        final = True
    else:
        again = next_attempt(row.attempts, now=now, page=row.page_id is not None, give_up_at=row.give_up_at)
        final = outcome.permanent or again is None
        if row.fallback and (final or row.page_id is not None):
            _go_on_elsewhere(row, now)
            other = True
        row.state = "failed" if final else "due"
        row.due_at = row.due_at if again is None or final else again
        row.reason = outcome.answer[:255] if final else ""
    row.save(
        update_fields=["state", "delivered_at", "mail_id", "lease_until", "due_at", "reason", "fallback"]
    )
    return final, other


def _go_on_elsewhere(row: Delivery, now: datetime) -> None:
    """The next channel goes at once. A page's own channel is tried again beside it."""
    (channel, address, method_id), *rest = row.fallback
    row.fallback = []
    Delivery.objects.bulk_create(
        [
            Delivery(
                message=row.message,
                person_id=row.person_id,
                method_id=method_id,
                channel=channel,
                address=address,
                page_id=row.page_id,
                idempotency_key=f"{row.idempotency_key[:100]}/{channel[:8]}{method_id or 0}",
                due_at=now,
                priority=row.priority,
                fallback=rest,
                give_up_at=row.give_up_at,
            )
        ],
        ignore_conflicts=True,
    )


def _mark_methods(
    pairs: Sequence[tuple[Delivery, Outcome]], settled: Sequence[Settled], now: datetime
) -> None:
    """A way to reach somebody that fails is known to, until it works again."""
    final = {one.delivery_id: one.ok for one in settled if one.final}
    failed = [row.method_id for row, _ in pairs if row.method_id and final.get(row.id) is False]
    worked = [row.method_id for row, _ in pairs if row.method_id and final.get(row.id)]
    ContactMethod.objects.filter(id__in=failed, failing_since=None).update(failing_since=now)
    ContactMethod.objects.filter(id__in=worked).exclude(failing_since=None).update(failing_since=None)


def next_due() -> datetime | None:
    """When the next delivery is due or its lease ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(greatest(due_at, coalesce(lease_until, due_at))) FROM delivery"
            " WHERE state IN ('due', 'sending')"
        )
        found: datetime | None = cursor.fetchone()[0]
    return found
