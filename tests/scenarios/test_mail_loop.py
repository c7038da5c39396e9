"""Two Firstlines that write to each other stop by themselves: two running machines, real SMTP between them."""

import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiosmtpd.controller import Controller

from firstline.config.embedded import url_of
from firstline.intake.mailrules import SENDER_LIMIT
from tests.machine import clean_environment, free_port, reachable_folder, running_machine, wait_until

pytestmark = pytest.mark.scenario
MARKS = ("Auto-Submitted", "Precedence", "X-Auto-Response-Suppress", "X-Firstline-Loop")
SETUP = """
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.intake import actions
actions.create_source(name="Help desk", kind="mail", address={address!r}, actor=Actor.system("test"), now=clock.now())
"""
BUSY = """
SELECT (SELECT count(*) FROM inbox WHERE state = 'new')
    + (SELECT count(*) FROM delivery WHERE state IN ('due', 'sending') AND due_at <= now() + interval '1 minute')
    + (SELECT count(*) FROM due WHERE kind LIKE 'tell.%')
"""


@dataclass
class Relay:
    """A mail server between the two. `forgetful`: it drops every mark by which a machine's mail is known."""

    target: int
    forgetful: bool
    passed: list[bytes] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.original_content)
        if self.forgetful:
            for name in MARKS:
                del message[name]
            message.replace_header("Message-ID", f"<{len(self.passed)}-{self.target}@relay.example>")
        self.passed.append(envelope.original_content)
        with smtplib.SMTP("127.0.0.1", self.target, timeout=30) as client:
            client.sendmail(envelope.mail_from or "", envelope.rcpt_tos, message.as_bytes())
        return "250 passed on"


@contextmanager
def relay(port: int, target: int, forgetful: bool) -> Iterator[Relay]:
    handler = Relay(target, forgetful)
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()


def figure(data: Path, query: str) -> int:
    with psycopg.connect(url_of(data)) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])


def set_up(data: Path, address: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "firstline.cli.main", "manage", "shell", "-c", SETUP.format(address=address)],
        env=clean_environment(FIRSTLINE_DATA=str(data)), check=True, capture_output=True, timeout=120,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def write(port: int, number: int) -> None:
    """A mail to the one in the name of the other."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "help@b.example", "help@a.example", f"Hello {number}"
    mail["Message-ID"] = f"<first-{number}@b.example>"
    mail.set_content("Is anybody there?")
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(mail)


def wait_for_silence(folders: dict[str, Path], relays: list[Relay], more_than: int) -> None:
    """Until the first answer has gone out and nothing is under way any more, seen several times in a row."""
    seen: list[tuple[int, int]] = []

    def silent() -> bool:
        passed = sum(len(each.passed) for each in relays)
        seen.append((passed, sum(figure(folder, BUSY) for folder in folders.values())))
        return passed > more_than and len(set(seen[-15:])) == 1 and len(seen) >= 15 and seen[-1][1] == 0

    wait_until(silent, "both are silent")


def test_they_stop() -> None:
    """With their marks at the first mail; and also where a relay drops every mark, far below any limit."""
    names = ("a", "b")
    listen, out = {name: free_port() for name in names}, {name: free_port() for name in names}
    with ExitStack() as stack:
        folder = stack.enter_context(reachable_folder())
        relays = [
            stack.enter_context(relay(out[name], listen[other], forgetful=False))
            for name, other in (("a", "b"), ("b", "a"))
        ]
        data = {name: folder / name for name in names}
        for name in names:
            stack.enter_context(
                running_machine(
                    data[name], FIRSTLINE_SMTP_PORT=str(listen[name]),
                    FIRSTLINE_MAIL_URL=f"smtp://127.0.0.1:{out[name]}",
                    FIRSTLINE_MAIL_FROM=f"Help <help@{name}.example>",
                )
            )  # fmt: skip
            set_up(data[name], f"help@{name}.example")
        write(listen["a"], 1)
        wait_for_silence(data, relays, 0)
        assert [len(each.passed) for each in relays] == [1, 0], "one answer, and that is not answered"
        opened = [figure(data[name], "SELECT count(*) FROM incident") for name in names]
        assert opened == [1, 1], "what a machine wrote opens its incident all the same"
        assert figure(data["b"], "SELECT count(*) FROM incident WHERE caller_id IS NOT NULL") == 0
        for each in relays:
            each.forgetful = True
        write(listen["a"], 2)
        wait_for_silence(data, relays, 1)
        assert all(len(each.passed) <= SENDER_LIMIT for each in relays)
        assert max(figure(data[name], "SELECT count(*) FROM incident") for name in names) <= SENDER_LIMIT
