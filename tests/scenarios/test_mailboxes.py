"""Real mailboxes: a Dovecot with TLS, OAuth 2 and IDLE, and a token endpoint as an identity provider has one."""

import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from firstline.core import clock
from firstline.core.actor import Actor
from firstline.intake import actions, imap
from firstline.intake.idling import Mailboxes
from firstline.intake.mailboxes import Step, account_of, checked, secrets_of
from firstline.intake.models import Alert, Inbox, Source
from firstline.workflow.seed import ensure_defaults
from tests import dovecot
from tests.authority import Authority
from tests.database import Clone
from tests.machine import free_port
from tests.unit.gateway.conftest import wait_for

MAKER = Actor.system("test")
pytestmark = pytest.mark.scenario


@pytest.fixture(scope="module")
def mailboxes() -> Iterator[dovecot.Server]:
    with dovecot.running() as server:
        if server is None:
            pytest.skip("Debian's packages dovecot-core and dovecot-imapd can't be had or run here")
        yield server


@pytest.fixture
def database(cloned_database: Clone) -> Clone:
    ensure_defaults(now=clock.now())
    return cloned_database


def source(user: str, *, secret: Any = "of-the-test", **imap_settings: Any) -> Source:
    settings = {"imap": {"host": "localhost", "security": "ssl", "user": user, **imap_settings}}
    made, _ = actions.create_source(
        name=f"Mailbox {user} {Source.objects.count()}", kind="mail", settings=settings, secret=secret, actor=MAKER,
        now=clock.now(),
    )  # fmt: skip
    return made


