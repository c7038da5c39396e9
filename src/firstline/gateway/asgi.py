"""The parts of ASGI that the gateway uses: typed messages, bodies with bounds, whole answers."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypeVar

from .settings import Network

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]
Address = IPv4Address | IPv6Address
T = TypeVar("T")


class BodyTooLarge(Exception):
    """More bytes than the limit were announced or sent."""


class BodyCut(Exception):
    """The body ended before its announced length, came too slowly, or its sender went away."""


def announced_length(headers: dict[bytes, bytes]) -> int | None:
    """The Content-Length; None for a chunked body or none."""
    text = headers.get(b"content-length")
    return int(text) if text is not None and text.isdigit() else None


class Deadlines:
    """Ends waits that take too long, by one look a second at all of them: a timer for each would cost more than the
    wait is worth. So a wait may take a second longer than it was given.
    """

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._looking = False

    async def within(self, seconds: float, wait: Awaitable[T]) -> T:
        """What `wait` gives; TimeoutError when it takes longer."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        if not self._looking:
            self._looking = True
            loop.call_later(1.0, self._look, loop)
        self._waiting[task] = loop.time() + seconds
        try:
            return await wait
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise TimeoutError from None
        finally:
            self._waiting.pop(task, None)
            self._late.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task in [task for task, until in self._waiting.items() if until <= now]:
            del self._waiting[task]
            self._late.add(task)
            task.cancel()
        self._looking = bool(self._waiting)
        if self._looking:
            loop.call_later(1.0, self._look, loop)


deadlines = Deadlines()


async def chunks_into(
    receive: Receive,
    keep: Callable[[bytes], Awaitable[object] | None],
    *,
    limit: int,
    announced: int | None,
    timeout: float,
) -> int:
    """Give each part of the body to `keep` and return the number of bytes.

    `timeout` bounds the whole body in seconds. Raises BodyTooLarge or BodyCut.
    """
    if announced is not None and announced > limit:
        raise BodyTooLarge
    try:
        total = await deadlines.within(timeout, _all_parts(receive, keep, limit))
    except TimeoutError:
        raise BodyCut(f"the body did not come within {timeout:g} seconds") from None
    if announced is not None and total != announced:
        raise BodyCut(f"the body has {total} bytes where {announced} were announced")
    return total


async def _all_parts(receive: Receive, keep: Callable[[bytes], Awaitable[object] | None], limit: int) -> int:
    total = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise BodyCut("the connection was closed within the body")
        if part := message.get("body", b""):
            total += len(part)
            if total > limit:
                raise BodyTooLarge
            if (kept := keep(part)) is not None:
                await kept
        if not message.get("more_body", False):
            return total


async def respond(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """One whole answer."""
    sized = (*headers, (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body})


async def until_gone(receive: Receive) -> None:
    """Return when the client has closed its connection. The body must have been read before."""
    while (await receive())["type"] != "http.disconnect":
        pass


def client_of(scope: Scope, headers: dict[bytes, bytes], trusted: tuple[Network, ...]) -> Address | None:
    """The client's address.

    The peer's, or what a trusted proxy says of it (from the right, first untrusted).
    """
    peer = _address((scope.get("client") or ("",))[0])
    if not trusted or peer is None or not _within(peer, trusted):
        return peer
    for text in reversed(headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")):
        named = _address(text.strip())
        if named is None:
            return peer
        peer = named
        if not _within(named, trusted):
            break
    return peer


def peer_is_trusted(scope: Scope, trusted: tuple[Network, ...]) -> bool:
    """Whether the peer is a proxy whose X-Forwarded-… headers count."""
    peer = _address((scope.get("client") or ("",))[0])
    return peer is not None and _within(peer, trusted)


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


@lru_cache(maxsize=4096)
def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
