"""UDP: the queue is bounded, what does not fit is counted, and nothing that fits is lost."""

import asyncio
from typing import Any

from firstline.gateway.syslog import datagrams
from firstline.gateway.syslog.counts import Counts
from firstline.gateway.syslog.datagrams import Datagrams, kernel_drops
from firstline.gateway.syslog.storing import Arrived

PEER = ("192.0.2.1", 514)


class Shelf:
    """Stands where the store does: keeps what it is given once it is open."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.kept: list[bytes] = []

    async def put(self, messages: list[Arrived]) -> None:
        await self.open.wait()
        self.kept += [message.body for message in messages]


async def flood(number: int, size: int = 10) -> tuple[Datagrams, Counts, Shelf, "asyncio.Task[None]"]:
    counts, shelf = Counts(), Shelf()
    store: Any = shelf
    protocol = Datagrams(store, counts)
    task = asyncio.create_task(protocol.run())
    for each in range(number):
        protocol.datagram_received(b"<13>%06d" % each + b"x" * size, PEER)
    return protocol, counts, shelf, task


async def drained(protocol: Datagrams, shelf: Shelf, task: "asyncio.Task[None]") -> None:
    shelf.open.set()
    async with asyncio.timeout(10):
        while not protocol.idle:
            await asyncio.sleep(0)
    task.cancel()


def test_more_than_the_queue_holds_is_counted() -> None:
    async def story() -> None:
        over = 500
        protocol, counts, shelf, task = await flood(datagrams.MOST_WAITING + over)
        assert counts.total["udp"] == datagrams.MOST_WAITING + over
        assert counts.total["overload"] == over
        await drained(protocol, shelf, task)
        assert [body[4:10] for body in shelf.kept] == [
            b"%06d" % each for each in range(datagrams.MOST_WAITING)
        ]

    asyncio.run(story())


def test_bytes_are_bounded_too_and_room_comes_back() -> None:
    async def story() -> None:
        protocol, counts, shelf, task = await flood(400, size=60_000)
        held = len(shelf.kept) + counts.total["udp"] - counts.total["overload"]
        assert held * 60_000 <= datagrams.MOST_WAITING_BYTES < (held + 2) * 60_300
        await drained(protocol, shelf, task)
        protocol.datagram_received(b"<13>after", PEER)
        assert counts.total["overload"] == 400 - held

    asyncio.run(story())


def test_empty_ones_are_nothing() -> None:
    async def story() -> None:
        protocol, counts, _, task = await flood(0)
        protocol.datagram_received(b"\r\n", PEER)
        assert protocol.idle and not counts.total
        task.cancel()

    asyncio.run(story())


def test_a_socket_that_is_not_there_dropped_nothing() -> None:
    assert kernel_drops(-1) == 0
