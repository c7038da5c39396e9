"""Mail over SMTP, off by default: the raw message is a row of the inbox before the sender hears 250.

Offered are SIZE, 8BITMIME, SMTPUTF8, and STARTTLS where a certificate is set. It takes mail for the addresses of
sources only, and relays nothing.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

import psycopg
import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session
from psycopg_pool import PoolTimeout

from firstline.intake.sources.base import InboxRow

from .commit import GroupCommit, Unavailable, Unstorable
from .settings import MIB, Settings, networks
from .tokens import Pool

LARGEST_MESSAGE = 25 * MIB
MOST_CONNECTIONS = 20  # each may hold one message in memory
MOST_RECIPIENTS = 100
SILENCE = 120.0  # seconds
TYPE = "message/rfc822"
LOOK_UP = """
SELECT id, allowed_networks FROM intake_source
WHERE enabled AND kind = 'mail' AND lower(address) = ANY(%s)
"""

log = structlog.get_logger(__name__)


class Handler:
    """What aiosmtpd asks.

    Recipients are the addresses of mail sources, with or without `+…` behind the name.
    """

    def __init__(self, pool: Pool, commits: GroupCommit) -> None:
        self._pool = pool
        self._commits = commits

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        """Say at once whether mail for this address is taken here."""
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        try:
            source = await self._source_of(address, _peer(session))
        except Unavailable:
            return "451 4.3.0 The database does not answer, try again later"
        if source is None:
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        chosen: dict[int, str] = session.__dict__.setdefault("firstline_sources", {})
        chosen.setdefault(source, address)
        return "250 2.1.5 OK"

    async def handle_MAIL(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A new message: forget the recipients of the one before."""
        session.__dict__["firstline_sources"] = {}
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """One row per source; 250 only after the commit."""
        chosen: dict[int, str] = session.__dict__.get("firstline_sources", {})
        content = envelope.original_content or b""
        rows = [_row(source, address, session, envelope, content) for source, address in chosen.items()]
        try:
            await self._commits.append(rows)
        except Unavailable:
            return "451 4.3.0 The database does not answer, try again later"
        except Unstorable as error:
            log.warning("gateway.mail_refused", reason=str(error))
            return "554 5.6.0 The message can't be stored"
        return "250 2.0.0 Stored"

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """What is offered: no sign-in, which aiosmtpd would announce once TLS is on."""
        session.host_name = hostname
        return [line for line in responses if not line.startswith("250-AUTH")]

    async def handle_exception(self, error: Exception) -> str:
        log.error("gateway.smtp_failed", reason=repr(error))
        return "451 4.3.0 Something went wrong here, try again later"

    async def _source_of(self, address: str, peer: str) -> int | None:
        name, _, domain = address.lower().rpartition("@")
        plain = f"{name.partition('+')[0]}@{domain}"
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(LOOK_UP, [[address.lower(), plain]])
                found = await cursor.fetchall()
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise Unavailable(str(error)) from error
        for number, allowed in found:
            if not allowed or any(ip_address(peer) in network for network in networks(list(allowed))):
                return int(number)
        return None


class Certificate:
    """What STARTTLS shows. Read again when its file was replaced, so that a renewal needs no restart.

    Raises OSError or ssl.SSLError when it can't be read at the start; later the old one stays.
    """

    def __init__(self, certificate: str, key: str) -> None:
        self._paths = (certificate, key or certificate)
        self._read = self._changed()
        self._context = self._loaded()

    def context(self) -> ssl.SSLContext:
        try:
            changed = self._changed()
            if changed != self._read:
                self._context, self._read = self._loaded(), changed
                log.info("gateway.smtp_certificate_renewed")
        except (OSError, ssl.SSLError) as error:
            log.warning("gateway.smtp_certificate_unreadable", reason=str(error))
        return self._context

    def _changed(self) -> tuple[int, ...]:
        return tuple(Path(path).stat().st_mtime_ns for path in self._paths)

    def _loaded(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*self._paths)
        return context


class MailListener:
    """Listens when a port is set."""

    def __init__(self, settings: Settings, pool: Pool, commits: GroupCommit) -> None:
        self._host = settings.smtp_host
        self._port = settings.smtp_port
        self._shared = settings.workers > 1
        self._handler = Handler(pool, commits)
        self._server: asyncio.Server | None = None
        self._name = socket.gethostname()
        self.certificate = (
            Certificate(settings.smtp_certificate, settings.smtp_key)
            if settings.smtp_port and settings.smtp_certificate
            else None
        )
        self.open = 0

    async def start(self) -> None:
        """Raises OSError when the port can't be had."""
        if self._port is None:
            return
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._connection, self._host, self._port, reuse_port=self._shared or None
        )
        log.info("gateway.smtp_listening", host=self._host, port=self._port)

    async def stop(self) -> None:
        if self._server:
            self._server.close()

    def _connection(self) -> asyncio.Protocol:
        if self.open >= MOST_CONNECTIONS:
            return Busy()
        return Connection(self, self._handler, hostname=self._name)


class Connection(SMTP):
    """One sender, counted while it is connected."""

    def __init__(self, listener: MailListener, handler: Handler, *, hostname: str) -> None:
        super().__init__(
            handler,
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
            hostname=hostname,
            ident="Firstline",
            tls_context=listener.certificate.context() if listener.certificate else None,
            timeout=SILENCE,
            loop=asyncio.get_running_loop(),
        )
        self._listener = listener
        self._counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called again, with the encrypted transport, after STARTTLS."""
        if not self._counted:
            self._counted = True
            self._listener.open += 1
        super().connection_made(transport)

    def eof_received(self) -> bool:
        """Close. aiosmtpd leaves a connection open whose peer left before its first command could be awaited."""
        super().eof_received()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if self._counted:
            self._counted = False
            self._listener.open -= 1
        super().connection_lost(error)


class Busy(asyncio.Protocol):
    """Turns one connection away."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        writer = cast(asyncio.WriteTransport, transport)  # uvloop's is none by descent
        writer.write(b"421 4.7.0 Too many connections, try again later\r\n")
        writer.close()


def _row(source: int, address: str, session: Session, envelope: Envelope, content: Any) -> InboxRow:
    headers = {
        "mail_from": (envelope.mail_from or "")
        .removeprefix("<")
        .removesuffix(">"),  # a bounce comes from `<>`
        "rcpt_to": address,
        "peer": _peer(session),
        "helo": session.host_name or "",
    }
    safe = {name: value.encode("utf-8", "replace").decode() for name, value in headers.items()}
    return InboxRow(source_id=source, kind="mail", body=bytes(content), content_type=TYPE, headers=safe)


def _peer(session: Session) -> str:
    peer = session.peer
    return str(peer[0]) if isinstance(peer, tuple) else ""
