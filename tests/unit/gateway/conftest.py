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
from psycopg.rows import dict_row

from firstline.gateway.serve import command
from tests.database import Clone

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
            connection.sendall(sent)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            try:
                while part := connection.recv(65536):
                    received += part
            except (ConnectionResetError, TimeoutError):
                pass
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


@pytest.fixture
def start(cloned_database: Clone, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start a gateway; keyword arguments are further environment variables."""
    started: list[Running] = []

    def run(**environment: str) -> Running:
        port = free_port()
        log = tmp_path / f"gateway-{port}.log"
        web = tmp_path / "web.sock"
        variables = {
            **os.environ,
            "FIRSTLINE_DATABASE_URL": cloned_database.url,
            "FIRSTLINE_WEB_SOCKET": str(web),
            "FIRSTLINE_SECRET_KEY": KEY,
            **environment,
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                command(host="127.0.0.1", port=port), env=variables, stdout=output, stderr=output
            )
        running = Running(port, process, cloned_database.url, web, log)
        started.append(running)
        wait_for(lambda: answers(port) or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        return running

    yield run
    for running in started:
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
def gateway(start: Callable[..., Running]) -> Running:
    return start()


@pytest.fixture
def source(cloned_database: Clone) -> Callable[..., str]:
    """Make a source of a kind; the answer is its token."""

    def make(kind: str, **fields: Any) -> str:
        from firstline.core import clock
        from firstline.intake.models import Source

        token = secrets.token_hex(16)
        fields.setdefault("token_hash", hashlib.sha256(token.encode()).hexdigest())
        Source.objects.create(name=f"{kind} {token}", kind=kind, created_at=clock.now(), **fields)
        return token

    return make
