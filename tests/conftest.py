"""What every test may rely on: one PostgreSQL a session, a migrated database a worker, clones for commits.

The controller starts the embedded PostgreSQL (or takes the one that `DATABASE_URL` names); the workers of
pytest-xdist inherit its address. Migrations run once per state of the migration files, into a template.
"""

import asyncio
import os

os.environ["DJANGO_SETTINGS_MODULE"] = "firstline.config.settings"
os.environ["FIRSTLINE_TESTING"] = "1"
os.environ.setdefault(
    "FIRSTLINE_SECRET_KEY", "a key that only the tests use, long enough for everyone's taste"
)

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from tests.database import Clone, TestServer, clone_of_template, serve_tests, template_for

ROOT = Path(__file__).resolve().parent.parent
_SERVER = pytest.StashKey[TestServer]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the database before the settings are read: they and all processes started later point at it."""
    if config.option.help or config.option.version:
        return
    if not hasattr(config, "workerinput"):
        config.stash[_SERVER] = serve_tests(ROOT)
        os.environ["FIRSTLINE_DATABASE_URL"] = config.stash[_SERVER].url
    import django

    django.setup()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Playwright leaves its event loop running in the main thread between browser tests, where Django then refuses to
    touch the database; a test that isn't one of the browser's doesn't see it.
    """
    loop = asyncio._get_running_loop()
    if loop is None or "browser" in item.keywords:
        return (yield)
    asyncio._set_running_loop(None)
    try:
        return (yield)
    finally:
        asyncio._set_running_loop(loop)


def pytest_unconfigure(config: pytest.Config) -> None:
    if server := config.stash.get(_SERVER, None):
        server.stop()


@pytest.fixture(scope="session")
def template_database(django_db_blocker: DjangoDbBlocker) -> str:
    """The name of a database with all migrations applied, to be cloned and never changed."""
    with django_db_blocker.unblock():
        return template_for(os.environ["FIRSTLINE_DATABASE_URL"])


@pytest.fixture(scope="session")
def django_db_setup(template_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """This worker's database; every test runs in a transaction that is rolled back."""
    with django_db_blocker.unblock(), clone_of_template(template_database) as clone:
        connections.settings["default"]["NAME"] = clone.name
        yield
        connections.close_all()


@pytest.fixture
def cloned_database(
    template_database: str, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Clone]:
    """A database of this test's own, for code that commits: other threads and processes see what it wrote.

    Django's default connection and `FIRSTLINE_DATABASE_URL` (for processes that the test starts) point to it.
    """
    settings = connections.settings["default"]
    with django_db_blocker.unblock(), clone_of_template(template_database) as clone:
        connections.close_all()
        monkeypatch.setitem(settings, "NAME", clone.name)
        monkeypatch.setenv("FIRSTLINE_DATABASE_URL", clone.url)
        yield clone
        connections.close_all()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the real data sets (FIRSTLINE_SHARED, else beside the checkout); skips without them."""
    folder = Path(os.environ.get("FIRSTLINE_SHARED") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"the real data sets are not in {folder}/data (set FIRSTLINE_SHARED)")
    return folder
