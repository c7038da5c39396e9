"""All that is not intake goes to the web process behind a UNIX socket, its body complete before it does."""

import asyncio
import contextlib
import os
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Iterable
from html import escape
from typing import IO

import h11
import structlog

from .asgi import (
    BodyCut,
    BodyTooLarge,
    Headers,
    Receive,
    Scope,
    Send,
    announced_length,
    chunks_into,
    client_of,
    peer_is_trusted,
    respond,
    until_gone,
)
from .settings import MIB, Settings

CHUNK = 64 * 1024
HOP_BY_HOP = frozenset(
    b"connection content-length expect keep-alive proxy-authenticate proxy-authorization proxy-connection"
    b" te trailer transfer-encoding upgrade".split()
)
OURS = frozenset((b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-request-id"))
NEVER = frozenset((b"forwarded", b"x-real-ip", b"x-forwarded-port", b"x-forwarded-prefix"))
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="{again}"><title>{title}</title><h1>{title}</h1><p>{text}</p></html>
"""

log = structlog.get_logger(__name__)


class WebGone(Exception):
    """The web process is not there, or broke off before it answered."""


class Forwarder:
    """Sends requests on to the web process, a bounded number at a time, and streams its answers back."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._running >= self._settings.forwards_in_flight:
            await _fail(scope, send, 503, "Firstline is busy", "Too many pages are being asked for at once.")
            return
        self._running += 1
        try:
            await self._pass_on(scope, receive, send)
        except BodyTooLarge:
            limit = self._settings.largest_upload // MIB
            await _fail(scope, send, 413, "Too large", f"At most {limit} MiB can be sent at once.")
        except h11.LocalProtocolError as error:
            await _fail(scope, send, 400, "Bad request", f"The request can't be passed on: {error}.")
        except BodyCut as error:
            await _fail(scope, send, 400, "Incomplete", f"The request did not arrive whole: {error}.")
        except WebGone as error:
            log.warning("gateway.web_gone", reason=str(error))
            text = (
                "The part of Firstline that makes pages is starting or not running. Alerts are still taken."
            )
            await _fail(scope, send, 502, "One moment", text)
        except TimeoutError:
            await _fail(scope, send, 504, "No answer", "This page took too long to make.")
        finally:
            self._running -= 1

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        with tempfile.SpooledTemporaryFile(max_size=MIB) as spool:
            size = await self._spool(spool, headers, receive)
            spool.seek(0)
            forwarding = asyncio.create_task(self._forward(scope, headers, spool, size, send))
            leaving = asyncio.create_task(until_gone(receive))
            try:
                await asyncio.wait((forwarding, leaving), return_when=asyncio.FIRST_COMPLETED)
                if forwarding.done():
                    await forwarding
            finally:  # nobody reads any more: let the web process know by closing its connection
                forwarding.cancel()
                leaving.cancel()
                await asyncio.gather(forwarding, leaving, return_exceptions=True)

    async def _spool(self, spool: "Spool", headers: dict[bytes, bytes], receive: Receive) -> int:
        """The whole body: 1 MiB in memory, what is larger in a file, written beside the event loop."""
        written = 0

        def keep(part: bytes) -> Awaitable[object] | None:
            nonlocal written
            written += len(part)
            if written <= MIB:
                spool.write(part)
                return None
            return asyncio.to_thread(spool.write, part)

        return await chunks_into(
            receive,
            keep,
            limit=self._settings.largest_upload,
            announced=announced_length(headers),
            timeout=self._settings.body_timeout * 4,
        )

    async def _forward(
        self, scope: Scope, headers: dict[bytes, bytes], spool: "Spool", size: int, send: Send
    ) -> None:
        try:
            reader, writer = await asyncio.open_unix_connection(self._settings.web_socket)
        except OSError as error:
            raise WebGone(f"{self._settings.web_socket}: {error.strerror or error}") from None
        try:
            http = h11.Connection(h11.CLIENT, max_incomplete_event_size=256 * 1024)
            request = h11.Request(
                method=scope["method"],
                target=_target(scope),
                headers=self._headers(scope, headers, size),
            )
            writer.write(http.send(request) or b"")
            sending = asyncio.create_task(_send_body(http, spool, writer))
            try:
                await self._answer(http, reader, send)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        finally:
            writer.close()

    def _headers(self, scope: Scope, headers: dict[bytes, bytes], size: int) -> list[tuple[bytes, bytes]]:
        """What the web process may believe: X-Forwarded-… and X-Request-ID come from here alone."""
        dropped = HOP_BY_HOP | OURS | NEVER | _named_by_connection(scope["headers"])
        trusted = peer_is_trusted(scope, self._settings.trusted_proxies)
        client = client_of(scope, headers, self._settings.trusted_proxies)
        proto = headers.get(b"x-forwarded-proto", b"") if trusted else b""
        given = headers.get(b"x-request-id", b"") if trusted else b""
        forwarded = [
            (b"connection", b"close"),
            (b"x-forwarded-for", str(client or "unknown").encode()),
            (b"x-forwarded-proto", proto if proto in (b"http", b"https") else scope["scheme"].encode()),
            (b"x-request-id", given if REQUEST_ID.fullmatch(given) else os.urandom(16).hex().encode()),
        ]
        if size or scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            forwarded.append((b"content-length", b"%d" % size))
        if trusted and b"x-forwarded-host" in headers:
            forwarded.append((b"x-forwarded-host", headers[b"x-forwarded-host"]))
        kept = [(name, value) for name, value in scope["headers"] if name not in dropped and b"_" not in name]
        if b"host" not in headers:
            kept.append((b"host", b"localhost"))
        return kept + forwarded

    async def _answer(self, http: h11.Connection, reader: asyncio.StreamReader, send: Send) -> None:
        """Pass the answer on as it comes.

        An answer that breaks off is broken off here too, never completed.
        """
        started = False
        async for event in self._events(http, reader):
            if isinstance(event, h11.Response):
                started = True
                await send(
                    {
                        "type": "http.response.start",
                        "status": event.status_code,
                        "headers": _returned(list(event.headers)),
                    }
                )
            elif isinstance(event, h11.Data):
                body = {"type": "http.response.body", "body": bytes(event.data), "more_body": True}
                await send(body)
            elif isinstance(event, h11.EndOfMessage):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
        if not started:
            raise WebGone("it closed the connection without an answer")
        raise ConnectionAbortedError("the web process broke off within its answer")

    async def _events(self, http: h11.Connection, reader: asyncio.StreamReader) -> AsyncIterator[h11.Event]:
        started = False
        while True:
            try:
                event = http.next_event()
            except h11.RemoteProtocolError as error:
                if started:
                    return
                raise WebGone(f"its answer is not HTTP: {error}") from None
            if event is h11.NEED_DATA:
                async with asyncio.timeout(self._settings.web_timeout):
                    try:
                        http.receive_data(await reader.read(CHUNK))
                    except OSError as error:
                        raise WebGone(str(error)) from None
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                return
            elif not isinstance(event, h11.InformationalResponse):
                started = True
                yield event  # type: ignore[misc]


Spool = tempfile.SpooledTemporaryFile[bytes] | IO[bytes]


async def _send_body(http: h11.Connection, spool: Spool, writer: asyncio.StreamWriter) -> None:
    """Ends quietly when the web process no longer reads: its answer, already on the way, says why."""
    with contextlib.suppress(OSError, h11.LocalProtocolError):
        while part := spool.read(CHUNK):
            writer.write(http.send(h11.Data(data=part)) or b"")
            await writer.drain()
        writer.write(http.send(h11.EndOfMessage()) or b"")
        await writer.drain()


def _target(scope: Scope) -> bytes:
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    """The further header names that concern only one hop."""
    values = (value for name, value in headers if name == b"connection")
    return {part.strip().lower() for value in values for part in value.split(b",")}


def _returned(headers: list[tuple[bytes, bytes]]) -> Headers:
    dropped = (HOP_BY_HOP | _named_by_connection(headers)) - {b"content-length"}
    return tuple((name, value) for name, value in headers if name not in dropped)


async def _fail(scope: Scope, send: Send, status: int, title: str, text: str) -> None:
    """The gateway's own page; for programs the same as problem+json."""
    again = ((b"retry-after", b"3"),) if status in (502, 503, 504) else ()
    common = (*again, (b"cache-control", b"no-store"))
    if scope["path"].startswith("/api/"):
        body = f'{{"type":"about:blank","title":"{title}","status":{status},"detail":"{text}"}}'
        await respond(send, status, ((b"content-type", b"application/problem+json"), *common), body.encode())
        return
    refresh = 3 if status in (502, 503) and scope["method"] == "GET" else 86400
    page = PAGE.format(title=escape(title), text=escape(text), again=refresh)
    await respond(send, status, ((b"content-type", b"text/html; charset=utf-8"), *common), page.encode())
