"""Mail from a mailbox: fetched by IMAP, stored raw in the inbox, and only then marked as seen.

A crash in between fetches a mail twice, and the same Message-ID is one message. One poll at a time per mailbox: a lock
in the database that belongs to the connection, because network traffic has no place in a transaction.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import connection, transaction
from imap_tools import (
    BaseMailBox,
    MailBox,
    MailboxLoginError,
    MailBoxStartTls,
    MailBoxUnencrypted,
    MailMessageFlags,
)
from imap_tools.errors import ImapToolsError

from firstline.core import live
from firstline.core.errors import Invalid
from firstline.core.secrets import decrypt
from firstline.intake.models import Source

TIMEOUT = 30.0
MOST_AT_ONCE = 100
LARGEST = 25 * 1024 * 1024
KINDS: dict[str, Callable[..., BaseMailBox]] = {
    "ssl": MailBox,
    "starttls": MailBoxStartTls,
    "none": MailBoxUnencrypted,
}
PORTS = {"ssl": 993, "starttls": 143, "none": 143}
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where and how to fetch. `security`: ssl, starttls, or none (loopback only)."""

    host: str
    user: str
    password: str
    port: int
    security: str = "ssl"
    folder: str = "INBOX"


def account_of(source: Source) -> Account | None:
    """The mailbox in a source's settings; None when it has none. `Invalid` says what is wrong with it."""
    given = source.settings.get("imap")
    if not isinstance(given, dict) or not given.get("host"):
        return None
    security = str(given.get("security", "ssl"))
    if security not in KINDS:
        raise Invalid("Unknown transport security.", {"security": "ssl, starttls or none"})
    host = str(given["host"])
    if security == "none" and host not in ("127.0.0.1", "localhost", "::1"):
        raise Invalid(
            "A password never travels unencrypted beyond this machine.", {"security": "use ssl or starttls"}
        )
    return Account(
        host=host,
        user=str(given.get("user", "")),
        password=decrypt(source.secret),
        port=int(given.get("port") or PORTS[security]),
        security=security,
        folder=str(given.get("folder") or "INBOX"),
    )


def poll_all(now: datetime) -> int:
    """Fetch from every enabled mailbox; one that fails is said in its source's settings and doesn't stop the others."""
    fetched = 0
    for source in Source.objects.filter(kind="mail", enabled=True, settings__has_key="imap"):
        try:
            fetched += poll(source, now)
            said = ""
        except (Invalid, OSError, ImapToolsError) as error:
            log.warning("imap.poll_failed", source=source.id, error=str(error))
            said = (
                "The server refused the login." if isinstance(error, MailboxLoginError) else str(error)[:500]
            )
        if source.settings.get("imap_error", "") != said:
            _say(source, said)
    return fetched


def poll(source: Source, now: datetime) -> int:
    """Store what is unseen in the source's mailbox; returns how many. 0 when another worker is at it."""
    account = account_of(source)
    if account is None:
        return 0
    with _alone(f"imap:{source.id}") as mine:
        if not mine:
            return 0
        mailbox = KINDS[account.security](account.host, port=account.port, timeout=TIMEOUT)
        with mailbox.login(account.user, account.password, initial_folder=account.folder) as box:
            uids = box.uids("UNSEEN")[:MOST_AT_ONCE]
            for uid in uids:
                _store(source, _raw(box, uid), uid, now)
                box.flag(uid, MailMessageFlags.SEEN, True)
            return len(uids)


def _raw(box: BaseMailBox, uid: str) -> bytes:
    """The message as it lies there, up to the size that any way in takes."""
    _, answer = box.client.uid("fetch", uid, f"(BODY.PEEK[]<0.{LARGEST}>)")
    return b"".join(part[1] for part in answer if isinstance(part, tuple))


def _store(source: Source, raw: bytes, uid: str, now: datetime) -> None:
    headers = {"uid": uid} | ({"cut_at": str(LARGEST)} if len(raw) >= LARGEST else {})
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body) "
            "VALUES (%s, %s, 'mail', 'message/rfc822', %s, %s)",
            [now, source.id, json.dumps(headers), raw],
        )
        live.wake_engine()


def _say(source: Source, error: str) -> None:
    settings: dict[str, Any] = {**source.settings, "imap_error": error}
    Source.objects.filter(id=source.id).update(settings=settings)


@contextmanager
def _alone(name: str) -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