def letter(subject: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Ann <ann@example.org>", "support@example.org", subject
    mail["Message-ID"] = f"<{subject.replace(' ', '-')}@client.example>"
    mail.set_content("Text")
    return mail.as_bytes()


def stored(made: Source) -> list[str]:
    rows = Inbox.objects.filter(source_id=made.id).order_by("id")
    return [bytes(row.body).split(b"Subject: ")[1].split(b"\r\n")[0].strip().decode() for row in rows]


def trusted(mailboxes: dovecot.Server) -> dict[str, Any]:
    return {"port": mailboxes.tls_port, "authority": mailboxes.authority}


@pytest.mark.parametrize("security", ["ssl", "starttls"])
def test_encrypted_and_verified(database: Clone, mailboxes: dovecot.Server, security: str) -> None:
    user = f"tls-{security}"
    mailboxes.deliver(user, letter("Hello"))
    port = mailboxes.tls_port if security == "ssl" else mailboxes.port
    made = source(user, security=security, port=port, authority=mailboxes.authority)
    assert imap.poll_all(clock.now()) == 1 and stored(made) == ["Hello"]
    account = account_of(made)
    assert account is not None
    found = checked(account)
    assert (found.failed, found.messages, found.unseen, found.idle) == (None, 1, 0, True)
    assert found.encrypted.startswith("TLS")


@pytest.mark.parametrize(
    ("change", "step", "says"),
    [
        ({"host": "no-such-host.invalid"}, Step.ADDRESS, "not known"),
        ({"port": 1}, Step.CONNECTION, "No connection"),
        ({"authority": Authority().pem}, Step.ENCRYPTION, "not trusted"),
        ({"host": "127.0.0.1"}, Step.ENCRYPTION, "IP address mismatch"),
        ({"folder": "Nowhere"}, Step.FOLDER, "Nowhere"),
        ({"secret": "wrong"}, Step.SIGN_IN, "refused the login"),
    ],
)
def test_a_check_says_what_failed(
    database: Clone, mailboxes: dovecot.Server, change: dict[str, Any], step: Step, says: str
) -> None:
    values = {**trusted(mailboxes), **change}
    if values["port"] == 1:
        values["port"] = free_port()
    made = source("checked", **values)
    account = account_of(made)
    assert account is not None
    found = checked(account)
    assert (found.failed, says in found.reason) == (step, True), found
    assert step not in found.passed


def oauth(mailboxes: dovecot.Server, **values: Any) -> dict[str, Any]:
    return {
        **trusted(mailboxes), "sign_in": "oauth_client", "token_url": f"{mailboxes.tokens.url}/token",
        "client_id": "firstline", "scope": "imap", **values,
    }  # fmt: skip


def test_oauth_with_client_credentials(database: Clone, mailboxes: dovecot.Server) -> None:
    mailboxes.deliver("support", letter("By token"))
    made = source("support", secret={"client_secret": "its secret"}, **oauth(mailboxes))
    asked = len(mailboxes.tokens.asked)
    assert imap.poll_all(clock.now()) == 1 and stored(made) == ["By token"]
    assert imap.poll_all(clock.now()) == 0
    assert len(mailboxes.tokens.asked) == asked + 1, "the token is kept while it is good"
    assert mailboxes.tokens.asked[-1]["grant_type"] == "client_credentials"


def test_a_token_that_the_server_refuses_is_not_kept(database: Clone, mailboxes: dovecot.Server) -> None:
    made = source("support", secret={"client_secret": "its secret"}, **oauth(mailboxes, scope="other"))
    assert imap.poll_all(clock.now()) >= 0
    mailboxes.tokens.good.clear()
    imap.poll_all(clock.now())
    made.refresh_from_db()
    assert made.mailbox["step"] == "sign_in"
    imap.poll_all(clock.now())
    made.refresh_from_db()
    assert made.mailbox["error"] == ""


def test_a_renewed_refresh_token_is_stored(database: Clone, mailboxes: dovecot.Server) -> None:
    mailboxes.tokens.refresh = {"first-refresh-token"}
    secrets = {"client_secret": "its secret", "refresh_token": "first-refresh-token"}
    made = source("support", secret=secrets, **oauth(mailboxes, sign_in="oauth_refresh", scope="refresh"))
    imap.poll_all(clock.now())
    made.refresh_from_db()
    assert made.mailbox["error"] == ""
    assert {secrets_of(made.secret)["refresh_token"]} == mailboxes.tokens.refresh != {"first-refresh-token"}


def test_a_wrong_client_secret_is_said(database: Clone, mailboxes: dovecot.Server) -> None:
    made = source("support", secret={"client_secret": "wrong"}, **oauth(mailboxes))
    account = account_of(made)
    assert account is not None
    found = checked(account)
    assert found.failed is Step.TOKEN and "The client secret is wrong." in found.reason
    assert found.passed == (Step.ADDRESS, Step.CONNECTION, Step.ENCRYPTION)


def test_a_mail_that_somebody_has_read_already_comes_too(database: Clone, mailboxes: dovecot.Server) -> None:
    """Others read a shared mailbox. What had been read before the first time stays where it is."""
    mailboxes.deliver("shared", letter("Of last year"))
    read(mailboxes, "shared")
    made = source("shared", **trusted(mailboxes))
    assert imap.poll_all(clock.now()) == 0
    mailboxes.deliver("shared", letter("New and read"))
    read(mailboxes, "shared")
    assert imap.poll_all(clock.now()) == 1 and stored(made) == ["New and read"]
    assert imap.poll_all(clock.now()) == 0


def read(mailboxes: dovecot.Server, user: str) -> None:
    with mailboxes.login(user) as box:
        box.select("INBOX")
        box.store("1:*", "+FLAGS", "\\Seen")


def test_a_mailbox_that_stays_unreadable_becomes_an_incident(
    database: Clone, mailboxes: dovecot.Server
) -> None:
    made = source("lost", secret="wrong", **trusted(mailboxes))
    now = clock.now()
    imap.poll_all(now)
    assert not Alert.objects.exists()
    imap.poll_all(now + imap.COMPLAIN_AFTER)
    imap.poll_all(now + imap.COMPLAIN_AFTER * 2)
    span = Alert.objects.get().spans.get()
    assert span.incident is not None and made.name in span.title
    actions.edit_source(made.id, secret=mailboxes.password, actor=MAKER, now=now)
    imap.poll_all(now + imap.COMPLAIN_AFTER * 3)
    span.refresh_from_db()
    assert span.state == "resolved"


@pytest.fixture
def waiting(database: Clone) -> Iterator[Callable[[], None]]:
    """The worker's threads at the mailboxes."""
    stop = threading.Event()
    runner = threading.Thread(target=Mailboxes(stop).run, daemon=True)
    yield runner.start
    stop.set()
    runner.join(20)
    assert not runner.is_alive()


def how(made: Source) -> str:
    made.refresh_from_db()
    return str(made.mailbox.get("how", "")) if not made.mailbox.get("error") else "failing"


def test_idle_fetches_at_once_and_survives_the_server(
    mailboxes: dovecot.Server, waiting: Callable[[], None]
) -> None:
    made = source("idle", **trusted(mailboxes))
    waiting()
    wait_for(lambda: how(made) == "idle")
    mailboxes.deliver("idle", letter("First"))
    wait_for(lambda: stored(made) == ["First"])
    assert imap.poll_all(clock.now()) == 0, "the poll leaves a mailbox alone at which somebody waits"
    with imap.alone(made.id) as mine:
        assert not mine
    mailboxes.stop()
    wait_for(lambda: how(made) == "failing")
    assert mailboxes.start()
    mailboxes.deliver("idle", letter("Second"))
    wait_for(lambda: stored(made) == ["First", "Second"])
    mailboxes.deliver("idle", letter("Third"))
    wait_for(lambda: stored(made) == ["First", "Second", "Third"])
    assert mailboxes.unseen("idle") == 0


def test_idle_ends_when_the_source_is_switched_off(
    mailboxes: dovecot.Server, waiting: Callable[[], None]
) -> None:
    made = source("switched", **trusted(mailboxes))
    waiting()
    wait_for(lambda: how(made) == "idle")
    actions.set_enabled(made.id, False, actor=MAKER, now=clock.now())

    def free() -> bool:
        with imap.alone(made.id) as mine:
            return mine

    wait_for(free)
