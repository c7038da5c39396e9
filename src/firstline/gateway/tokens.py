"""Who sends: the source behind a token, remembered for seconds, and a bound on guessing."""

import asyncio
import hashlib
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import structlog
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from firstline.core.errors import Invalid
from firstline.core.secrets import decrypt
from firstline.intake.sources.base import SourceInfo
from firstline.intake.sources.registry import FRONTS

from .asgi import Address
from .commit import Unavailable
from .settings import Network, networks

TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
FRESH = 5.0  # seconds that an answer of the database is believed
MOST_KNOWN = 10_000
MOST_ADDRESSES = 10_000
BURST = 30.0  # unknown tokens that an address may try at once,
REFILL = 0.5  # and how many more each second
LOOK_UP = """
SELECT id, kind, settings, allowed_networks, secret FROM intake_source
WHERE enabled AND (token_hash = %(hash)s
    OR (previous_token_hash = %(hash)s AND previous_until > firstline_now()))
"""

log = structlog.get_logger(__name__)
Pool = AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]


class UnknownToken(Exception):
    """No enabled source has this token. One answer for all reasons."""


class TooManyGuesses(Exception):
    """This address tried too many unknown tokens. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many unknown tokens from this address")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Known:
    """A source as the database had it. No networks: from everywhere."""

    info: SourceInfo
    networks: tuple[Network, ...]

    def admits(self, client: Address | None) -> bool:
        return not self.networks or (client is not None and any(client in net for net in self.networks))


@dataclass(slots=True)
class Remembered:
    known: Known | None
    until: float


class Sources:
    """Finds sources by token. Bounded in memory; concurrent look-ups of one token are one query."""

    def __init__(self, pool: Pool, *, key: str = "", monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._key = key
        self._monotonic = monotonic
        self._remembered: OrderedDict[str, Remembered] = OrderedDict()
        self._looking: dict[str, asyncio.Task[Remembered]] = {}
        self._guesses = Guesses(monotonic)

    async def find(self, token: str | None, client: Address | None) -> Known:
        """The source of this token. Raises UnknownToken, TooManyGuesses or commit.Unavailable.

        Only a token that the database was asked for in vain counts as a guess: a sender that repeats an old
        token once a second must not lock out others behind the same address.
        """
        if not token or not TOKEN.fullmatch(token):
            raise UnknownToken
        key = hashlib.sha256(token.encode()).hexdigest()
        found = self._remembered.get(key)
        if found is None or found.until <= self._monotonic():
            found = await self._ask_again(key, found, client)
        if found.known is None:
            raise UnknownToken
        return found.known

    async def _ask_again(self, key: str, before: Remembered | None, client: Address | None) -> Remembered:
        if before is None or before.known is None:  # a source that was good a moment ago is no guess
            self._guesses.check(client)
        task = self._looking.get(key)
        if task is None:
            task = self._looking[key] = asyncio.create_task(self._look_up(key))
            task.add_done_callback(lambda _: self._looking.pop(key, None))
        found = await asyncio.shield(task)
        if found.known is None:
            self._guesses.count(client)
        return found

    async def _look_up(self, key: str) -> Remembered:
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(LOOK_UP, {"hash": key})
                row = await cursor.fetchone()
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise Unavailable("the database does not answer") from error
        known = _known(*row, key=self._key) if row else None
        found = self._remembered[key] = Remembered(known, self._monotonic() + FRESH)
        self._remembered.move_to_end(key)
        while len(self._remembered) > MOST_KNOWN:
            self._remembered.popitem(last=False)
        return found


class Guesses:
    """A token bucket of unknown tokens per client address, bounded in number."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._buckets: OrderedDict[Address | None, tuple[float, float]] = OrderedDict()

    def check(self, client: Address | None) -> None:
        """Raises TooManyGuesses when nothing is left for this address."""
        if (left := self._left(client)) < 1:
            raise TooManyGuesses(max(1, round((1 - left) / REFILL)))

    def count(self, client: Address | None) -> None:
        """One more unknown token from this address."""
        self._buckets[client] = (self._left(client) - 1, self._monotonic())
        self._buckets.move_to_end(client)
        while len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)

    def _left(self, client: Address | None) -> float:
        left, since = self._buckets.get(client, (BURST, 0.0))
        return min(BURST, left + (self._monotonic() - since) * REFILL)


def _known(
    number: int, kind: str, settings: dict[str, object], allowed: list[str], stored: str, *, key: str
) -> Known:
    front = FRONTS.get(kind)
    secret = _secret(number, stored, key) if front is not None and front.signed else ""
    info = SourceInfo(id=number, kind=kind, settings=settings, secret=secret)
    return Known(info, networks(list(allowed or [])))


def _secret(number: int, stored: str, key: str) -> str:
    """The source's secret. One that can't be read is no reason to stop asking for signatures: none will be right."""
    try:
        return decrypt(stored, key=key)
    except Invalid:
        log.error("gateway.secret_unreadable", source=number)
        return os.urandom(16).hex()
