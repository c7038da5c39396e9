"""A backup is one tar file: what made it, the dump of the database, and the key that its secrets are sealed with.

The programs are the wheel's own, so that a backup of a database elsewhere (15 to 18) needs nothing installed.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

import firstline

from .account import CannotRun
from .binaries import wheel_programs
from .embedded import DATABASE, url_of
from .env import Environment, make_secret_key
from .fingerprint import forget_preparation
from .up import embedded_database

_MANIFEST = "firstline.json"
_DUMP = "database.dump"
_KEY = "secret_key"


@dataclass(frozen=True)
class Manifest:
    """What made a backup, and when (ISO, UTC)."""

    version: str
    at: str
    format: int = 1


def save(environment: Environment, file: Path) -> int:
    """Write the backup, readable by its owner only; its size in bytes. The database runs already."""
    if file.exists():
        raise CannotRun(f"{file} exists already: choose another name, backups are never overwritten.")
    with _workspace(file.absolute().parent) as folder:
        dump = folder / _DUMP
        _program(
            "pg_dump", "--format=custom", f"--file={dump}", f"--dbname={environment.address_of_database()}"
        )
        manifest = Manifest(firstline.__version__, datetime.now(UTC).isoformat(timespec="seconds"))
        (folder / _MANIFEST).write_text(json.dumps(asdict(manifest)))
        if environment.embedded:
            (folder / _KEY).write_text(make_secret_key(environment.data))
        archive = folder / "archive"
        with tarfile.open(archive, "w") as tar:
            for name in (_MANIFEST, _KEY, _DUMP):
                if (folder / name).exists():
                    tar.add(folder / name, name)
        archive.chmod(0o600)
        os.link(archive, file)  # fails rather than replacing what appeared meanwhile
    return file.stat().st_size


def restore(environment: Environment, file: Path, *, replace: bool) -> Manifest:
    """Put a backup into the database, in one transaction. Refused when there is something and not `replace`."""
    with _workspace(file.absolute().parent) as folder, _stopped(environment) as url:
        manifest = _unpack(file, folder)
        _check_empty(url, replace=replace)
        if environment.embedded:
            _recreate(environment.data)
        else:
            _clear(url)
        _program(
            "pg_restore",
            "--single-transaction",
            "--no-owner",
            "--no-acl",
            f"--dbname={url}",
            str(folder / _DUMP),
        )
        if environment.embedded and (folder / _KEY).exists():
            _adopt_key(environment.data, (folder / _KEY).read_text())
            forget_preparation(environment.data)
    return manifest


@contextlib.contextmanager
def _workspace(beside: Path) -> Iterator[Path]:
    """A private folder on the same disk, so that the finished file can be put in place in one step."""
    try:
        with tempfile.TemporaryDirectory(prefix=".firstline-", dir=beside) as name:
            yield Path(name)
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise CannotRun(f"{beside} can't be written to: {error.strerror}.") from None


@contextlib.contextmanager
def _stopped(environment: Environment) -> Iterator[str]:
    """The database's address, with nothing else of Firstline running on it (embedded; elsewhere it is on trust)."""
    if environment.embedded:
        with embedded_database(environment):
            yield environment.address_of_database()
    else:
        yield environment.address_of_database()


def _unpack(file: Path, folder: Path) -> Manifest:
    try:
        with tarfile.open(file) as tar:
            for name in (_MANIFEST, _KEY, _DUMP):
                with contextlib.suppress(KeyError):
                    source = tar.extractfile(tar.getmember(name))
                    assert source is not None
                    with (folder / name).open("wb") as target:
                        shutil.copyfileobj(source, target)
        manifest = Manifest(**json.loads((folder / _MANIFEST).read_text()))
    except (tarfile.TarError, FileNotFoundError, ValueError, TypeError):
        raise CannotRun(f"{file} is not a backup that Firstline wrote, or it is damaged.") from None
    if manifest.format != 1 or not (folder / _DUMP).exists():
        raise CannotRun(f"{file} was written by Firstline {manifest.version}, which this version can't read.")
    return manifest


def _check_empty(url: str, *, replace: bool) -> None:
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        ).fetchone()
    if tables and tables[0] and not replace:
        raise CannotRun(
            "There is data already: restore into an empty place, or say --replace to overwrite it."
        )


def _recreate(data: Path) -> None:
    with psycopg.connect(url_of(data, "postgres"), autocommit=True) as connection:
        name = sql.Identifier(DATABASE)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))


def _clear(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def _adopt_key(data: Path, key: str) -> None:
    """The key of the backup takes the place of this directory's: without it the stored secrets stay sealed."""
    (data / _KEY).unlink(missing_ok=True)
    handle = os.open(data / _KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(key)


def _program(name: str, *arguments: str) -> None:
    result = subprocess.run(
        [str(wheel_programs() / name), *arguments],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C"},
    )
    if result.returncode != 0:
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        raise CannotRun(f"{name} failed: {lines[0] if lines else 'it said nothing'}")
