"""Whose message it is: the syslog source whose allowed networks have the sender's address. Syslog has no tokens."""

import time
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, ip_address

import psycopg
from psycopg_pool import PoolTimeout

from ..asgi import Address
from ..commit import Unavailable
from ..settings import Network, networks
from ..tokens import Pool

FRESH = 5.0  # seconds that an answer of the database is believed
DOUBTED = 1.0  # and the answer that nobody takes from an address, which a new source may have changed
LOOK_UP = "SELECT id, allowed_networks FROM intake_source WHERE enabled AND kind = 'syslog' ORDER BY id"


class Senders:
    """The sources of kind syslog, asked for again every few seconds.

    While the database is away what was known stays true; what was never known raises commit.Unavailable.
    """

    def __init__(self, pool: Pool, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._known: list[tuple[int, tuple[Network, ...]]] | None = None
        self._asked = 0.0

    async def source_of(self, peer: Address) -> int | None:
        """The source that takes from this address; None: nobody does."""
        if self._known is None or self._age() >= FRESH:
            await self._ask()
        assert self._known is not None
        found = chosen(self._known, peer)
        if found is None and self._age() >= DOUBTED:
            await self._ask()
            found = chosen(self._known, peer)
        return found

    def _age(self) -> float:
        return self._monotonic() - self._asked

    async def _ask(self) -> None:
        try:
            async with self._pool.connection() as connection:
                rows = await (await connection.execute(LOOK_UP)).fetchall()
        except (psycopg.OperationalError, PoolTimeout) as error:
            if self._known is None:
                raise Unavailable("the database does not answer") from error
            self._asked = self._monotonic()
            return
        self._known = [(number, networks(list(allowed or []))) for number, allowed in rows]
        self._asked = self._monotonic()


def chosen(sources: Sequence[tuple[int, tuple[Network, ...]]], peer: Address) -> int | None:
    """The source with the smallest network that holds `peer`; one without networks takes what no other does. Of
    equals the first.
    """
    best: tuple[int, int] | None = None
    for number, allowed in sources:
        lengths = [net.prefixlen for net in allowed if net.version == peer.version and peer in net]
        length = max(lengths) if lengths else (-1 if not allowed else None)
        if length is not None and (best is None or length > best[0]):
            best = (length, number)
    return best[1] if best else None


def peer_of(name: object) -> Address | None:
    """The address of a socket's other end; IPv4 within IPv6 is IPv4."""
    if not isinstance(name, tuple) or not name:
        return None
    try:
        address = ip_address(str(name[0]).partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
