"""A running Firstline to measure: started by its own command, with an administrator who is signed in."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.machine import Machine, reachable_folder, running_machine

EMAIL = "bench@example.org"


@dataclass(frozen=True)
class Installation:
    machine: Machine
    password: str

    def browser(self) -> Any:
        """Somebody who has signed in as an administrator."""
        from firstline.desk.selftest.browser import Browser

        browser = Browser(self.machine.url)
        browser.fill("/sign-in/", {"login": EMAIL, "password": self.password}, expect=302)
        return browser


@contextlib.contextmanager
def installation() -> Iterator[Installation]:
    """`firstline up` in a folder of its own; Django in this process talks to its database."""
    with reachable_folder() as folder, running_machine(folder / "data") as machine:
        from firstline.config.embedded import url_of

        os.environ["FIRSTLINE_DATABASE_URL"] = url_of(machine.data)
        os.environ["FIRSTLINE_SECRET_KEY"] = (machine.data / "secret_key").read_text().strip()
        os.environ["DJANGO_SETTINGS_MODULE"] = "firstline.config.settings"
        import django

        django.setup()
        from django.db import connections

        from firstline.accounts.actions import create_administrator
        from firstline.core import clock

        password = secrets.token_urlsafe(12)
        create_administrator(email=EMAIL, name="Bench", password=password, now=clock.now())
        try:
            yield Installation(machine, password)
        finally:
            connections.close_all()
