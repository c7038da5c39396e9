"""Live updates: one PostgreSQL LISTEN feeds the event streams of all pages that this process serves."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs

import msgspec
import psycopg
import structlog
from psycopg.conninfo import make_conninfo

from firstline.core.errors import NotAllowed
from firstline.core.live import CHANNEL, Nudge, Ticket, read_ticket

from .asgi import Headers, Receive, Scope, Send, respond, until_gone

MOST_STREAMS = 2000
MOST_WAITING = 500  # different objects that a stream may lag behind; more than that is one resync
PACE = 0.1  # seconds between two writes to one stream
QUIET = 30.0  # seconds after which a silent listening connection is tried
EVENTS: Headers = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
HELLO = b"retry: 3000\nevent: hello\ndata: {}\n\n"
RESYNC = b"event: resync\ndata: {}\n\n"
BYE = b"event: bye\ndata: {}\n\n"
BEAT = b": \n\n"

log = structlog.get_logger(__name__)


class Stream:
    """What waits to be told to one page: per object only its latest version, never more than a bound."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self.ended = False
        self._waiting: dict[tuple[str, int], int] = {}
        self._lagging = False
        self._news = asyncio.Event()

    def offer(self, nudge: Nudge) -> None:
        """Queue the nudge if the viewer may hear of it."""
        if self._lagging or not self.ticket.hears(nudge.visibility):
            return
        key = (nudge.topic, nudge.id)
        self._waiting[key] = max(nudge.version, self._waiting.get(key, 0))
        if len(self._waiting) > MOST_WAITING:
            self.resync()
        self._news.set()

    def resync(self) -> None:
        """Nudges were lost, or are too many: the page asks for everything that it shows."""
        self._waiting.clear()
        self._lagging = True
        self._news.set()

    def end(self) -> None:
        """Say goodbye and close."""
        self.ended = True
        self._news.set()

    async def next(self, patience: float) -> bytes:
        """What to write next; a heartbeat after `patience` seconds without news."""
        try:
            async with asyncio.timeout(patience):
                await self._news.wait()
        except TimeoutError:
            return BEAT
        self._news.clear()
        if self._lagging:
            self._lagging = False
            return RESYNC
        return self._told()

    def _told(self) -> bytes:
        by_topic: dict[str, list[dict[str, int]]] = {}
        for (topic, number), version in self._waiting.items():
            by_topic.setdefault(topic, []).append({"id": number, "version": version})
        self._waiting.clear()
        return b"".join(
            b"event: %s\ndata: %s\n\n" % (topic.encode(), msgspec.json.encode(changed))
            for topic, changed in by_topic.items()
        )


class Streams:
    """All open streams, and the connection that listens for them."""

    def __init__(
        self,
        url: str,
        *,
        key: str,
        heartbeat: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._url = make_conninfo(url, connect_timeout=3, tcp_user_timeout=10_000, keepalives_idle=10)
        self._key = key
        self._heartbeat = heartbeat
        self._now = now
        self._open: set[Stream] = set()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen())

    def end_all(self) -> None:
        """End every stream, and take no new one: an open stream would keep the server from stopping."""
        self._stopping = True
        for stream in self._open:
            stream.end()

    async def stop(self) -> None:
        self.end_all()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [""])[0]
        try:
            ticket = read_ticket(text, key=self._key, now=self._now())
        except NotAllowed as error:
            await respond(send, 401, ((b"content-type", b"text/plain"),), str(error).encode())
            return
        if self._stopping or len(self._open) >= MOST_STREAMS:
            busy = ((b"content-type", b"text/plain"), (b"retry-after", b"10"))
            await respond(send, 503, busy, b"too many live pages")
            return
        await self._serve(Stream(ticket), receive, send)

    async def _serve(self, stream: Stream, receive: Receive, send: Send) -> None:
        self._open.add(stream)
        leaving = asyncio.create_task(_end_when_gone(receive, stream))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
            await _write(send, HELLO)
            while not stream.ended:
                left = stream.ticket.expires - self._now().timestamp()
                if left <= 0:
                    break
                await _write(send, await stream.next(min(self._heartbeat, left)))
                await asyncio.sleep(PACE)
            await send({"type": "http.response.body", "body": BYE, "more_body": False})
        finally:
            leaving.cancel()
            self._open.discard(stream)

    async def _listen(self) -> None:
        """Hand on notifications for ever; after a gap every page is told to look for itself."""
        first = True
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    if not first:
                        for stream in self._open:
                            stream.resync()
                    first = False
                    await self._hand_on(connection)
            log.warning("gateway.listening_interrupted")
            await asyncio.sleep(1.0)

    async def _hand_on(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        while True:
            async for notification in connection.notifies(timeout=QUIET):
                for line in notification.payload.splitlines():
                    self._offer(line)
            await connection.execute("SELECT 1")

    def _offer(self, line: str) -> None:
        try:
            nudge = msgspec.json.decode(line, type=Nudge)
        except msgspec.DecodeError:
            log.warning("gateway.nudge_unreadable", line=line[:200])
            return
        for stream in self._open:
            stream.offer(nudge)


async def _end_when_gone(receive: Receive, stream: Stream) -> None:
    await until_gone(receive)
    stream.end()


async def _write(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})
