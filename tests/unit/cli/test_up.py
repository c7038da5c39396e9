"""`firstline up` with real processes: one at a time, nothing left behind, and up again after a kill."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from firstline.config.embedded import socket_folder_of
from tests.machine import Machine, firstline, reachable_folder, running_machine, wait_until


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder / "data"


@pytest.fixture
def machine(data: Path) -> Iterator[Machine]:
    with running_machine(data) as machine:
        yield machine


def gone(processes: list[psutil.Process]) -> bool:
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_it_serves_says_how_to_begin_and_stops_without_a_trace(machine: Machine) -> None:
    assert machine.get("/readyz") == 200
    wait_until(lambda: machine.says(f"{machine.url}/setup/"), "the set-up link is printed")
    family = machine.family()
    assert len(family) > 5
    assert machine.stop() == 0
    assert gone(family)
    assert not socket_folder_of(machine.data).exists()


def test_a_second_one_on_the_same_data_is_refused(machine: Machine) -> None:
    second = firstline("up", "--data", str(machine.data), "--port", "1")
    assert second.returncode == 69
    assert f"Firstline already runs on {machine.data} (process {machine.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert machine.get("/healthz") == 200


def test_a_taken_port_is_refused_and_leaves_no_database_running(data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = firstline("up", "--data", str(data), "--port", str(port))
    assert refused.returncode == 69
    assert f"Another program already uses 127.0.0.1:{port}" in refused.stderr
    assert not (data / "postgresql-18" / "postmaster.pid").exists()


@pytest.mark.parametrize("with_it", [(), ("gateway", "web")], ids=["alone", "with gateway and web"])
def test_killed_outright_all_children_end_and_the_next_start_recovers(
    data: Path, with_it: tuple[str, ...]
) -> None:
    with running_machine(data) as machine:
        family = machine.family()
        assert any(process.name() == "postgres" for process in family)
        also = [machine.child(part) for part in with_it]
        machine.process.kill()
        for process in also:
            process.kill()
        machine.process.wait()
        wait_until(lambda: gone(family), "every child noticed")
    with running_machine(data) as again:
        assert again.get("/readyz") == 200


@pytest.mark.parametrize("part", ["gateway", "web"])
def test_a_crashed_part_is_started_again_with_nothing_of_it_left(machine: Machine, part: str) -> None:
    crashed = machine.child(part)
    family = [crashed, *crashed.children(recursive=True)]
    crashed.send_signal(signal.SIGKILL)
    wait_until(lambda: gone(family), "its workers ended too")
    wait_until(lambda: machine.get("/healthz") == 200, "it answers again")
    assert machine.child(part).pid != crashed.pid


def test_a_crashed_database_is_started_again(machine: Machine) -> None:
    postgres = next(p for p in machine.family() if p.name() == "postgres" and p.ppid() == machine.process.pid)
    postgres.send_signal(signal.SIGKILL)
    wait_until(lambda: machine.says("PostgreSQL ended and is started again"), "the supervisor noticed")
    wait_until(lambda: machine.get("/readyz") == 200, "pages have a database again")
