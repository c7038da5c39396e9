"""Taking deliveries to their channels: claim with a lease, send outside any transaction, write down how it
went.

What goes next is `claiming.claim`. If this process dies while it sends, the lease runs out and another tries again
under the same idempotency key.
"""

import json
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import connection, transaction

from firstline.notifications.actions import PAGE_LANE
from firstline.notifications.channels.base import Outcome
from firstline.notifications.channels.registry import CHANNELS
from firstline.notifications.claiming import Claimed, claim
from firstline.notifications.models import Attempt, ContactMethod, Delivery, Message
from firstline.notifications.retry import next_attempt

SECRET_KINDS = ("account",)
PAGES, OTHERS = 0, 1
SLOW = 0.5  # seconds; what an attempt is thought to take before it is known
AHEAD = 0.25  # seconds of work that are claimed at once
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
    database. Pages have threads of their own: none waits behind a slow digest.
    """

    def __init__(self, workers: int = 8, hooks: Hooks = NO_HOOKS) -> None:
        self._workers = workers
        self._hooks = hooks
        self._pools = [ThreadPoolExecutor(workers, thread_name_prefix=name) for name in ("page", "deliver")]
        self._under_way: list[dict[Future[tuple[Outcome | None, float]], Claimed]] = [{}, {}]
        self._usual = [SLOW, SLOW]  # seconds that an attempt takes, lately

    def run(self, now: datetime, *, wait: bool = False) -> list[Settled]:
        """Write down what has ended, claim what is due and start it. `wait`: until all that is due has
        ended.
        """
        settled = self._collect(now)
        while self._start(now, PAGES) + self._start(now, OTHERS) or self._any_under_way():
            if not wait:
                break
            for future in [future for lane in self._under_way for future in lane]:
                future.exception()
            settled += self._collect(now)
        return settled

    def _start(self, now: datetime, lane: int) -> int:
        """Claim what this lane's threads get done soon. Returns how many attempts were started."""
        free = self._room(lane) - len(self._under_way[lane])
        if free <= 0:
            return 0
        claimed = claim(now, limit=free, lane=PAGE_LANE) if lane == PAGES else claim(now, limit=free)
        begun = time.monotonic()
        for one in claimed:
            self._under_way[lane][self._pools[lane].submit(_attempt, one, begun)] = one
        return len(claimed)

    def _room(self, lane: int) -> int:
        """As many as the threads send in `AHEAD` seconds, at least two for each."""
        return self._workers * max(2, min(32, int(AHEAD / self._usual[lane])))

    def _any_under_way(self) -> bool:
        return any(self._under_way)

    @property
    def idle(self) -> bool:
        return not self._any_under_way()

    def close(self) -> None:
        """End without waiting for what is under way; its lease runs out and it is tried again."""
        for pool in self._pools:
            pool.shutdown(wait=False, cancel_futures=True)

    def _collect(self, now: datetime) -> list[Settled]:
        pairs: list[tuple[Delivery, Outcome]] = []
        for lane, under_way in enumerate(self._under_way):
            for future in [future for future in under_way if future.done()]:
                claimed, (outcome, took) = under_way.pop(future), future.result()
                self._usual[lane] += (took - self._usual[lane]) / 8
                if outcome is not None:
                    pairs += [(row, outcome) for row in claimed.deliveries]
        return settle(pairs, now=now, hooks=self._hooks) if pairs else []


def _attempt(claimed: Claimed, begun: float) -> tuple[Outcome | None, float]:
    """How it went, and how many seconds it took. None: it waited so long for a thread that its lease could end before
    the channel's timeout; it isn't tried, and is claimed again when the lease is over.
    """
    started = time.monotonic()
    channel = CHANNELS.get(claimed.delivery.channel)
    if channel is None:
        return Outcome(False, f"there is no channel {claimed.delivery.channel}", permanent=True), 0.0
    if started - begun > channel.timeout:
        return None, SLOW
    if claimed.envelope.settings.get("off"):
        return Outcome(False, "an administrator switched this channel off", permanent=True), 0.0
    try:
        outcome = channel.send(claimed.envelope)
    except Exception as error:
        log.exception("delivery.failed", delivery=claimed.delivery.id)
        outcome = Outcome(False, f"{type(error).__name__}: {error}")
    return outcome, time.monotonic() - started


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
    settled, written, said = [], [], []
    for claimed, outcome in pairs:
        row = held[claimed.id]
        message = claimed.message
        if row.state == "delivered" or row.attempts != claimed.attempts:
            continue
        final, other = _decide(row, outcome, now)
        written.append(row)
        if final and message.kind in SECRET_KINDS:
            said.append(message.id)
        settled.append(
            Settled(
                delivery_id=row.id, page_id=row.page_id, subject_type=message.subject_type,
                subject_id=message.subject_id, kind=message.kind, channel=row.channel,
                ok=outcome.ok, final=final, next_channel=other, at=now,
            )
        )  # fmt: skip
    _write(written)
    if said:
        Message.objects.filter(id__in=said).update(body="", html="")
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
    final, other = _decide(row, Outcome(False, answer, permanent=True), now)
    _write([row])
    if row.method_id is not None:
        ContactMethod.objects.filter(id=row.method_id, failing_since=None).update(failing_since=now)
    message = row.message
    return Settled(
        delivery_id=row.id, page_id=row.page_id, subject_type=message.subject_type, subject_id=message.subject_id,
        kind=message.kind, channel=row.channel, ok=False, final=final, next_channel=other, at=now,
    )  # fmt: skip


def _decide(row: Delivery, outcome: Outcome, now: datetime) -> tuple[bool, bool]:
    """Set a delivery's new state, to be written; returns (nothing more is tried, another channel was chosen)."""
    row.lease_until = None
    other = False
    if outcome.ok:
        row.state, row.delivered_at, row.mail_id = "delivered", now, outcome.message_id
        final = True
    elif row.state == "dropped":
        final = True
    else:
        again = next_attempt(
            row.attempts,
            now=now,
            page=row.page_id is not None,
            give_up_at=row.give_up_at,
            jitter=random.random(),  # noqa: S311 - spreads retries, keeps no secret
        )
        final = outcome.permanent or again is None
        if row.fallback and (final or row.page_id is not None):
            _go_on_elsewhere(row, now)
            other = True
        row.state = "failed" if final else "due"
        row.due_at = row.due_at if again is None or final else again
        row.reason = outcome.answer[:255] if final else ""
    return final, other


WRITE = """
UPDATE delivery SET state = t.state, delivered_at = t.delivered_at, mail_id = t.mail_id, lease_until = NULL,
    due_at = t.due_at, reason = t.reason, fallback = t.fallback::jsonb
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::text[], %s::timestamptz[], %s::text[], %s::text[])
    AS t(id, state, delivered_at, mail_id, due_at, reason, fallback)
WHERE delivery.id = t.id
"""


def _write(rows: Sequence[Delivery]) -> None:
    """All of them by one statement."""
    if not rows:
        return
    columns = zip(
        *(
            (r.id, r.state, r.delivered_at, r.mail_id, r.due_at, r.reason, json.dumps(r.fallback))
            for r in rows
        ),
        strict=True,
    )
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [list(column) for column in columns])


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
                may_wait=row.may_wait,
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
