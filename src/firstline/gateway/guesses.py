"""A bound on guessing tokens, by address and in all, that no attacker can turn against a real sender.

A token has 192 random bits: nobody will guess one. What guessing costs is a question to the database each; so only
tokens that it was asked for in vain are counted. An address (of IPv6 its /64, which one machine owns whole) has a
budget, and all addresses together have one. When either is spent, an unknown token is refused without asking. A good
one never is: past the budget it is looked up in the roster of all good tokens, which is read at most once in five
seconds, so neither somebody behind the same address nor a flood from everywhere locks a sender out.

Tokens are compared as SHA-256 hashes, by equality in the database or membership in a set: how long that takes says
nothing about a token, since who guesses can't choose the hash's first bytes.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network

from .asgi import Address

MOST_ADDRESSES = 10_000
BURST = 30.0  # unknown tokens that an address may try at once,
REFILL = 0.5  # and how many more each second
BURST_OF_ALL = 600.0
REFILL_OF_ALL = 20.0


class TooManyGuesses(Exception):
    """Too many unknown tokens were tried. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many unknown tokens from this address")
        self.retry_after = retry_after


def holder_of(client: Address | None) -> str:
    """Who is behind an address: itself, or the /64 of an IPv6 address."""
    if isinstance(client, IPv6Address):
        return str(ip_network((client, 64), strict=False))
    return str(client)


@dataclass(slots=True)
class Budget:
    """What is left since when; it grows by `refill` a second up to `burst`."""

    burst: float
    refill: float
    left: float
    since: float

    def at(self, now: float) -> float:
        """Bring it up to `now` and say what is left."""
        self.left = min(self.burst, self.left + max(0.0, now - self.since) * self.refill)
        self.since = now
        return self.left


class Guesses:
    """Counts unknown tokens. Bounded in memory; past the bound the addresses that guessed longest ago are forgotten."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._by_holder: OrderedDict[str, Budget] = OrderedDict()
        self._all = Budget(BURST_OF_ALL, REFILL_OF_ALL, BURST_OF_ALL, monotonic())

    def take(self, client: Address | None) -> None:
        """Set one guess aside before the database is asked. Raises TooManyGuesses when nothing is left."""
        now, holder = self._monotonic(), holder_of(client)
        mine = self._by_holder.get(holder) or Budget(BURST, REFILL, BURST, now)
        for budget in (mine, self._all):
            if (left := budget.at(now)) < 1:
                raise TooManyGuesses(max(1, round((1 - left) / budget.refill)))
        mine.left -= 1
        self._all.left -= 1
        self._by_holder[holder] = mine
        self._by_holder.move_to_end(holder)
        while len(self._by_holder) > MOST_ADDRESSES:
            self._by_holder.popitem(last=False)

    def give_back(self, client: Address | None) -> None:
        """It was no guess: the token was good, or nobody could be asked."""
        for budget in (self._by_holder.get(holder_of(client)), self._all):
            if budget is not None:
                budget.left = min(budget.burst, budget.left + 1)
