"""The command script for Nagios and Icinga: keeps first, sends in order, and never takes long."""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

SCRIPT = str(files("firstline.intake.sources.nagios").joinpath("firstline-notify"))
EVENT = ("--type", "PROBLEM", "--host", "web1", "--state", "DOWN", "--output", "no answer")


@dataclass
class Receiver:
    """Stands where Firstline would be. `status`: what it answers; `taken`: what it was sent."""

    status: int = 200
    taken: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/intake/secret-token"


@contextmanager
def receiving(port: int = 0, **fields: Any) -> Iterator[Receiver]:
    receiver = Receiver(**fields)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if receiver.status < 400:
                receiver.taken.append(json.loads(body))
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def notify(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def waiting(spool: Path) -> list[str]:
    return sorted(path.name for path in spool.glob("*.json"))


def test_what_is_given_is_sent(spool: Path) -> None:
    with receiving() as receiver:
        done = notify("--url", receiver.url, "--spool", str(spool), *EVENT, "--long-output", "one\\ntwo")
    assert (done.returncode, done.stderr) == (0, "")
    (event,) = receiver.taken
    assert {name: event[name] for name in ("type", "host", "state", "output", "long_output")} == {
        "type": "PROBLEM",
        "host": "web1",
        "state": "DOWN",
        "output": "no answer",
        "long_output": "one\ntwo",
    }
    assert event["time"].isdigit() and waiting(spool) == []


def test_nagios_environment_is_understood_and_unknown_macros_are_left_out(spool: Path) -> None:
    macros = {
        "NAGIOS_NOTIFICATIONTYPE": "RECOVERY",
        "NAGIOS_HOSTNAME": "db1",
        "NAGIOS_SERVICEDESC": "Disk",
        "NAGIOS_SERVICESTATE": "OK",
        "NAGIOS_HOSTSTATE": "UP",
        "NAGIOS_HOSTADDRESS": "$HOSTADDRESS$",
    }
    with receiving() as receiver:
        done = notify(FIRSTLINE_URL=receiver.url, FIRSTLINE_SPOOL=str(spool), **macros)
    assert done.returncode == 0, done.stderr
    (event,) = receiver.taken
    assert (event["type"], event["host"], event["service"], event["state"]) == (
        "RECOVERY",
        "db1",
        "Disk",
        "OK",
    )
    assert "address" not in event


def test_while_firstline_is_away_everything_is_kept_and_goes_in_order(spool: Path) -> None:
    with receiving() as receiver:
        url, port = receiver.url, receiver.port
    options = ("--url", url, "--spool", str(spool), "--timeout", "5")
    for state in ("DOWN", "UP"):
        done = notify(*options, "--host", "web1", "--state", state)
        assert done.returncode == 75 and "secret-token" not in done.stderr
    assert len(waiting(spool)) == 2
    with receiving(port, status=503) as receiver:
        assert notify(*options, "--flush").returncode == 75
        receiver.status = 200
        assert notify(*options, "--host", "web1", "--state", "UNREACHABLE").returncode == 0
        assert [event["state"] for event in receiver.taken] == ["DOWN", "UP", "UNREACHABLE"]
    assert waiting(spool) == []


@pytest.mark.parametrize(("status", "code"), [(400, 1), (401, 75), (404, 75), (429, 75), (503, 75)])
def test_only_what_will_never_be_taken_is_set_aside(spool: Path, status: int, code: int) -> None:
    with receiving(status=status) as receiver:
        done = notify("--url", receiver.url, "--spool", str(spool), *EVENT)
        assert done.returncode == code and f"HTTP {status}" in done.stderr
        assert len(waiting(spool)) == (0 if code == 1 else 1)
        assert len(waiting(spool / "refused")) == (1 if code == 1 else 0)
        receiver.status = 200
        assert notify("--url", receiver.url, "--spool", str(spool), "--flush").returncode == 0
        assert len(receiver.taken) == (0 if code == 1 else 1)


def test_a_server_that_never_answers_holds_up_nobody(spool: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/intake/x"
        begun = time.monotonic()
        done = notify("--url", url, "--spool", str(spool), "--timeout", "1", *EVENT)
    assert done.returncode == 75 and len(waiting(spool)) == 1
    assert time.monotonic() - begun < 30, "it would have waited for ever"


def test_many_at_once_are_sent_once_each(spool: Path) -> None:
    with receiving() as receiver:
        command = [sys.executable, SCRIPT, "--url", receiver.url, "--spool", str(spool), "--state", "DOWN"]
        processes = [subprocess.Popen([*command, "--host", f"web{number}"]) for number in range(8)]
        assert [process.wait(60) for process in processes] == [0] * 8
    assert sorted(event["host"] for event in receiver.taken) == [f"web{number}" for number in range(8)]
    assert waiting(spool) == []


def test_without_a_spool_it_is_sent_straight_or_lost_and_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with receiving() as receiver:
        assert notify("--url", receiver.url, "--spool", str(blocked), *EVENT).returncode == 0
        assert len(receiver.taken) == 1
        receiver.status = 503
        assert notify("--url", receiver.url, "--spool", str(blocked), *EVENT).returncode == 3


@pytest.mark.parametrize("arguments", [(), ("--url", "http://127.0.0.1:1/x"), ("--what",)])
def test_wrong_use_is_told(arguments: tuple[str, ...], spool: Path) -> None:
    done = notify(*arguments, FIRSTLINE_SPOOL=str(spool))
    assert done.returncode == 2 and done.stderr


def test_odd_text_arrives(spool: Path) -> None:
    with receiving() as receiver:
        output = 'quote " back\\slash 100 % € \x07'
        assert notify("--url", receiver.url, "--spool", str(spool), *EVENT[:-1], output).returncode == 0
    assert receiver.taken[0]["output"] == output
