"""Waiting at mailboxes (IMAP IDLE, RFC 2177): a mail is fetched the moment that its server tells of it.

A thread per mailbox, in the worker, beside its jobs. Each holds the mailbox's lock while it waits, so that neither
another worker nor the poll of each minute reads it too. A server without IDLE, one that hangs up, refuses or is away:
the thread lets go of the lock and tries again after a growing pause, and meanwhile the poll does what can be done.
"""

import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import uniform
from typing import Any, cast

import structlog
from django.db import DatabaseError, InterfaceError, connection
from imap_tools import BaseMailBox

from firstline.core import clock
from firstline.intake import imap
from firstline.intake.mailboxes import account_of, opened
from firstline.intake.models import Source

MOST = 50  # mailboxes that this process waits at; the others are polled
LOOK = 2.0  # seconds between looks at which mailboxes there are
SLICE = 1.0  # seconds that a thread waits before it sees whether it should end
RENEW = 9 * 60.0  # routers forget connections that are silent for ten minutes; RFC 2177 says 29
STILL_MINE = 20.0  # seconds between looks whether lock and settings are still there
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
WITHOUT_IDLE = 600.0
TOLD = (b" EXISTS", b" RECENT")
log = structlog.get_logger(__name__)


@dataclass
class Waiter:
    """One mailbox's thread. `settings` are those that it was started with; others mean another thread."""

    source_id: int
    settings: tuple[str, str]
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


class Mailboxes:
    """All threads of this process."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._waiters: dict[int, Waiter] = {}

    def run(self) -> None:
        """Keep a thread at every mailbox until `stop` is set."""
        while not self._stop.is_set():
            try:
                self.look()
            except (DatabaseError, InterfaceError) as error:
                log.warning("idling.no_database", error=str(error))
                connection.close()
            self._stop.wait(LOOK)
        self.end()

    def look(self) -> None:
        """Start a thread for what is new or was changed, end those of what is gone."""
        there = {source.id: (source, _settings(source)) for source in imap.watched()[:MOST]}
        for source_id, waiter in list(self._waiters.items()):
            if source_id not in there or there[source_id][1] != waiter.settings:
                waiter.stop.set()
            if waiter.thread is None or not waiter.thread.is_alive():
                del self._waiters[source_id]
        for source_id, (_source, settings) in there.items():
            if source_id not in self._waiters:
                self._start(Waiter(source_id, settings))

    def _start(self, waiter: Waiter) -> None:
        waiter.thread = threading.Thread(
            target=_wait_at, args=[waiter], name=f"mailbox-{waiter.source_id}", daemon=True
        )
        self._waiters[waiter.source_id] = waiter
        waiter.thread.start()

    def end(self) -> None:
        """Let all threads go; those that hang in a network call end with the process."""
        for waiter in self._waiters.values():
            waiter.stop.set()
        until = time.monotonic() + 5
        for waiter in self._waiters.values():
            if waiter.thread is not None:
                waiter.thread.join(max(0.0, until - time.monotonic()))
        connection.close()


def _settings(source: Source) -> tuple[str, str]:
    """What a thread must be started anew for. A renewed refresh token is no such change: the secret is its own."""
    given = source.settings.get("imap")
    sealed = "" if isinstance(given, dict) and given.get("sign_in") == "oauth_refresh" else source.secret
    return (repr(given), sealed)


def _wait_at(waiter: Waiter) -> None:
    pause = FIRST_PAUSE
    try:
        while not waiter.stop.is_set():
            began = time.monotonic()
            wait = _once(waiter)
            if time.monotonic() - began > 60:
                pause = FIRST_PAUSE
            waiter.stop.wait(wait if wait is not None else pause * uniform(0.7, 1.3))  # noqa: S311 - no secret
            pause = min(pause * 2, LONGEST_PAUSE) if wait is None else FIRST_PAUSE
    finally:
        connection.close()


def _once(waiter: Waiter) -> float | None:
    """Wait at the mailbox until something ends it; returns after how many seconds to come again, None: it failed."""
    try:
        source = Source.objects.filter(id=waiter.source_id, enabled=True).first()
        if source is None:
            return LOOK
        with imap.alone(source.id) as mine:
            return _holding(waiter, source) if mine else LOOK
    except (DatabaseError, InterfaceError) as error:
        log.warning("idling.no_database", source=waiter.source_id, error=str(error))
        connection.close()
        return None


def _holding(waiter: Waiter, source: Source) -> float | None:
    try:
        account = account_of(source)
        if account is None:
            return LOOK
        with opened(account, source.id) as box:
            return _serve(box, source, account.folder, waiter.stop)
    except imap.FAILURES_HERE as error:
        imap.failed(source, error, clock.now())
        return None


def _serve(box: BaseMailBox, source: Source, folder: str, stop: threading.Event) -> float:
    """Fetch what is there, then each time that the server tells of something."""
    can_idle = "IDLE" in box.client.capabilities
    while not stop.is_set():
        while imap.fetch(box, source, folder, clock.now()):
            pass
        imap.succeeded(source, clock.now(), how="idle" if can_idle else "poll")
        if not can_idle:
            return WITHOUT_IDLE
        _idle(box, stop, lambda: _still_mine(source))
    return 0.0


def _idle(box: BaseMailBox, stop: threading.Event, still_mine: Callable[[], None]) -> None:
    """Wait until the server tells of a message, or it is time to ask anew. Raises when the connection is gone."""
    began = looked = time.monotonic()
    box.idle.start()  # type: ignore[no-untyped-call]
    while not stop.is_set() and time.monotonic() - began < RENEW:
        told = box.idle.poll(timeout=SLICE)
        if any(line.rstrip().endswith(TOLD) for line in told):
            break
        if any(line.startswith(b"* BYE") for line in told) or (not told and _hung_up(box)):
            raise ConnectionError("The server hung up.")
        if time.monotonic() - looked > STILL_MINE:
            still_mine()
            looked = time.monotonic()
    box.idle.stop()  # type: ignore[no-untyped-call]


def _hung_up(box: BaseMailBox) -> bool:
    """A socket that is readable and has nothing to read is closed; imap_tools says of it that nothing came."""
    sock, file = box.client.sock, cast(Any, box.client.file)
    readable, _, _ = select.select([sock], [], [], 0)
    if not readable:
        return False
    sock.settimeout(0)
    try:
        return not file.peek(1)
    except (BlockingIOError, OSError):
        return False
    finally:
        sock.settimeout(30.0)


def _still_mine(source: Source) -> None:
    """The lock lives and dies with the connection to the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
