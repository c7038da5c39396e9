"""Too much at once is refused honestly; nothing acknowledged is lost, whatever is killed."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psutil
import psycopg
import pytest

from firstline.gateway.app import Gateway
from firstline.gateway.intake import place_of
from firstline.gateway.settings import Settings
from tests.database import Clone

from .conftest import Running, answers, wait_for
from .test_commit import until, waiting

JSON = {"Content-Type": "application/json"}


async def post(gateway: Gateway, path: str, body: bytes) -> tuple[int, dict[bytes, bytes]]:
    """One request through the intake of a gateway in this process."""
    place = place_of(path)
    assert place is not None
    scope: dict[str, Any] = {"method": "POST", "query_string": b"", "client": ("192.0.2.1", 1)}
    scope["headers"] = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await gateway.intake(place, scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])


@pytest.mark.parametrize("bound", [{"requests_in_flight": 3}, {"bytes_in_flight": 3_000_000}])
def test_past_its_bounds_the_gateway_says_come_again(
    cloned_database: Clone, source: Callable[..., str], bound: dict[str, Any]
) -> None:
    token = source("generic")
    settings = replace(Settings(database_url=cloned_database.url, web_socket="", secret_key="k"), **bound)
    body = b'"' + b"x" * 900_000 + b'"'

    async def story() -> None:
        gateway = Gateway(settings)
        await gateway.open()
        try:
            await asyncio.wait_for(told_to_come_again(gateway), 30)
        finally:
            await gateway.close()

    async def told_to_come_again(gateway: Gateway) -> None:
        while (await post(gateway, f"/intake/{token}", b"{}"))[0] != 202:
            await asyncio.sleep(0.01)  # until the database is reached
        with (
            psycopg.connect(cloned_database.url) as blocker,
            psycopg.connect(cloned_database.url, autocommit=True) as admin,
        ):
            blocker.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
            held = [asyncio.create_task(post(gateway, f"/intake/{token}", body)) for _ in range(3)]
            await until(lambda: waiting(admin))
            status, headers = await post(gateway, f"/intake/{token}", body)
            assert (status, int(headers[b"retry-after"]) > 0) == (429, True)
            blocker.rollback()
            assert [status for status, _ in await asyncio.gather(*held)] == [202, 202, 202]
        assert (await post(gateway, f"/intake/{token}", body))[0] == 202, "the place is free again"

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        asyncio.run(story())
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_without_its_database_the_gateway_says_503_and_comes_back(
    start: Callable[..., Running], cloned_database: Clone, source: Callable[..., str]
) -> None:
    gateway, token = start(), source("generic")
    key = source("pagerduty")
    assert gateway.ask("POST", f"/intake/{token}", b"{}", JSON).status == 202
    with psycopg.connect(
        os.environ["FIRSTLINE_DATABASE_URL"].replace(cloned_database.name, "postgres"), autocommit=True
    ) as admin:
        admin.execute(f'ALTER DATABASE "{cloned_database.name}" WITH ALLOW_CONNECTIONS false')
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [cloned_database.name],
        )
        gone = gateway.ask("POST", f"/intake/{token}", b"{}", JSON)
        assert (gone.status, int(gone.headers["retry-after"]) > 0) == (503, True)
        body = b'{"routing_key":"%s","event_action":"resolve","dedup_key":"k"}' % key.encode()
        refused = gateway.ask("POST", "/v2/enqueue", body, JSON)
        assert (refused.status, refused.json()["status"]) == (503, "service unavailable")
        admin.execute(f'ALTER DATABASE "{cloned_database.name}" WITH ALLOW_CONNECTIONS true')
    wait_for(lambda: gateway.ask("POST", f"/intake/{token}", b"{}", JSON).status == 202)
    assert len(gateway.rows()) == 2


def test_nothing_acknowledged_is_lost_when_the_gateway_is_killed(
    start: Callable[..., Running], source: Callable[..., str]
) -> None:
    gateway = start()
    address = f"/intake/{source('generic')}"
    acknowledged: list[bytes] = []

    def push(sender: int) -> None:
        for number in range(100_000):
            body = b'{"sender": %d, "number": %d}' % (sender, number)
            try:
                if gateway.ask("POST", address, body, JSON).status == 202:
                    acknowledged.append(body)
            except OSError:
                return

    senders = [threading.Thread(target=push, args=(number,)) for number in range(8)]
    for sender in senders:
        sender.start()
    wait_for(lambda: len(acknowledged) > 300)
    for child in psutil.Process(gateway.process.pid).children(recursive=True):
        child.kill()
    gateway.process.kill()
    gateway.process.wait()
    for sender in senders:
        sender.join()
    stored = {bytes(row["body"]) for row in gateway.rows()}
    assert set(acknowledged) <= stored
    assert len(acknowledged) > 300


def test_a_worker_ends_when_its_main_process_was_killed(start: Callable[..., Running]) -> None:
    gateway = start()
    assert gateway.ask("GET", "/").status == 502
    gateway.process.kill()
    gateway.process.wait()
    wait_for(lambda: not answers(gateway.port))
