"""The gateway: one ASGI application that takes signals in, feeds open pages, and passes on all else.

It is plain ASGI, without Django's request handling or models: a storm must not wait behind pages, nor pages
behind a storm.
"""

import asyncio
import contextlib
import gc
import os
import resource
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

import psycopg
import structlog
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from firstline.core.notify import Notifier

from . import condition
from .asgi import Receive, Scope, Send
from .commit import GroupCommit
from .forward import Forwarder
from .intake import Intake, place_of
from .mail import MailListener
from .settings import Settings, from_environment
from .streams import Streams
from .syslog.listener import SyslogListener
from .tokens import Sources

ENGINE_CHANNEL = "firstline_engine"
STREAM = "/events/stream"
CLOSING = 8.0  # seconds; the server kills its worker after 15

log = structlog.get_logger(__name__)


class Gateway:
    """The parts of one gateway process, opened and closed together."""

    def __init__(self, settings: Settings) -> None:
        self._notifier = Notifier(settings.database_url, ENGINE_CHANNEL)
        self._pool = AsyncConnectionPool(
            settings.database_url,
            min_size=1,
            max_size=4,
            timeout=3.0,
            open=False,
            configure=_impatient,
            kwargs={"autocommit": True, "connect_timeout": 3},
        )
        self.commits = GroupCommit(settings.database_url, committed=lambda: self._notifier.put(None))
        sources = Sources(self._pool, key=settings.secret_key)
        self.forward = Forwarder(settings)
        self.intake = Intake(settings, sources, self.commits, self.forward)
        self.streams = Streams(settings.database_url, key=settings.secret_key, heartbeat=settings.heartbeat)
        self._watch: asyncio.Task[None] | None = None
        self._mail = MailListener(settings, self._pool, self.commits)
        self.syslog = SyslogListener(settings, self._pool, self.commits)

    async def open(self) -> None:
        """Start everything. The database may still be away: until it comes, intake answers 503."""
        await self._pool.open(wait=False)
        self.commits.start()
        self.streams.start()
        await self._mail.start()
        await self.syslog.start()
        _chain_signals(self.streams.end_all)
        self._watch = asyncio.create_task(_end_with_parent())

    async def close(self) -> None:
        """Commit what was promised, then let go."""
        if self._watch:
            self._watch.cancel()
        await self._mail.stop()
        await self.syslog.stop()
        await self.streams.stop()
        await self.commits.stop()
        await self._pool.close(timeout=3.0)
        await asyncio.to_thread(self._notifier.flush, 1.0)
        self._notifier.close()


async def _impatient(connection: "psycopg.AsyncConnection[TupleRow]") -> None:
    """A look-up that waits for a lock must not keep the few connections from all others."""
    await connection.execute("SET statement_timeout = '3s'")


class App:
    """The ASGI callable. What it needs from the environment is read when the server starts."""

    def __init__(self, settings: Callable[[], Settings] = from_environment) -> None:
        self._settings = settings
        self._gateway: Gateway | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            return
        assert self._gateway is not None
        if (place := place_of(scope["path"])) is not None:
            await self._gateway.intake(place, scope, receive, send)
        elif scope["path"] == condition.PATH:
            await condition.tell(self._gateway.commits, self._gateway.intake.load, self._gateway.syslog, send)
        elif scope["path"] == STREAM:
            await self._gateway.streams(scope, receive, send)
        else:
            await self._gateway.forward(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            _raise_file_limit()
            self._gateway = Gateway(self._settings())
            await self._gateway.open()
            _collect_seldom()
        except (OSError, ValueError, KeyError) as error:
            log.error("gateway.not_started", reason=repr(error))
            await send({"type": "lifespan.startup.failed", "message": f"the gateway cannot start: {error!r}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            async with asyncio.timeout(CLOSING):
                await self._gateway.close()
        except TimeoutError:  # nothing is lost by going: what was answered is committed
            log.warning("gateway.closed_late", seconds=CLOSING)
        await send({"type": "lifespan.shutdown.complete"})


def _chain_signals(first: Callable[[], None]) -> None:
    """Call `first` when the server is told to end, before it waits for open requests.

    Event streams would keep it waiting. The event loop hears of signals by a file descriptor and leaves an
    empty Python handler behind, so that one of ours beside it takes nothing from the server.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def handler(signum: int, frame: FrameType | None, before: Any = before) -> None:
            loop.call_soon_threadsafe(first)
            if callable(before):
                before(signum, frame)

        signal.signal(number, handler)
        signal.siginterrupt(number, False)


async def _end_with_parent() -> None:
    """Stop when the server's main process was killed: an orphan would go on holding the port."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1.0)
    log.warning("gateway.orphaned")
    os.kill(os.getpid(), signal.SIGTERM)


def _collect_seldom() -> None:
    """Requests leave no cycles behind: to look for them at every few hundred of them takes a tenth of the processor."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _raise_file_limit() -> None:
    """Each connection is a file.

    The usual soft limit of 1,024 is less than the load that is meant to be borne.
    """
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard > 0 else 65536, hard))


app = App()
