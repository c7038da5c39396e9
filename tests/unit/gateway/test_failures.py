"""The database fails in the ways that databases fail: an honest answer, a visible reason, and on by itself."""

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import psycopg
import pytest
from django.db import connections
from django.test import Client

from firstline.intake.models import AlertSpan
from firstline.workflow.seed import ensure_defaults
from tests.database import Clone

from .conftest import Running, wait_for
from .test_commit import waiting

JSON = {"Content-Type": "application/json"}
ALERT = b'{"title": "Disk is full", "key": "a", "status": "firing"}'
MIB = 1024 * 1024


@pytest.fixture
def engine(cloned_database: Clone) -> Iterator["subprocess.Popen[bytes]"]:
    from firstline.core import clock

    ensure_defaults(now=clock.now())
    process = subprocess.Popen([sys.executable, "-m", "firstline.config.child", "engine"])
    yield process
    process.kill()
    process.wait()


@contextmanager
def administrator(clone: Clone) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Connected to another database of the same server, where whatever befalls the clone doesn't matter."""
    url = os.environ["FIRSTLINE_DATABASE_URL"].replace(clone.name, "postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def cut(admin: "psycopg.Connection[tuple[object, ...]]", clone: Clone, which: str = "true") -> None:
    """End connections to the clone, as a restart or a failover would."""
    query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND {which}"
    admin.execute(query, [clone.name])


def condition(gateway: Running) -> tuple[int, str]:
    answer = gateway.ask("GET", "/healthz/intake")
    return answer.status, answer.json()["reason"]


def test_a_database_that_became_read_only_is_said_and_waited_for(
    start: Callable[..., Running],
    source: Callable[..., str],
    engine: "subprocess.Popen[bytes]",
    cloned_database: Clone,
) -> None:
    gateway, address = start(), f"/intake/{source('generic')}"
    wait_for(lambda: gateway.ask("POST", address, ALERT, JSON).status == 202)
    wait_for(AlertSpan.objects.exists, 60)
    assert condition(gateway) == (200, "")
    with administrator(cloned_database) as admin:
        admin.execute(f'ALTER DATABASE "{cloned_database.name}" SET default_transaction_read_only = on')
        cut(admin, cloned_database)
        stored = set()

        def refused() -> bool:
            answer = gateway.ask("POST", address, ALERT, JSON)
            stored.add(answer.status)
            return answer.status == 503 and int(answer.headers["retry-after"]) > 0

        wait_for(refused)
        wait_for(lambda: "read-only" in condition(gateway)[1])
        assert condition(gateway)[0] == 503
        connections.close_all()
        ready = Client().get("/readyz")
        assert (ready.status_code, ready.json()["database"]) == (503, "read-only")
        assert stored == {503}
        assert engine.poll() is None, "the engine waits"
        admin.execute(f'ALTER DATABASE "{cloned_database.name}" RESET default_transaction_read_only')
    wait_for(lambda: gateway.ask("POST", address, ALERT, JSON).status == 202, 30)
    wait_for(lambda: condition(gateway) == (200, ""))
    connections.close_all()
    wait_for(lambda: AlertSpan.objects.get().count == 2, 60)
    assert engine.poll() is None
    assert Client().get("/readyz").status_code == 200


def test_the_connections_that_carry_notifications_may_be_cut(
    start: Callable[..., Running],
    source: Callable[..., str],
    engine: "subprocess.Popen[bytes]",
    cloned_database: Clone,
) -> None:
    gateway, address = start(), f"/intake/{source('generic')}"
    wait_for(lambda: gateway.ask("POST", address, ALERT, JSON).status == 202)
    wait_for(AlertSpan.objects.exists, 60)
    with administrator(cloned_database) as admin:
        for number in range(2, 5):
            cut(admin, cloned_database, "(query LIKE '%%pg_notify%%' OR query LIKE 'LISTEN%%')")
            assert gateway.ask("POST", address, ALERT, JSON).status == 202
            wait_for(lambda number=number: AlertSpan.objects.get().count == number, 60)


def test_while_sources_cannot_be_looked_up_those_known_go_on(
    start: Callable[..., Running], source: Callable[..., str], cloned_database: Clone
) -> None:
    """Somebody holds the table of sources: all connections for looking up wait for it."""
    gateway, address = start(), f"/intake/{source('generic')}"
    first, second, third = (f"/intake/{source('generic')}" for _ in range(3))
    wait_for(lambda: gateway.ask("POST", address, ALERT, JSON).status == 202)
    with psycopg.connect(cloned_database.url) as blocker:
        blocker.execute("LOCK TABLE intake_source IN ACCESS EXCLUSIVE MODE")
        for unheard_of in (first, second):  # each takes seconds: after both nobody is believed without asking
            answer = gateway.ask("POST", unheard_of, ALERT, JSON)
            assert (answer.status, int(answer.headers["retry-after"]) > 0) == (503, True)
        for _ in range(20):
            assert gateway.ask("POST", address, ALERT, JSON).status == 202
    wait_for(lambda: gateway.ask("POST", third, ALERT, JSON).status == 202)


def test_a_slow_database_fills_the_bound_and_not_the_memory(
    start: Callable[..., Running], source: Callable[..., str], cloned_database: Clone
) -> None:
    gateway, address = start(), f"/intake/{source('generic')}"
    body = b'"' + b"x" * (MIB - 100) + b'"'
    wait_for(lambda: gateway.ask("POST", address, ALERT, JSON).status == 202)
    statuses: Counter[int] = Counter()
    told: list[str] = []

    def send() -> None:
        answer = gateway.ask("POST", address, body, JSON)
        statuses[answer.status] += 1
        if answer.status == 429:
            told.append(answer.headers["retry-after"])

    family = [psutil.Process(gateway.process.pid), *psutil.Process(gateway.process.pid).children(True)]
    before = sum(process.memory_info().rss for process in family)
    with (
        psycopg.connect(cloned_database.url) as blocker,
        psycopg.connect(cloned_database.url, autocommit=True) as admin,
    ):
        blocker.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
        senders = [threading.Thread(target=send) for _ in range(150)]
        for sender in senders:
            sender.start()
        wait_for(lambda: waiting(admin) and statuses[429] >= 150 - 64, 30)
        grown = sum(process.memory_info().rss for process in family) - before
        told_now = gateway.ask("GET", "/healthz/intake").json()
        blocker.rollback()
    for sender in senders:
        sender.join()
    assert 0 < told_now["bytes_in_flight"] <= told_now["most_bytes_in_flight"] == 64 * MIB
    assert grown < 4 * 64 * MIB, "what is in flight is held a few times at most"
    assert set(statuses) <= {202, 429, 503} and statuses[429] >= 150 - 64
    assert all(int(seconds) > 0 for seconds in told)
    wait_for(lambda: gateway.ask("POST", address, body, JSON).status == 202)
    assert len(gateway.rows()) == statuses[202] + 2, "what was refused is not there, what was taken is"
