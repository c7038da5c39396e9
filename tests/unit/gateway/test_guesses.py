"""Guessing tokens is bounded, and the bound is of no use against anybody who has a token."""

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

import pytest
from psycopg_pool import AsyncConnectionPool

from firstline.gateway.guesses import BURST, BURST_OF_ALL, MOST_ADDRESSES, REFILL, Guesses, TooManyGuesses
from firstline.gateway.tokens import Sources, UnknownToken
from tests.database import Clone

from .conftest import Running

JSON = {"Content-Type": "application/json"}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def spend(guesses: Guesses, address: str, most: int = 10_000) -> int:
    """How many guesses this address gets."""
    for number in range(most):
        try:
            guesses.take(ip_address(address))
        except TooManyGuesses:
            return number
    return most


def test_an_address_has_a_budget_that_comes_back() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    assert spend(guesses, "192.0.2.1") == BURST
    with pytest.raises(TooManyGuesses) as refused:
        guesses.take(ip_address("192.0.2.1"))
    assert spend(guesses, "192.0.2.2") == BURST
    clock.now += refused.value.retry_after
    guesses.take(ip_address("192.0.2.1"))
    clock.now += 20
    assert spend(guesses, "192.0.2.1") == 20 * REFILL


def test_who_owns_a_network_of_ipv6_has_one_budget() -> None:
    guesses = Guesses(Clock())
    assert spend(guesses, "2001:db8:0:1::1") == BURST
    assert spend(guesses, "2001:db8:0:1:ffff::7") == 0
    assert spend(guesses, "2001:db8:0:2::1") == BURST


def test_all_addresses_together_have_a_budget() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    total = sum(spend(guesses, str(ip_address(number))) for number in range(1000))
    assert total == BURST_OF_ALL
    clock.now += 1
    assert 0 < spend(guesses, "203.0.113.9") < BURST


def test_what_was_no_guess_is_given_back() -> None:
    guesses = Guesses(Clock())
    for _ in range(int(BURST_OF_ALL) * 2):
        guesses.take(ip_address("192.0.2.1"))
        guesses.give_back(ip_address("192.0.2.1"))
    assert spend(guesses, "192.0.2.1") == BURST


def test_a_clock_that_steps_back_takes_nothing_away() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    guesses.take(ip_address("192.0.2.1"))
    clock.now -= 500
    assert spend(guesses, "192.0.2.1") == BURST - 1


def test_memory_is_bounded() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    for number in range(MOST_ADDRESSES + 500):
        clock.now += 1
        guesses.take(ip_address(number))
    assert len(guesses._by_holder) == MOST_ADDRESSES


def play(url: str, story: Callable[[Sources], Awaitable[None]]) -> None:
    async def run() -> None:
        async with AsyncConnectionPool(url, min_size=1, max_size=4, open=False) as pool:
            await story(Sources(pool, key="k"))

    asyncio.run(run())


def test_many_guesses_at_the_same_moment_are_not_more_than_one_after_the_other(
    cloned_database: Clone,
) -> None:
    async def story(sources: Sources) -> None:
        asked = (sources.find(f"{number:032d}", ip_address("192.0.2.1")) for number in range(200))
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(result, UnknownToken) for result in results) == BURST

    play(cloned_database.url, story)


def test_a_flood_of_guesses_locks_no_sender_out(cloned_database: Clone, source: Callable[..., str]) -> None:
    """Neither one behind the same address, nor one that was never heard of before."""
    token = source("generic")

    async def story(sources: Sources) -> None:
        for number in range(int(BURST_OF_ALL) + 100):
            with pytest.raises((UnknownToken, TooManyGuesses)):
                await sources.find(f"{number:032d}", ip_address(number % 100))
        for address in ("0.0.0.1", "198.51.100.7"):
            with pytest.raises(TooManyGuesses):
                await sources.find("z" * 32, ip_address(address))
            assert (await sources.find(token, ip_address(address))).info.kind == "generic"

    play(cloned_database.url, story)


def test_behind_a_trusted_proxy_each_client_has_its_own_budget(
    start: Callable[..., Running], source: Callable[..., str]
) -> None:
    gateway = start(FIRSTLINE_TRUSTED_PROXIES="127.0.0.0/8")

    def guess(number: int, client: str) -> int:
        return gateway.ask(
            "POST", f"/intake/{number:032d}", b"{}", {**JSON, "X-Forwarded-For": client}
        ).status

    assert {guess(number, "192.0.2.1") for number in range(60)} == {401, 429}
    assert guess(100, "192.0.2.2") == 401
    assert guess(101, "6.6.6.6, 192.0.2.1") == 429, "what the client says of itself doesn't count"


def test_the_header_of_a_stranger_gives_no_new_budget(start: Callable[..., Running]) -> None:
    gateway = start()
    statuses = [
        gateway.ask(
            "POST", f"/intake/{number:032d}", b"{}", {**JSON, "X-Forwarded-For": f"192.0.2.{number}"}
        ).status
        for number in range(60)
    ]
    assert 429 in statuses


def test_a_source_takes_from_its_ipv6_network_alone(
    start: Callable[..., Running], source: Callable[..., str]
) -> None:
    gateway = start(FIRSTLINE_TRUSTED_PROXIES="127.0.0.0/8")
    address = f"/intake/{source('generic', allowed_networks=['2001:db8:7::/48', '192.0.2.0/24'])}"

    def send(client: str) -> int:
        return gateway.ask("POST", address, b"{}", {**JSON, "X-Forwarded-For": client}).status

    assert send("2001:db8:7:1::9") == 202
    assert send("::ffff:192.0.2.5") == 202
    assert send("192.0.2.5") == 202
    assert send("2001:db8:8::1") == 403
    assert send("nonsense") == 403
    assert len(gateway.rows()) == 3
