"""The three listeners, each on when its port is set; opened and closed with the gateway."""

import asyncio
import ssl

import structlog

from ..commit import GroupCommit
from ..settings import Settings
from ..tokens import Pool
from .counts import Counts
from .datagrams import Datagrams
from .senders import Senders
from .storing import Store
from .streams import HANDSHAKE, READ, Streams
from .tls import Shown

PERIOD = 5.0  # seconds between two writings of the counts
PATIENCE = 5.0  # seconds that what was read may take to be stored at the end

log = structlog.get_logger(__name__)


class SyslogListener:
    """Listens by UDP, TCP and TLS."""

    def __init__(self, settings: Settings, pool: Pool, commits: GroupCommit) -> None:
        self._settings = settings
        self._pool = pool
        self.counts = Counts()
        self._store = Store(commits, Senders(pool), self.counts)
        self._datagrams: Datagrams | None = None
        self._streams: list[Streams] = []
        self._servers: list[asyncio.Server] = []
        self._transport: asyncio.BaseTransport | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._shown = _shown(settings)

    @property
    def listening(self) -> bool:
        """Whether any port is set."""
        settings = self._settings
        return bool(settings.syslog_udp_port or settings.syslog_tcp_port or settings.syslog_tls_port)

    async def start(self) -> None:
        """Raises OSError when a port can't be had or the certificate not be read."""
        if not self.listening:
            return
        if self._settings.syslog_udp_port:
            await self._listen_udp(self._settings.syslog_udp_port)
        if self._settings.syslog_tcp_port:
            await self._listen("tcp", self._settings.syslog_tcp_port, None)
        if self._settings.syslog_tls_port:
            assert self._shown is not None
            await self._listen("tls", self._settings.syslog_tls_port, self._shown.context)
        self._tasks.append(asyncio.create_task(self._write_counts()))

    async def stop(self) -> None:
        """Take no more, store what is here, write the counts."""
        for server in self._servers:
            server.close()
        if self._transport:
            self._transport.close()
        await asyncio.gather(*(streams.close(PATIENCE) for streams in self._streams))
        await self._emptied()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.listening:
            await self.counts.write(self._pool)

    async def _emptied(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while self._datagrams and not self._datagrams.idle and loop.time() < deadline:
            await asyncio.sleep(0.02)

    async def _listen_udp(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._datagrams = datagrams = Datagrams(self._store, self.counts)
        where = (self._settings.syslog_host, port)
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: datagrams, local_addr=where, reuse_port=self._settings.workers > 1 or None
        )
        self._tasks.append(asyncio.create_task(datagrams.run()))
        log.info("gateway.syslog_listening", transport="udp", host=where[0], port=port)

    async def _listen(self, transport: str, port: int, context: ssl.SSLContext | None) -> None:
        streams = Streams(self._store, self.counts, transport)
        server = await asyncio.start_server(
            streams.connected,
            self._settings.syslog_host,
            port,
            limit=READ,
            reuse_port=self._settings.workers > 1 or None,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE if context else None,
        )
        self._streams.append(streams)
        self._servers.append(server)
        log.info("gateway.syslog_listening", transport=transport, host=self._settings.syslog_host, port=port)

    async def _write_counts(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            if self._datagrams:
                self._datagrams.count_kernel_drops()
            if self._shown:
                self._shown.renew()
            await self.counts.write(self._pool)


def _shown(settings: Settings) -> Shown | None:
    """What the TLS listener shows; None without one."""
    if not settings.syslog_tls_port:
        return None
    if not settings.syslog_certificate:
        raise ValueError("FIRSTLINE_SYSLOG_TLS_PORT needs FIRSTLINE_SYSLOG_CERTIFICATE")
    return Shown(settings.syslog_certificate, settings.syslog_key, settings.syslog_client_ca)
