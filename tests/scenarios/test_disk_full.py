"""The disk is full: whoever sends is told so, nothing acknowledged is lost, and it goes on by itself later."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from bench.chaos_intake import make_sources
from firstline.config.embedded import url_of
from tests.machine import Machine, reachable_folder, running_machine, wait_until

SIZE = 320  # MiB: room for a fresh cluster, its log of changes and a few more


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own for the data directory."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("only root can mount a small file system")
    with reachable_folder() as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m,mode=755", "none", str(folder)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Nothing more fits on the disk."""
    balloon = disk / "balloon"
    with balloon.open("wb", buffering=0) as file:
        try:
            for step in (1024 * 1024, 4096):
                _fill(file.fileno(), b"x" * step)
            yield
        finally:
            balloon.unlink()


def _fill(file: int, part: bytes) -> None:
    try:
        while True:
            os.write(file, part)
    except OSError:
        return


def post(machine: Machine, token: str, number: int, size: int = 0) -> tuple[int, dict[str, str]]:
    """The status and headers for one signal; 0 where nobody answers."""
    body = json.dumps({"key": str(number), "title": f"n {number}", "status": "firing", "more": "x" * size})
    with closing(http.client.HTTPConnection("127.0.0.1", machine.port, timeout=30)) as connection:
        try:
            connection.request("POST", f"/intake/{token}", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
        except OSError:
            return 0, {}
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}


@pytest.mark.scenario
def test_a_full_disk_is_told_and_outlived(small_disk: Path) -> None:
    with running_machine(small_disk / "data") as machine:
        token = make_sources(machine)["generic"]
        taken: list[int] = []
        numbers = iter(range(100_000))

        def send(size: int = 0) -> int:
            number = next(numbers)
            status, headers = post(machine, token, number, size)
            assert status in (0, 202, 503)
            if status == 202:
                taken.append(number)
            if status == 503:
                assert int(headers["retry-after"]) > 0
            return status

        wait_until(lambda: send() == 202, "signals are taken")
        with full(small_disk):
            wait_until(lambda: send(400_000) == 503, "the disk is full")
            wait_until(lambda: machine.get("/healthz/intake") == 503, "the gateway says why")
            assert machine.get("/healthz") == 200
            assert machine.process.poll() is None
        wait_until(lambda: send() == 202, "signals are taken again")
        wait_until(lambda: machine.get("/healthz/intake") == 200, "the gateway says so")
        wait_until(lambda: set(map(str, taken)) <= read(machine), "all that was taken is read")
        wait_until(lambda: machine.get("/readyz") == 200, "pages are served")
        assert machine.process.poll() is None


def read(machine: Machine) -> set[str]:
    """The keys of all alerts."""
    try:
        with psycopg.connect(url_of(machine.data), connect_timeout=5) as connection:
            return {str(key) for (key,) in connection.execute("SELECT dedup_key FROM alert").fetchall()}
    except psycopg.OperationalError:
        return set()
