"""The tests' PostgreSQL: an embedded server with durability off, a migrated template, quick clones of it."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from firstline.config.embedded import CannotRun, Cluster, Postgres

SOURCE = Path(__file__).resolve().parent.parent / "src" / "firstline"
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "1d",
}


@dataclass
class TestServer:
    """Where the tests' databases live. `running` is ours to stop; None for somebody else's server."""

    __test__ = False

    url: str
    running: Postgres | None = None
    slot: IO[str] | None = None

    def stop(self) -> None:
        if self.running:
            self.running.stop()
        if self.slot:
            self.slot.close()


@dataclass(frozen=True)
class Clone:
    name: str
    url: str


def serve_tests(root: Path) -> TestServer:
    """The server that `DATABASE_URL` names, else an embedded one with its files under `.cache/`."""
    given = os.environ.get("DATABASE_URL") or os.environ.get("FIRSTLINE_DATABASE_URL")
    if given:
        return TestServer(given)
    slot, data = _free_slot(root / ".cache")
    try:
        cluster = Cluster.at(data)
    except CannotRun:  # root in a checkout that the database's account can't enter
        name = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
        cluster = Cluster.at(Path(tempfile.gettempdir()) / f"firstline-tests-{os.geteuid()}-{name}")
    cluster.initialise(sync=False)
    return TestServer(cluster.url(), cluster.start(_FAST), slot)


def _free_slot(cache: Path) -> tuple[IO[str], Path]:
    """The first data directory that no other test run is using, and the lock that says so."""
    cache.mkdir(exist_ok=True)
    number = 1
    while True:
        lock = (cache / f"test-database-{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            number += 1
        else:
            return lock, cache / f"test-database-{number}"


def template_for(url: str) -> str:
    """The name of a migrated database for the migrations as they are now, made if it is missing."""
    name = f"firstline_template_{_fingerprint()}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(hashtext('firstline test template'))")
        found = admin.execute("SELECT datistemplate FROM pg_database WHERE datname = %s", [name]).fetchone()
        if found and found[0]:
            return name
        _forget_unused(admin)
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        _migrate(name)
        admin.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true").format(sql.Identifier(name)))
    return name


def _forget_unused(admin: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Drop databases that earlier runs left: templates of older migrations, clones of killed runs."""
    leftovers = admin.execute(
        """SELECT datname FROM pg_database d
           WHERE (datname LIKE 'firstline\\_template\\_%' OR datname LIKE 'firstline\\_test\\_%')
             AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)"""
    ).fetchall()
    for (leftover,) in leftovers:
        name = sql.Identifier(str(leftover))
        admin.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(name))
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))


def _migrate(name: str) -> None:
    from django.core.management import call_command
    from django.db import connections

    settings = connections.settings["default"]
    before = settings["NAME"]
    connections.close_all()
    settings["NAME"] = name
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        connections.close_all()
        settings["NAME"] = before


def _fingerprint() -> str:
    """Changes whenever a migration, its SQL, or a package with migrations of its own changes."""
    digest = hashlib.sha256()
    for path in sorted([*SOURCE.glob("*/migrations/*.py"), *SOURCE.glob("*/migrations/*.sql")]):
        digest.update(path.relative_to(SOURCE).as_posix().encode() + path.read_bytes())
    for package in ("django", "django-allauth", "procrastinate"):
        digest.update(version(package).encode())
    return digest.hexdigest()[:16]


@contextmanager
def clone_of_template(template: str) -> Iterator[Clone]:
    """A new database like the template, gone afterwards together with whoever is still connected to it."""
    url = os.environ["FIRSTLINE_DATABASE_URL"]
    name = f"firstline_test_{os.getpid()}_{os.urandom(4).hex()}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    try:
        yield Clone(name, urlsplit(url)._replace(path=f"/{name}").geturl())
    finally:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
