"""Real mail in and out: SMTP to Firstline's own listener, SMTP out to a mail server, mailboxes in a real
Dovecot.
"""

import smtplib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from firstline.core import clock
from firstline.core.actor import Actor
from firstline.core.content import texts
from firstline.engine.loop import Engine
from firstline.incidents.models import Comment, Incident
from firstline.intake import actions, imap
from firstline.intake.models import Inbox, MailMessage, Source
from firstline.workflow.seed import ensure_defaults
from tests import dovecot
from tests.database import Clone
from tests.machine import free_port
from tests.unit.gateway.conftest import KEY, Running, answers, finish, launch, wait_for

MAKER = Actor.system("test")
pytestmark = pytest.mark.scenario


@pytest.fixture(scope="module")
def mailboxes() -> Iterator[dovecot.Server]:
    with dovecot.running() as server:
        if server is None:
            pytest.skip("Debian's packages dovecot-core and dovecot-imapd can't be had or run here")
        yield server


@dataclass
class Post:
    """The mail server of the story's people: whatever it takes lies in their mailboxes then."""

    mailboxes: dovecot.Server

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        for address in envelope.rcpt_tos:
            self.mailboxes.deliver(address.partition("@")[0], envelope.original_content)
        return "250 OK"


@pytest.fixture
def post(mailboxes: dovecot.Server, settings: Any) -> Iterator[None]:
    controller = Controller(Post(mailboxes), hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.DEFAULT_FROM_EMAIL = "Help <help@example.org>"
    settings.SECRET_KEY = KEY
    yield
    controller.stop()


@pytest.fixture
def engine(cloned_database: Clone) -> Iterator[Engine]:
    ensure_defaults(now=clock.now())
    running = Engine()
    yield running
    running.close()


@pytest.fixture
def listener(cloned_database: Clone, tmp_path: Path) -> Iterator[int]:
    """Firstline's own SMTP port, of a real gateway."""
    port = free_port()
    running: Running = launch(cloned_database.url, tmp_path, FIRSTLINE_SMTP_PORT=str(port))
    try:
        wait_for(lambda: answers(port))
        yield port
    finally:
        finish(running)


def mail(sender: str, to: str, subject: str, text: str, **headers: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made["Message-ID"] = f"<{time.monotonic_ns()}@client.example>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def source(**fields: Any) -> Source:
    made, _ = actions.create_source(kind="mail", actor=MAKER, now=clock.now(), **fields)
    return made


def one_mail_of(mailboxes: dovecot.Server, user: str) -> Message:
    (raw,) = mailboxes.messages(user)
    return message_from_bytes(raw)


def test_a_mail_is_answered_and_the_reply_finds_its_incident(
    engine: Engine, listener: int, post: None, mailboxes: dovecot.Server
) -> None:
    source(name="Help desk", address="help@example.org")
    with smtplib.SMTP("127.0.0.1", listener) as client:
        client.send_message(
            mail("Ann <ann@example.org>", "help@example.org", "No printing", "Since this morning.")
        )
    engine.settle()
    incident = Incident.objects.get()
    assert incident.caller is not None
    assert (incident.title, incident.channel, incident.caller.email) == (
        "No printing",
        "e-mail",
        "ann@example.org",
    )

    answer = one_mail_of(mailboxes, "ann")
    assert answer["Auto-Submitted"] == "auto-generated"
    assert incident.number in f"{answer['Subject']} {answer.get_payload(decode=True)!r}"
    text = "It is room 3.\n\nOn Monday 23 November 2026, Help wrote:\n> Received"
    reply = mail("Ann <ann@example.org>", str(answer["Reply-To"]), f"Re: {answer['Subject']}", text)
    reply["In-Reply-To"] = str(answer["Message-ID"])
    with smtplib.SMTP("127.0.0.1", listener) as client:
        client.send_message(reply)
    engine.settle()
    comment = Comment.objects.get()
    assert comment.incident_id == incident.id and comment.author_id == incident.caller_id
    assert texts([comment.content_id])[comment.content_id] == "It is room 3."
    assert Incident.objects.count() == 1


def test_a_vacation_notice_to_our_answer_is_not_answered_again(
    engine: Engine, listener: int, post: None, mailboxes: dovecot.Server
) -> None:
    source(name="Help desk", address="help@example.org")
    with smtplib.SMTP("127.0.0.1", listener) as client:
        client.send_message(mail("away@example.org", "help@example.org", "Question", "?"))
    engine.settle()
    answer = one_mail_of(mailboxes, "away")
    away = mail(
        "away@example.org", str(answer["Reply-To"]), "Out of office", "Back on Friday",
        In_Reply_To=str(answer["Message-ID"]), Auto_Submitted="auto-replied",
    )  # fmt: skip
    with smtplib.SMTP("127.0.0.1", listener) as client:
        client.send_message(away)
    engine.settle()
    assert Comment.objects.get().automatic
    assert len(mailboxes.messages("away")) == 1


@pytest.fixture
def polled(engine: Engine, mailboxes: dovecot.Server) -> Callable[[str], Source]:
    def make(user: str) -> Source:
        where = {"host": "127.0.0.1", "port": mailboxes.port, "security": "none", "user": user}
        return source(name=f"Mailbox {user}", settings={"imap": where}, secret=mailboxes.password)

    return make


def test_a_mailbox_is_polled_and_nothing_is_lost_or_doubled(
    engine: Engine, post: None, mailboxes: dovecot.Server, polled: Callable[[str], Source]
) -> None:
    box = polled("support")
    for number in (1, 2):
        sent = mail("Bob <bob@example.org>", "support@example.org", f"Report {number}", "Text")
        mailboxes.deliver("support", sent.as_bytes())
    assert imap.poll_all(clock.now()) == 2
    assert mailboxes.unseen("support") == 0 and len(mailboxes.messages("support")) == 2
    assert imap.poll_all(clock.now()) == 0
    # a crash between storing and marking: the same mail is fetched once more
    again = Inbox.objects.filter(source_id=box.id).order_by("id").first()
    assert again is not None
    imap._store(box, bytes(again.body), "1", clock.now())
    engine.settle()
    assert sorted(Incident.objects.values_list("title", flat=True)) == ["Report 1", "Report 2"]
    assert MailMessage.objects.filter(verdict="opened").count() == 2


def test_a_refused_login_is_said_and_the_other_mailboxes_are_read(
    engine: Engine, mailboxes: dovecot.Server, polled: Callable[[str], Source]
) -> None:
    broken, fine = polled("broken"), polled("fine")
    actions.edit_source(broken.id, secret="wrong", actor=MAKER, now=clock.now())
    mailboxes.deliver("fine", mail("bob@example.org", "fine@example.org", "Hello", "Text").as_bytes())
    assert imap.poll_all(clock.now()) == 1
    broken.refresh_from_db()
    fine.refresh_from_db()
    assert (broken.mailbox["step"], fine.mailbox["error"]) == ("sign_in", "")
    assert "refused" in broken.mailbox["error"]
