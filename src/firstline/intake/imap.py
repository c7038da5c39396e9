"""Mail from a mailbox: fetched by IMAP, stored raw in the inbox, and only then marked as seen.

What is new is told by the UIDs since the last time (RFC 3501, 2.3.1.1), so that a mail which somebody has read in
the shared mailbox comes too; what was marked as unread comes again. A crash in between fetches a mail twice, and the
same message is one message. One reader at a time per mailbox: a lock in the database that belongs to the connection,
because network traffic has no place in a transaction.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from imap_tools import BaseMailBox, MailMessageFlags

from firstline.core import live
from firstline.core.locks import try_lock
from firstline.intake.ingest import MAILBOX, ingest
from firstline.intake.mailboxes import FAILURES, CannotRead, Step, account_of, opened
from firstline.intake.models import Source
from firstline.intake.signal import Severity, Signal, SignalKind

MOST_AT_ONCE = 100
LARGEST = 25 * 1024 * 1024
COMPLAIN_AFTER = timedelta(minutes=10)
log = structlog.get_logger(__name__)


def poll_all(now: datetime) -> int:
    """Fetch from every enabled mailbox; one that fails is said at its source and doesn't stop the others."""
    fetched = 0
    for source in watched():
        with alone(source.id) as mine:
            if not mine:
                continue  # somebody waits at it already
            try:
                fetched += fetch_all(source, now)
            except FAILURES_HERE as error:
                failed(source, error, now)
    return fetched


FAILURES_HERE = (*FAILURES, CannotRead)


def watched() -> list[Source]:
    """The enabled sources that have a mailbox."""
    return list(Source.objects.filter(kind="mail", enabled=True, settings__has_key="imap").order_by("id"))


def fetch_all(source: Source, now: datetime) -> int:
    """Sign in and store what is new; returns how many. Raises one of FAILURES_HERE. The caller holds the lock."""
    account = account_of(source)
    if account is None:
        return 0
    with opened(account, source.id) as box:
        total = 0
        while count := fetch(box, source, account.folder, now):
            total += count
    succeeded(source, now, how="poll")
    return total


def fetch(box: BaseMailBox, source: Source, folder: str, now: datetime) -> int:
    """Store at most MOST_AT_ONCE new messages of the open folder, the oldest first; returns how many."""
    found = box.folder.status(folder, ["UIDVALIDITY", "UIDNEXT"])
    validity = found.get("UIDVALIDITY", 0)
    known = source.mailbox.get("validity") == validity
    # what had been read before Firstline came is history; from here on every message counts
    last = int(source.mailbox.get("last_uid", 0)) if known else found.get("UIDNEXT", 1) - 1
    wanted = {int(uid) for uid in box.uids("UNSEEN")}
    if known:
        wanted |= {uid for each in box.uids(f"UID {last + 1}:*") if (uid := int(each)) > last}
    stored = 0
    for uid in sorted(wanted)[:MOST_AT_ONCE]:
        raw = _raw(box, str(uid))
        if not raw:
            log.warning("imap.message_not_given", source=source.id, uid=uid)
            continue
        last = max(last, uid)
        _store(source, raw, str(uid), now, {"validity": validity, "last_uid": last})
        box.flag(str(uid), MailMessageFlags.SEEN, True)
        stored += 1
    if not known:
        _remember(source, {"validity": validity, "last_uid": last})
    return stored


def _raw(box: BaseMailBox, uid: str) -> bytes:
    """The message as it lies there, up to the size that any way in takes; nothing when it has just been deleted."""
    _, answer = box.client.uid("fetch", uid, f"(BODY.PEEK[]<0.{LARGEST}>)")
    return b"".join(part[1] for part in answer if isinstance(part, tuple))


def _store(source: Source, raw: bytes, uid: str, now: datetime, place: dict[str, Any] | None = None) -> None:
    headers = {"uid": uid} | ({"cut_at": str(LARGEST)} if len(raw) >= LARGEST else {})
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body) "
            "VALUES (%s, %s, 'mail', 'message/rfc822', %s, %s)",
            [now, source.id, json.dumps(headers), raw],
        )
        if place:
            _remember(source, place)
        live.wake_engine()


def _remember(source: Source, values: dict[str, Any]) -> None:
    """Add to what is known of the mailbox, without touching what somebody else writes of the source meanwhile."""
    source.mailbox = {**source.mailbox, **values}
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE intake_source SET mailbox = mailbox || %s::jsonb WHERE id = %s",
            [json.dumps(values), source.id],
        )


def succeeded(source: Source, now: datetime, *, how: str) -> None:
    """It was read just now. `how`: idle (told by the server) or poll."""
    before = source.mailbox
    _remember(
        source,
        {"error": "", "step": "", "failing_since": "", "how": how, "read_at": now.isoformat(), "failures": 0},
    )
    if before.get("complained"):
        _complain(source, SignalKind.RESOLVE, "", now)


def failed(source: Source, error: Exception, now: datetime) -> None:
    """It can't be read: said at the source, and after a while its owner has an incident."""
    step = error.step if isinstance(error, CannotRead) else Step.READING
    log.warning("imap.failed", source=source.id, step=step.value, error=str(error))
    since = source.mailbox.get("failing_since") or now.isoformat()
    failures = int(source.mailbox.get("failures") or 0) + 1
    _remember(
        source,
        {"error": str(error)[:500] or type(error).__name__, "step": step.value, "failing_since": since,
         "failures": failures},
    )  # fmt: skip
    if now - datetime.fromisoformat(since).astimezone(UTC) >= COMPLAIN_AFTER and not source.mailbox.get(
        "complained"
    ):
        _complain(source, SignalKind.TRIGGER, str(error), now)


def _complain(source: Source, kind: SignalKind, error: str, now: datetime) -> None:
    """Mail that nobody fetches is mail that nobody answers: an alert about the source, over when it is read again."""
    signal = Signal(
        kind=kind,
        key=MAILBOX,
        title=f"The mailbox of {source.name} can't be read",
        description=error,
        severity=Severity.ERROR,
        security=source.security,
        occurred_at=now,
    )
    with transaction.atomic():
        if try_lock(f"intake:source:{source.id}"):
            ingest(source, [signal], received={}, now=now)
            _remember(source, {"complained": kind is SignalKind.TRIGGER})


@contextmanager
def alone(source_id: int) -> Iterator[bool]:
    """Whether this is the only reader of the source's mailbox, among all processes and machines."""
    name = f"imap:{source_id}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
