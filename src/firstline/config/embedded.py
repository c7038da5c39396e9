"""Firstline's own PostgreSQL: a cluster in the data directory, reached by a socket in a 0700 folder, no TCP.

Whoever may become the owner of the process (or root) may connect, proven by the kernel (peer authentication);
there is no password to keep. The server is a direct child of the process that starts it and stops with it.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from .account import Account, CannotRun, account_for_database
from .binaries import MAJOR, programs_for
from .lifeline import dying_with_this_process, has_parent_death_signal

__all__ = ["CannotRun", "Cluster", "Postgres", "default_data_directory", "socket_folder_of", "url_of"]

ROLE = "firstline"
DATABASE = "firstline"
_LOG_LIMIT = 16 * 1024 * 1024
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "password_encryption": "scram-sha-256",
}


def default_data_directory() -> Path:
    """Where an installation lives when nobody says otherwise: by user, and for root `/var/lib/firstline`."""
    if os.geteuid() == 0:
        return Path("/var/lib/firstline")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Firstline"
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "firstline"


def socket_folder_of(data: Path) -> Path:
    """The folder of the sockets for this data directory: short, since a socket's path ends at 107 bytes."""
    digest = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:12]
    run = Path("/run")
    if os.geteuid() == 0 and run.is_dir() and os.access(run, os.W_OK):
        return run / f"firstline-{digest}"
    return Path("/tmp") / f"firstline-{os.geteuid()}-{digest}"  # noqa: S108 - made 0700 and checked before use


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL cluster on disk. `data` is Firstline's data directory; the cluster is a folder in it."""

    data: Path
    account: Account
    programs: Path

    @classmethod
    def at(cls, data: Path) -> "Cluster":
        """The cluster of this data directory, whose folder is made, owned and checked here.

        Raises CannotRun with a sentence when the account of the database can't work there.
        """
        account = account_for_database()
        data = data.absolute()
        _make_data_directory(data, account)
        return cls(data.resolve(), account, programs_for(account, data.resolve()))

    @property
    def folder(self) -> Path:
        return _folder(self.data)

    @property
    def socket_folder(self) -> Path:
        return socket_folder_of(self.data)

    @property
    def log(self) -> Path:
        return self.data / "postgresql.log"

    def url(self, database: str = DATABASE) -> str:
        return url_of(self.data, database)

    def initialised(self) -> bool:
        return (self.folder / "PG_VERSION").exists()

    def initialise(self, *, sync: bool = True) -> None:
        """Make the cluster if it isn't there: UTF-8, rules of order that no system library can change."""
        if self.initialised():
            return
        partial = self.data / f"{self.folder.name}.partial"  # so that half a cluster is never taken for one
        shutil.rmtree(partial, ignore_errors=True)
        command: list[str | Path] = [self.programs / "initdb", "-D", partial, "-U", ROLE]
        command += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command += ["--auth-local=peer", "--auth-host=reject", "--no-instructions"]
        result = self.account.run(*command, *([] if sync else ["--no-sync"]))
        if result.returncode != 0:
            raise CannotRun(
                f"PostgreSQL could not make its files in {self.folder}: {_last_line(result.stderr)}"
            )
        partial.rename(self.folder)

    def _admit_only_owner(self) -> None:
        (self.folder / "pg_hba.conf").write_text("local all all peer map=firstline\n")
        names = {self.account.name, "root"} if self.account.switch else {self.account.name}
        lines = [f'firstline "{name}" {ROLE}\n' for name in sorted(names)]
        (self.folder / "pg_ident.conf").write_text("".join(lines))

    def start(self, settings: Mapping[str, str] | None = None) -> "Postgres":
        """Start the server as a direct child of this process and wait until it answers (main thread only).

        A server that an earlier, killed owner left behind is stopped first.
        """
        self._stop_leftover()
        self._admit_only_owner()
        _make_socket_folder(self.socket_folder, self.account)
        options = {**_SETTINGS, "unix_socket_directories": str(self.socket_folder), **(settings or {})}
        command = [str(self.programs / "postgres"), "-D", str(self.folder)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with self._open_log() as log:
            process = subprocess.Popen(
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "LC_ALL": "C"},
                start_new_session=True,  # Ctrl-C in a terminal is for the supervisor alone
                preexec_fn=dying_with_this_process(signal.SIGINT),  # noqa: PLW1509 - only prctl and getppid
                **self.account.identity(),  # type: ignore[call-overload]
            )
        running = Postgres(self, process)
        running.wait_until_ready()
        return running

    @contextlib.contextmanager
    def _open_log(self) -> Iterator[int]:
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_LIMIT:
                self.log.replace(self.log.with_suffix(".log.1"))
        handle = os.open(
            self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            yield handle
        finally:
            os.close(handle)

    def _stop_leftover(self) -> None:
        note = self.folder / "postmaster.pid"
        if not note.exists():
            return
        if _belongs_to_another(note, self.folder):
            note.unlink()
            return
        # pg_ctl knows a stale file from a live server, and does nothing about the former
        self.account.run(self.programs / "pg_ctl", "stop", "-D", self.folder, "-m", "fast", "-w", "-t", "60")


@dataclass
class Postgres:
    """A running server."""

    cluster: Cluster
    process: subprocess.Popen[bytes]
    watcher: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        if has_parent_death_signal():
            return
        # the watcher's standard input is a pipe whose other end only this process holds
        command = [sys.executable, "-m", "firstline.config.lifeline", str(self.process.pid)]
        self.watcher = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def wait_until_ready(self, seconds: float = 120.0) -> None:
        """Return when the server answers, which after a crash may take a while; raise when it has ended."""
        deadline = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None:
                raise CannotRun(f"PostgreSQL did not start: {self._complaint()} (see {self.cluster.log})")
            try:
                self.ensure_database()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    self.stop()
                    raise CannotRun(f"PostgreSQL does not answer: {_last_line(str(error))}") from None
                time.sleep(0.02)
            else:
                return

    def ensure_database(self, name: str = DATABASE) -> None:
        """Make the database if it is missing."""
        with psycopg.connect(self.cluster.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def stop(self, seconds: float = 30.0) -> None:
        """Shut down in an orderly way; after `seconds` without waiting for anything."""
        for signum, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
            if self.process.poll() is None:
                self.process.send_signal(signum)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
                break
        if self.watcher is not None and self.watcher.stdin is not None:
            self.watcher.stdin.close()
            self.watcher.wait()
        with contextlib.suppress(OSError):
            self.cluster.socket_folder.rmdir()

    def _complaint(self) -> str:
        lines = self.cluster.log.read_text(errors="replace").splitlines()
        said = [line for line in lines if "FATAL:" in line or "ERROR:" in line or "could not" in line]
        return said[-1].partition("FATAL:")[2].strip() or said[-1] if said else "it said nothing"


def _belongs_to_another(note: Path, folder: Path) -> bool:
    """Whether the process that a `postmaster.pid` names is another program, and no server works in the folder any more.

    A killed server leaves the file behind. When its number is another's by now, pg_ctl would stop that one, and
    PostgreSQL would not start because of it. Where the kernel doesn't tell what a process runs, the answer is no.
    """
    try:
        named = Path("/proc") / note.read_text().partition("\n")[0].strip()
        if os.fsencode(folder) in (named / "cmdline").read_bytes():
            return False
    except OSError:
        return False
    for place in Path("/proc").glob("[0-9]*/cwd"):  # each of its processes works there
        with contextlib.suppress(OSError):
            if place.readlink() == folder:
                return False
    return True


def cluster_exists(data: Path) -> bool:
    """Whether there is an embedded database in this data directory."""
    return _folder(data).exists()


def _folder(data: Path) -> Path:
    return data / f"postgresql-{MAJOR}"


def url_of(data: Path, database: str = DATABASE) -> str:
    """The connection address of the embedded database of this data directory, running or not."""
    return f"postgresql://{ROLE}@/{quote(database)}?host={quote(str(socket_folder_of(data)), safe='')}"


def _make_data_directory(data: Path, account: Account) -> None:
    made = False
    try:
        if not data.exists():
            data.mkdir(parents=True, mode=0o700)
            made = True
        owner = data.stat().st_uid
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise CannotRun(f"The data directory {data} can't be made: {error.strerror}.") from None
    if account.switch and owner == 0 and not any(data.iterdir()):
        os.chown(data, account.uid, account.gid)
        owner = account.uid
    if not account.can_enter(data):
        if made:
            data.rmdir()
        raise CannotRun(
            f"The account '{account.name}' that runs PostgreSQL can't reach {data}: choose a data directory "
            "whose parent folders everybody may enter, such as /var/lib/firstline."
        )
    if owner != account.uid:
        raise CannotRun(
            f"The data directory {data} belongs to another account than '{account.name}', which runs "
            "PostgreSQL: give it to that account (chown) or choose another directory."
        )


def _make_socket_folder(folder: Path, account: Account) -> None:
    """Make the folder 0700 for the account. Someone else's folder under /tmp is refused, never used."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if account.switch:
            os.chown(folder, account.uid, account.gid)
    state = folder.lstat()
    private = (
        stat.S_ISDIR(state.st_mode) and state.st_uid == account.uid and stat.S_IMODE(state.st_mode) == 0o700
    )
    if not private:
        raise CannotRun(
            f"The folder for sockets {folder} exists and is not ours alone: remove it, then start again."
        )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
