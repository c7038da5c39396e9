"""Live updates from a committed nudge to the bytes that a page reads, and who hears what."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import transaction

from firstline.core.errors import NotAllowed
from firstline.core.live import Nudge, Ticket, flush, nudge, read_ticket, sign_ticket
from firstline.core.notify import Notifier, _payloads
from firstline.gateway.streams import MOST_WAITING, RESYNC, Stream
from tests.database import Clone

from .conftest import KEY, Running, wait_for

END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND "
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Page:
    """A reader of an event stream."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.received = b""

    def read_until(self, wanted: bytes, seconds: float = 10.0) -> bytes:
        deadline = time.monotonic() + seconds
        while wanted not in self.received:
            self._connection.settimeout(max(0.01, deadline - time.monotonic()))
            part = self._connection.recv(65536)
            assert part, f"closed before {wanted!r}: {self.received!r}"
            self.received += part
        return self.received

    def events(self, topic: str) -> list[Any]:
        lines = re.findall(rf"event: {topic}\ndata: (.*)\n".encode(), self.received)
        return [json.loads(line) for line in lines]


@contextmanager
def page(gateway: Running, *classes: str, now: datetime | None = None) -> Iterator[Page]:
    ticket = sign_ticket(key=KEY, viewer=1, classes=classes, now=now or datetime.now(UTC))
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(f"GET /events/stream?ticket={ticket} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        reader = Page(connection)
        reader.read_until(b"event: hello")
        yield reader


def listening(gateway: Running) -> bool:
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    with psycopg.connect(gateway.database) as connection:
        return connection.execute(query).fetchone() is not None


def test_a_nudge_reaches_those_who_may_hear_it(gateway: Running) -> None:
    wait_for(lambda: listening(gateway))
    with page(gateway, "staff") as staff, page(gateway, "staff", "security") as guard:
        nudge("incident", 7, 3, "security")
        nudge("incident", 8, 1, "staff")
        assert flush()
        guard.read_until(b'"id":7')
        staff.read_until(b'"id":8')
        nudge("queue", 1, 1, "staff")
        staff.read_until(b"event: queue")
    assert b'"id":7' not in staff.received
    assert {"id": 7, "version": 3} in [changed for event in guard.events("incident") for changed in event]


def test_a_nudge_waits_for_the_commit_and_is_not_sent_after_a_rollback(gateway: Running) -> None:
    wait_for(lambda: listening(gateway))
    with page(gateway, "staff") as reader:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            nudge("incident", 1, 1, "staff")
            raise ZeroDivisionError
        with transaction.atomic():
            nudge("incident", 2, 1, "staff")
            assert flush()
            assert b"event: incident" not in reader.received
        reader.read_until(b"event: incident")
    assert reader.events("incident") == [[{"id": 2, "version": 1}]]


def test_many_changes_of_one_object_are_few_nudges(gateway: Running) -> None:
    wait_for(lambda: listening(gateway))
    with page(gateway, "staff") as reader:
        for version in range(1, 1001):
            nudge("incident", 5, version, "staff")
        reader.read_until(b'"version":1000}')
    assert len(reader.events("incident")) < 100


def test_after_a_gap_in_listening_pages_look_for_themselves(gateway: Running) -> None:
    wait_for(lambda: listening(gateway))
    with page(gateway, "staff") as reader:
        with psycopg.connect(gateway.database, autocommit=True) as admin:
            admin.execute(END + "query LIKE 'LISTEN%'")
        reader.read_until(b"event: resync")


def test_the_stream_ends_with_its_ticket(gateway: Running) -> None:
    with page(gateway, "staff", now=datetime.now(UTC) - timedelta(minutes=4, seconds=58)) as reader:
        reader.read_until(b"event: bye")


def test_an_open_stream_does_not_keep_the_gateway_from_stopping(start: Callable[..., Running]) -> None:
    gateway = start()
    with page(gateway, "staff") as reader:
        assert gateway.stop() == 0
        reader.read_until(b"event: bye")


@pytest.mark.parametrize("ticket", ["", "nonsense", "a:b:c"])
def test_without_a_ticket_there_is_no_stream(gateway: Running, ticket: str) -> None:
    assert gateway.ask("GET", f"/events/stream?ticket={ticket}").status == 401


def test_tickets_are_good_for_five_minutes_and_for_one_key() -> None:
    text = sign_ticket(key=KEY, viewer=4, classes=["staff"], now=NOON)
    assert read_ticket(text, key=KEY, now=NOON + timedelta(minutes=4)).viewer == 4
    for key, now in ((KEY, NOON + timedelta(minutes=5)), ("another", NOON)):
        with pytest.raises(NotAllowed):
            read_ticket(text, key=key, now=now)
    with pytest.raises(NotAllowed):
        read_ticket(text[:-2] + "xx", key=KEY, now=NOON)


def test_a_class_with_a_star_stands_for_all_of_its_kind() -> None:
    ticket = Ticket(1, ("group:*", "security:4"), 0)
    heard = [ticket.hears(name) for name in ("group:1", "group:0", "security:4", "security:5", "grouped:1")]
    assert heard == [True, True, True, False, False]


def test_a_stream_that_lags_holds_a_bounded_number_and_then_asks_for_everything() -> None:
    import asyncio

    async def story() -> list[bytes]:
        stream = Stream(Ticket(1, ("staff",), 0))
        for number in range(MOST_WAITING * 3):
            stream.offer(Nudge("incident", number, 1, "staff"))
        first = await stream.next(1)
        stream.offer(Nudge("incident", 1, 2, "staff"))
        return [first, await stream.next(1), await stream.next(0.001)]

    first, second, third = asyncio.run(story())
    assert first == RESYNC
    assert second == b'event: incident\ndata: [{"id":1,"version":2}]\n\n'
    assert third == b": \n\n"


def test_payloads_fit_what_postgresql_takes() -> None:
    texts = [f"{number}:" + "é" * 400 for number in range(100)]
    payloads = list(_payloads([*texts, "x" * 9000]))
    assert "\n".join(payloads).split("\n") == texts
    assert all(len(payload.encode()) < 8000 for payload in payloads)


def test_a_notifier_survives_the_loss_of_its_connection(cloned_database: Clone) -> None:
    notifier = Notifier(cloned_database.url, "gateway_test")
    with psycopg.connect(cloned_database.url, autocommit=True) as listener:
        listener.execute("LISTEN gateway_test")
        notifier.put(1, "before")
        assert notifier.flush()
        listener.execute(END + "query LIKE 'SELECT pg_notify%'")
        notifier.put(2, "after")
        said = [note.payload for note in listener.notifies(timeout=10, stop_after=2)]
    notifier.close()
    assert said == ["before", "after"]
