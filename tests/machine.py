"""Drives a real `firstline up` in a process of its own, on a data directory and a port of its own."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PATIENCE = 180.0
"""Seconds that a condition gets before the test gives up."""


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder that the database's account may enter, which pytest's own are not when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="firstline-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clean_environment(**settings: str) -> dict[str, str]:
    """The environment without any setting of Firstline but these."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("FIRSTLINE_", "DJANGO_"))
    }
    return kept | settings


def firstline(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "firstline.cli.main", *arguments],
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )


@dataclass
class Machine:
    """A running `firstline up` (or `serve`)."""

    data: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] = field(init=False)
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *arguments: str, command: str = "up", **settings: str) -> "Machine":
        self.said = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "firstline.cli.main", command, "--port", str(self.port), *arguments],
            env=clean_environment(FIRSTLINE_DATA=str(self.data), **settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        wait_until(lambda: self.says("is ready") or self.process.poll() is not None, "Firstline is ready")
        assert self.process.poll() is None, self.output
        return self

    def _listen(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(iter(self.process.stdout.readline, ""))

    @property
    def output(self) -> str:
        return "".join(self.said)

    def says(self, text: str) -> bool:
        return text in self.output

    def get(self, path: str) -> int:
        """The status of a GET; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, name: str) -> psutil.Process:
        """The direct child that runs this part."""
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if name in child.cmdline()[3:])

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def running_machine(data: Path, *arguments: str, command: str = "up", **settings: str) -> Iterator[Machine]:
    machine = Machine(data)
    try:
        yield machine.start(*arguments, command=command, **settings)
    finally:
        if machine.process.poll() is None:
            machine.stop()
