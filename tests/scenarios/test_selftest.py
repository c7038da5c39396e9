"""`firstline selftest` against a real `firstline up`: green when all runs, red and telling when a part is missing."""

import hashlib
import json
from pathlib import Path

import psycopg
import pytest

from firstline.config.embedded import url_of
from tests.machine import Machine, firstline, reachable_folder, running_machine

STAGES = [
    *("detection", "registration", "categorisation", "prioritisation"),
    *("diagnosis", "escalation", "resolution", "closure"),
]

pytestmark = pytest.mark.scenario


def selftest(machine: Machine, *arguments: str) -> tuple[int, dict[str, object]]:
    done = firstline("selftest", "--json", *arguments, FIRSTLINE_DATA=str(machine.data))
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def count(data: Path, query: str) -> int:
    with psycopg.connect(url_of(data)) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return int(row[0])


def test_all_eight_stages_are_walked_and_nothing_synthetic_is_left_in_the_way() -> None:
    with reachable_folder() as folder, running_machine(folder / "data") as machine:
        for _run in range(2):
            status, outcome = selftest(machine)
            assert (status, outcome["ok"]) == (0, True), outcome
            stages = outcome["stages"]
            assert isinstance(stages, list)
            assert [stage["stage"] for stage in stages] == STAGES
            assert all(stage["ok"] and stage["ms"] >= 0 and stage["seen"] for stage in stages)
        assert count(machine.data, "SELECT count(*) FROM incident WHERE synthetic") == 4
        assert count(machine.data, "SELECT count(*) FROM incident WHERE NOT synthetic") == 0
        assert (
            count(machine.data, "SELECT count(*) FROM incident WHERE state NOT IN ('closed', 'cancelled')")
            == 0
        )
        assert count(machine.data, "SELECT count(*) FROM delivery WHERE channel <> 'log'") == 0
        for table in ("intake_source", "service", "support_group", "person", "policy"):
            assert count(machine.data, f"SELECT count(*) FROM {table} WHERE synthetic") == 1, table
        assert count(machine.data, "SELECT count(*) FROM api_token") == 1


def test_without_an_engine_the_selftest_says_which_stage_waited_in_vain() -> None:
    with reachable_folder() as folder, running_machine(folder / "data") as machine:
        supervisor = machine.process
        engine = machine.child("engine")
        engine.suspend()
        try:
            status, outcome = selftest(machine, "--patience", "2")
        finally:
            engine.resume()
        stages = outcome["stages"]
        assert isinstance(stages, list)
        assert (status, outcome["ok"]) == (1, False)
        assert [stage["ok"] for stage in stages] == [False] * 8
        assert "is the engine running" in stages[0]["seen"]
        assert stages[1]["seen"] == "not tried: detection failed"
        assert supervisor.poll() is None


def test_where_nothing_answers_the_first_stage_says_so() -> None:
    with reachable_folder() as folder, running_machine(folder / "data") as machine:
        status, outcome = selftest(machine, "--url", "http://127.0.0.1:9")
        stages = outcome["stages"]
        assert isinstance(stages, list)
        assert status == 1
        assert stages[0]["seen"].startswith("http://127.0.0.1:9 does not answer")


def test_what_is_restored_into_an_empty_folder_passes_the_selftest_with_its_files() -> None:
    """While it runs, it is backed up; the copy walks the eight stages and still has the attachment."""
    content = bytes(range(256)) * 2_000
    with reachable_folder() as folder:
        file = folder / "backup.tar"
        with running_machine(folder / "data") as machine:
            assert selftest(machine)[0] == 0
            with psycopg.connect(url_of(machine.data)) as connection:
                connection.execute(
                    "INSERT INTO blob (filename, content_type, size, sha256, created_at)"
                    " VALUES ('a.bin', 'application/octet-stream', %s, %s, now())",
                    [len(content), hashlib.sha256(content).hexdigest()],
                )
                connection.execute(
                    "INSERT INTO blob_chunk (blob_id, seq, data) SELECT max(id), 0, %s::bytea FROM blob",
                    [content],
                )
            saved = firstline("backup", str(file), FIRSTLINE_DATA=str(machine.data))
            assert saved.returncode == 0, saved.stderr
        restored = firstline("restore", str(file), FIRSTLINE_DATA=str(folder / "other"))
        assert restored.returncode == 0, restored.stderr
        with running_machine(folder / "other") as copy:
            status, outcome = selftest(copy)
            assert (status, outcome["ok"]) == (0, True), outcome
            assert count(copy.data, "SELECT count(*) FROM incident WHERE synthetic") == 4
            with psycopg.connect(url_of(copy.data)) as connection:
                row = connection.execute("SELECT data FROM blob_chunk").fetchone()
                assert row is not None
                assert bytes(row[0]) == content
