"""Syslog by UDP, RFC 5426. Nobody can be told to wait, so a queue of bounded size is all there is between a burst and
the database; what comes past it is lost and counted, as is what the kernel threw away.
"""

import asyncio
import contextlib
import socket
from collections import deque
from pathlib import Path
from typing import Any

from .counts import Counts
from .senders import peer_of
from .storing import Arrived, Store

MOST_WAITING = 20_000  # messages
MOST_WAITING_BYTES = 16 * 1024 * 1024
BATCH = 500
KERNEL_BUFFER = 4 * 1024 * 1024  # asked for; the kernel gives up to net.core.rmem_max
EACH = 256  # bytes that a waiting message takes beside its own


class Datagrams(asyncio.DatagramProtocol):
    """Queues what arrives; `run` stores it."""

    def __init__(self, store: Store, counts: Counts) -> None:
        self._store = store
        self._counts = counts
        self._waiting: deque[Arrived] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._inode = 0
        self._kernel = 0
        self.storing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        handle: Any = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BUFFER)
        with contextlib.suppress(OSError):
            self._inode = Path(f"/proc/self/fd/{handle.fileno()}").stat().st_ino

    def datagram_received(self, data: bytes, address: tuple[str | Any, int]) -> None:
        body = data.rstrip(b"\r\n\0")
        peer = peer_of(address)
        if peer is None or not body:
            return
        self._counts.add("udp")
        if len(self._waiting) >= MOST_WAITING or self._bytes + len(body) + EACH > MOST_WAITING_BYTES:
            self._counts.add("overload")
            return
        self._waiting.append(Arrived(peer, "udp", body))
        self._bytes += len(body) + EACH
        self._arrived.set()

    async def run(self) -> None:
        """Store batch by batch until cancelled."""
        while True:
            if not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self.storing = True
            try:
                await self._store.put(batch)
            finally:
                self.storing = False
                self._bytes -= sum(len(message.body) + EACH for message in batch)

    @property
    def idle(self) -> bool:
        """Whether everything that arrived is stored."""
        return not self._waiting and not self.storing

    def count_kernel_drops(self) -> None:
        """Add what the kernel dropped on this socket since the last time, where it tells (Linux)."""
        dropped = kernel_drops(self._inode)
        self._counts.add("kernel", dropped - self._kernel)
        self._kernel = max(self._kernel, dropped)


def kernel_drops(inode: int) -> int:
    """The `drops` of a socket in /proc/net/udp and udp6; 0 where there is no such table."""
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in Path(table).read_text().splitlines()[1:]:
                columns = line.split()
                if int(columns[9]) == inode:
                    return int(columns[12])
    return 0
