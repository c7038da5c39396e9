"""A real gateway under granian on a database of its own, and sources to send with."""

import hashlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from psycopg.rows import dict_row
from pytest_django import DjangoDbBlocker

from firstline.gateway.serve import command
from tests.database import Clone, clone_of_template

KEY = "a key that only the tests of the gateway use, long enough"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Running:
    """A gateway process and what tests ask of it."""

    port: int
    process: subprocess.Popen[bytes]
    database: str
    web_socket: Path
    log: Path
    extra: dict[str, Any] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def raw(self, sent: bytes, *, half_close: bool = False) -> bytes:
        """Everything that comes back for these bytes until the connection is closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            received = b""
            try:
                connection.sendall(sent)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(65536):
                    received += part
            except OSError:
                pass  # reset: what came before it counts
            return received

    def rows(self) -> list[dict[str, Any]]:
        with psycopg.connect(self.database, row_factory=dict_row) as connection:
            return connection.execute("SELECT * FROM inbox ORDER BY id").fetchall()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Return when `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {condition}")
        time.sleep(0.01)


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def launch(database: str, folder: Path, **environment: str) -> Running:
    """A gateway on this database, answering; the keyword arguments are further environment variables."""
    port = free_port()
    log, web = folder / f"gateway-{port}.log", folder / "web.sock"
    variables = {
        **os.environ,
        "FIRSTLINE_DATABASE_URL": database,
        "FIRSTLINE_WEB_SOCKET": str(web),
        "FIRSTLINE_SECRET_KEY": KEY,
        **environment,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(host="127.0.0.1", port=port, workers=int(environment.get("FIRSTLINE_GATEWAYS", "1"))),
            env=variables,
            stdout=output,
            stderr=output,
        )
    wait_for(lambda: answers(port) or process.poll() is not None, 30)
    assert process.poll() is None, log.read_text()
    return Running(port, process, database, web, log)


def finish(running: Running) -> None:
    if running.process.poll() is None:
        running.process.terminate()
        try:
            running.process.wait(20)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait()
            sys.stderr.write(running.log.read_text())
            raise


@pytest.fixture
def start(cloned_database: Clone, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start a gateway of this test's own, which may be stopped, killed or robbed of its database."""
    started: list[Running] = []

    def run(**environment: str) -> Running:
        started.append(launch(cloned_database.url, tmp_path, **environment))
        return started[-1]

    yield run
    for running in started:
        finish(running)


@pytest.fixture(scope="module")
def shared(
    template_database: str, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Clone, Running]]:
    with django_db_blocker.unblock(), clone_of_template(template_database) as clone:
        running = launch(clone.url, tmp_path_factory.mktemp("gateway"))
        yield clone, running
        finish(running)


@pytest.fixture
def gateway(
    shared: tuple[Clone, Running], django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Running]:
    """A gateway that the tests of a module share, with an empty inbox; Django looks at its database."""
    clone, running = shared
    with psycopg.connect(clone.url, autocommit=True) as connection:
        connection.execute("TRUNCATE inbox")
    with django_db_blocker.unblock():
        connections.close_all()
        monkeypatch.setitem(connections.settings["default"], "NAME", clone.name)
        yield running
        connections.close_all()


@pytest.fixture
def source() -> Callable[..., str]:
    """Make a source of a kind; the answer is its token."""

    def make(kind: str, **fields: Any) -> str:
        from firstline.core import clock
        from firstline.intake.models import Source

        token = secrets.token_hex(16)
        fields.setdefault("token_hash", hashlib.sha256(token.encode()).hexdigest())
        Source.objects.create(name=f"{kind} {token}", kind=kind, created_at=clock.now(), **fields)
        return token

    return make
