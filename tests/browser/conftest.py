"""The real thing in a real browser: `firstline serve` (gateway and pages) on a database of its own, and Chromium.

Playwright runs an event loop in the test's thread, so everything that touches the database goes through `orm`, which
runs it in a plain thread. Nothing sleeps: pages are waited for by what they show.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django import DjangoDbBlocker

from tests.database import clone_of_template

T = TypeVar("T")
STARTING = 60
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass
class Site:
    """A running installation. `do(function, *arguments)`: call it with the ORM, in a thread of its own."""

    url: str
    database: str
    blocker: DjangoDbBlocker

    def do(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        outcome: list[Any] = []

        def run() -> None:
            from django.db import connections

            connection = connections["default"]
            connection.settings_dict = {**connection.settings_dict, "NAME": self.database}
            try:
                outcome.append(function(*arguments, **named))
            except BaseException as error:  # noqa: BLE001 - handed to the test's thread
                outcome.extend([None, error])
            finally:
                connections.close_all()

        with self.blocker.unblock():
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
        if len(outcome) > 1:
            raise outcome[1]
        return outcome[0]


@pytest.fixture(scope="session")
def site(
    template_database: str, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One installation for the session; tests bring their own people and incidents."""
    data, port = tmp_path_factory.mktemp("site"), _free_port()
    with django_db_blocker.unblock(), clone_of_template(template_database) as clone:
        url = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            "FIRSTLINE_DATABASE_URL": clone.url,
            "FIRSTLINE_DATA": str(data),
            "FIRSTLINE_URL": url,
        }
        log = (data / "serve.log").open("w+")
        command = [str(Path(sys.executable).with_name("firstline")), "serve", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_ready(url, process, data / "serve.log")
            yield Site(url, clone.name, django_db_blocker)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            log.close()


def _free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Ask until it answers; the pause between two questions is the socket's own refusal or a tenth of a second."""
    pause = threading.Event()
    for _ in range(STARTING * 10):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pause.wait(0.1)
    pytest.fail(f"serve did not get ready:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The system's Chromium where there is one, else Playwright's own download."""
    found = (
        os.environ.get("FIRSTLINE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    arguments: dict[str, Any] = {"args": ["--no-sandbox"] if os.geteuid() == 0 else []}
    return {**arguments, "executable_path": found} if found else arguments


@dataclass
class Visitor:
    """A signed-in browser of a person."""

    site: Site
    browser: Browser

    def __post_init__(self) -> None:
        self.contexts: list[BrowserContext] = []

    def page(
        self,
        person: Any = None,
        *,
        theme: str = "light",
        phone: bool = False,
        javascript: bool = True,
    ) -> Page:
        """A new window, signed in as `person` (None: a stranger)."""
        context = self.browser.new_context(
            base_url=self.site.url,
            viewport=PHONE if phone else WIDE,
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            has_touch=phone,
            java_script_enabled=javascript,
        )
        context.set_default_timeout(15_000)
        self.contexts.append(context)
        if person is not None:
            value = self.site.do(_session_of, person.pk)
            context.add_cookies([{"name": "firstline_session", "value": value, "url": self.site.url}])
        return context.new_page()


def _session_of(person_id: int) -> str:
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from firstline.accounts.models import Person

    person = Person.objects.get(pk=person_id)
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.save()
    assert session.session_key is not None
    return session.session_key


@pytest.fixture(scope="session", autouse=True)
def loop_at_the_end(browser: Browser) -> Iterator[None]:
    """Playwright ends within its event loop, which other tests don't see, also when one of them is the last."""
    loop = asyncio._get_running_loop()
    yield
    asyncio._set_running_loop(loop)


@pytest.fixture
def visit(site: Site, browser: Browser) -> Iterator[Visitor]:
    """`visit.page(person)` opens a window."""
    visitor = Visitor(site, browser)
    yield visitor
    for context in visitor.contexts:
        context.close()


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """`accessible(page)` fails with what axe found on the page as it stands (WCAG 2.2 A and AA)."""
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()

    def check(page: Page) -> None:
        rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
        found = axe.run(page, options=rules)
        violations = found.response["violations"]
        told = [
            f"{v['id']}: {v['help']}\n  "
            + "\n  ".join(f"{n['html'][:200]} {n['failureSummary']}" for n in v["nodes"][:3])
            for v in violations
        ]
        assert not told, f"{page.url}\n" + "\n".join(told)

    return check
