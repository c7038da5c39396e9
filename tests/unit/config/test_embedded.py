"""The embedded PostgreSQL: who may connect, who may not, and where it refuses to live."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from firstline.config.account import Account, CannotRun, account_for_database
from firstline.config.binaries import programs_for
from firstline.config.embedded import Cluster, Postgres, socket_folder_of
from tests.machine import reachable_folder, wait_until

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change into another account")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with reachable_folder() as folder:
        cluster = Cluster.at(folder / "data")
        cluster.initialise(sync=False)
        running = cluster.start({"fsync": "off"})
        yield running
        running.stop()


def test_it_is_version_18_in_utf_8_without_a_way_in_by_network(server: Postgres) -> None:
    with psycopg.connect(server.cluster.url()) as connection:
        row = connection.execute(
            """SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding'),
                      current_setting('listen_addresses'), (SELECT datlocprovider::text FROM pg_database LIMIT 1)"""
        ).fetchone()
    assert row == (18, "UTF8", "", "b")


def test_socket_and_data_are_for_one_account_alone(server: Postgres) -> None:
    cluster = server.cluster
    for folder in (cluster.socket_folder, cluster.folder):
        state = folder.stat()
        assert (state.st_uid, stat.S_IMODE(state.st_mode)) == (cluster.account.uid, 0o700)


def test_the_socket_path_stays_within_the_systems_limit() -> None:
    deep = Path("/var/tmp") / "/".join(["a-rather-long-folder-name"] * 20)
    assert len(str(socket_folder_of(deep) / ".s.PGSQL.5432")) < 100


@root_only
def test_another_account_gets_in_neither_by_the_folder_nor_by_name(server: Postgres) -> None:
    nobody = Account("nobody", 65534, 65534, switch=True)
    assert not nobody.can_enter(server.cluster.socket_folder)
    server.cluster.socket_folder.chmod(0o755)
    (server.cluster.socket_folder / ".s.PGSQL.5432").chmod(0o777)
    try:
        psql = server.cluster.programs / "psql"
        result = nobody.run(psql, "-w", "-d", server.cluster.url(), "-c", "SELECT 1")
    finally:
        server.cluster.socket_folder.chmod(0o700)
        (server.cluster.socket_folder / ".s.PGSQL.5432").chmod(0o700)
    assert result.returncode != 0
    assert "Peer authentication failed" in result.stderr


@root_only
def test_a_place_that_the_account_cannot_reach_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(CannotRun, match=r"can't reach .*: choose a data directory"):
        Cluster.at(tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_somebody_elses_data_are_refused() -> None:
    with reachable_folder() as folder:
        data = folder / "data"
        data.mkdir()
        (data / "file").touch()
        if os.geteuid() == 0:
            os.chown(data, 12345, 12345)
            data.chmod(0o755)
            with pytest.raises(CannotRun, match="belongs to another account"):
                Cluster.at(data)
        else:
            data.chmod(0o000)
            with pytest.raises(CannotRun):
                Cluster.at(data / "below")


def test_a_folder_that_others_may_enter_is_not_taken_for_the_socket() -> None:
    with reachable_folder() as folder:
        cluster = Cluster.at(folder / "data")
        cluster.initialise(sync=False)
        cluster.socket_folder.mkdir(mode=0o777)
        try:
            with pytest.raises(CannotRun, match="not ours alone"):
                cluster.start()
        finally:
            cluster.socket_folder.rmdir()


@root_only
def test_programs_out_of_the_accounts_reach_are_copied_beside_the_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = account_for_database()
    monkeypatch.setattr(Account, "can_run", lambda self, program: False)
    with reachable_folder() as folder:
        copied = programs_for(account, folder)
        assert folder in copied.parents
        result = account.run(copied / "initdb", "--version")
    assert result.returncode == 0, result.stderr
    assert "PostgreSQL) 18" in result.stdout


STARTER = """
import sys, time
from pathlib import Path
from firstline.config.embedded import Cluster
cluster = Cluster.at(Path(sys.argv[1]))
cluster.initialise(sync=False)
print(cluster.start().process.pid, flush=True)
time.sleep(600)
"""


def test_killed_with_its_starter_it_ends_and_keeps_what_was_committed() -> None:
    with reachable_folder() as folder:
        data = folder / "data"
        starter = subprocess.Popen(
            [sys.executable, "-c", STARTER, str(data)], stdout=subprocess.PIPE, text=True
        )
        assert starter.stdout is not None
        postgres = psutil.Process(int(starter.stdout.readline()))
        cluster = Cluster.at(data)
        with psycopg.connect(cluster.url()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        starter.kill()
        starter.wait()
        wait_until(lambda: not postgres.is_running(), "PostgreSQL noticed")
        running = cluster.start()
        with psycopg.connect(cluster.url()) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
        running.stop()


@root_only
def test_where_no_account_can_be_made_another_is_used_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("firstline.config.account.DEDICATED", "no/such:name")  # useradd refuses such a name
    account = account_for_database()
    assert account.name == "nobody"
    assert "could not be made" in account.note


def test_a_killed_servers_note_never_stops_whoever_has_its_number_now() -> None:
    """After a SIGKILL the file stays; here its number belongs to another program of the same account."""
    with reachable_folder() as folder:
        cluster = Cluster.at(folder / "data")
        cluster.initialise(sync=False)
        running = cluster.start({"fsync": "off"})
        running.process.kill()
        running.process.wait()
        innocent = subprocess.Popen(["sleep", "600"], **cluster.account.identity())  # type: ignore[call-overload]
        try:
            note = cluster.folder / "postmaster.pid"
            lines = note.read_text().splitlines()
            note.write_text("\n".join([str(innocent.pid), *lines[1:]]) + "\n")
            again = cluster.start({"fsync": "off"})
            assert innocent.poll() is None
            with psycopg.connect(cluster.url()) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            again.stop()
        finally:
            innocent.kill()
            innocent.wait()
