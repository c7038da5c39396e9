"""Syslog by TCP (RFC 6587) and TLS (RFC 5425). The next bytes are read when the messages before them are committed, so
a storm waits in its senders' queues and this process stays small.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable

import structlog

from .counts import Counts
from .framing import Framer
from .senders import peer_of
from .storing import Arrived, Store

MOST_CONNECTIONS = 200
LARGEST = 256 * 1024  # bytes of one message
READ = 64 * 1024
HANDSHAKE = 10.0  # seconds

log = structlog.get_logger(__name__)
Arriving = Callable[[bytes], Arrived]


class Streams:
    """The connections of one listener."""

    def __init__(self, store: Store, counts: Counts, transport: str) -> None:
        self._store = store
        self._counts = counts
        self._transport = transport
        self._closing = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One sender, until it goes."""
        task = asyncio.current_task()
        assert task is not None
        peer = peer_of(writer.get_extra_info("peername"))
        try:
            if peer is None or len(self._open) >= MOST_CONNECTIONS:
                log.warning("gateway.syslog_too_many_connections", most=MOST_CONNECTIONS)
                return
            self._open.add(task)
            handle = writer.get_extra_info("socket")
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if await self._store.source_of(peer) is None:
                self._store.unknown(peer)
                return  # refused: the sender keeps its messages
            await self._take(reader, lambda body: Arrived(peer, self._transport, body))
        except (OSError, asyncio.IncompleteReadError) as error:
            log.info("gateway.syslog_connection_lost", peer=str(peer), reason=str(error))
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(2.0):
                    await writer.wait_closed()

    async def _take(self, reader: asyncio.StreamReader, arrived: Arriving) -> None:
        framer = Framer(LARGEST)
        while data := await self._read(reader):
            await self._put(framer, framer.feed(data), arrived)
        await self._put(framer, framer.end(), arrived)

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        """What came; nothing when the sender has ended or this process is about to."""
        reading = asyncio.ensure_future(reader.read(READ))
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({reading, closing}, return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading.done() else b""
        finally:
            for waiting in (reading, closing):
                waiting.cancel()

    async def _put(self, framer: Framer, bodies: list[bytes], arrived: Arriving) -> None:
        self._counts.add(self._transport, len(bodies) + framer.too_large)
        self._counts.add("too_large", framer.too_large)
        framer.too_large = 0
        if bodies:
            await self._store.put([arrived(body) for body in bodies])

    async def close(self, patience: float) -> None:
        """Store what was read, then let the senders go."""
        self._closing.set()
        if self._open:
            _, late = await asyncio.wait(set(self._open), timeout=patience)
            for task in late:
                task.cancel()
