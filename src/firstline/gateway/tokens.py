"""Who sends: the source behind a token, remembered for seconds, and a bound on guessing."""

import asyncio
import hashlib
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import LiteralString

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
from .guesses import Guesses, TooManyGuesses
from .settings import Network, networks

TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
FRESH = 5.0  # seconds that an answer of the database is believed,
STALE = (
    60.0  # and how many more where it can't be asked again: rows may be taken although sources can't be read
)
MOST_KNOWN = 10_000
MOST_IN_ROSTER = 200_000
LOOK_UP = """
SELECT id, kind, settings, allowed_networks, secret FROM intake_source
WHERE enabled AND (token_hash = %(hash)s
    OR (previous_token_hash = %(hash)s AND previous_until > firstline_now()))
"""
ROSTER = """
SELECT token_hash FROM intake_source WHERE enabled
UNION ALL SELECT previous_token_hash FROM intake_source WHERE enabled AND previous_until > firstline_now() LIMIT %s
"""

log = structlog.get_logger(__name__)
Pool = AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]


class UnknownToken(Exception):
    """No enabled source has this token. One answer for all reasons."""


@dataclass(frozen=True, slots=True)
class Known:
    """A source as the database had it. No networks: from everywhere."""

    info: SourceInfo
    networks: tuple[Network, ...]

    def admits(self, client: Address | None) -> bool:
        return not self.networks or (client is not None and any(client in net for net in self.networks))


@dataclass(slots=True)
class Remembered:
    """Not asked again before `until`; the database said so at `asked`."""

    known: Known | None
    until: float
    asked: float


class Sources:
    """Finds sources by token. Bounded in memory; concurrent look-ups of one token are one query.

    Good and unknown tokens are remembered apart, so that a flood of guesses makes no good one forgotten.
    """

    def __init__(self, pool: Pool, *, key: str = "", monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._key = key
        self._monotonic = monotonic
        self._good: OrderedDict[str, Remembered] = OrderedDict()
        self._unknown: OrderedDict[str, Remembered] = OrderedDict()
        self._looking: dict[str, asyncio.Task[Remembered]] = {}
        self._guesses = Guesses(monotonic)
        self._roster = Roster(pool, monotonic)

    async def find(self, token: str | None, client: Address | None) -> Known:
        """The source of this token. Raises UnknownToken, TooManyGuesses or commit.Unavailable.

        Only a token that the database was asked for in vain counts as a guess: a sender that repeats an old
        token once a second must not lock out others behind the same address.
        """
        key = _key(token) if token else None
        if key is None:
            raise UnknownToken
        found = self._good.get(key) or self._unknown.get(key)
        if found is None or found.until <= self._monotonic():
            found = await self._ask_again(key, found, client)
        if found.known is None:
            raise UnknownToken
        return found.known

    async def _ask_again(self, key: str, before: Remembered | None, client: Address | None) -> Remembered:
        counted = before is None or before.known is None  # a source that was good a moment ago is no guess
        if counted:
            try:
                self._guesses.take(client)
            except TooManyGuesses:
                if not await self._roster.has(key):
                    raise
                counted = False
        guessed = False
        try:
            found = await self._look_up_once(key)
            guessed = found.known is None
        except Unavailable:
            now = self._monotonic()
            if before is None or before.known is None or before.asked + STALE < now:
                raise
            before.until = now + FRESH
            return before
        finally:
            if counted and not guessed:
                self._guesses.give_back(client)
        return found

    async def _look_up_once(self, key: str) -> Remembered:
        task = self._looking.get(key)
        if task is None:
            task = self._looking[key] = asyncio.create_task(self._look_up(key))
            task.add_done_callback(lambda _: self._looking.pop(key, None))
        return await asyncio.shield(task)

    async def _look_up(self, key: str) -> Remembered:
        rows = await _ask(self._pool, LOOK_UP, {"hash": key})
        known = _known(*rows[0], key=self._key) if rows else None
        now = self._monotonic()
        found = Remembered(known, now + FRESH, now)
        for memory in (self._good, self._unknown):
            memory.pop(key, None)
        memory = self._unknown if known is None else self._good
        memory[key] = found
        while len(memory) > MOST_KNOWN:
            memory.popitem(last=False)
        return found


class Roster:
    """The hashes of all good tokens, read again when they are older than `FRESH` seconds and somebody asks."""

    def __init__(self, pool: Pool, monotonic: Callable[[], float]) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._hashes: frozenset[str] = frozenset()
        self._until = float("-inf")
        self._reading = asyncio.Lock()

    async def has(self, key: str) -> bool:
        """Whether a token of this hash is good. Raises Unavailable."""
        if key not in self._hashes and self._until <= self._monotonic():
            async with self._reading:
                if self._until <= self._monotonic():
                    rows = await _ask(self._pool, ROSTER, [MOST_IN_ROSTER])
                    self._hashes = frozenset(row[0] for row in rows)
                    self._until = self._monotonic() + FRESH
        return key in self._hashes


async def _ask(
    pool: Pool, query: LiteralString, parameters: Mapping[str, str] | Sequence[int]
) -> list[TupleRow]:
    """Raises Unavailable."""
    try:
        async with pool.connection() as connection:
            return await (await connection.execute(query, parameters)).fetchall()
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise Unavailable("the database does not answer") from error


@lru_cache(maxsize=1024)
def _key(token: str) -> str | None:
    """What the database knows the token by; None for what is no token."""
    return hashlib.sha256(token.encode()).hexdigest() if TOKEN.fullmatch(token) else None


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
