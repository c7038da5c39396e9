"""Channels against real servers on loopback: SMTP by aiosmtpd, HTTP by the standard library."""

import base64
import email
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as Received

from firstline.notifications.channels.apprise import Apprise
from firstline.notifications.channels.base import Envelope
from firstline.notifications.channels.email import Email
from firstline.notifications.channels.email.addresses import (
    is_own,
    message_id,
    read_reply_address,
    reply_address,
)
from firstline.notifications.channels.hosts import is_public, resolve
from firstline.notifications.channels.webhook import Webhook, signed

ENVELOPE = Envelope(
    address="rosa@example.org", subject="[INC-000007] P1:\nyou are paged", body="Mail is down\n", kind="page",
    idempotency_key="page:1:7:email", now=datetime(2026, 11, 23, 9, tzinfo=UTC), urgency="high", incident_id=7,
    person_id=3, context={"number": "INC-000007"},
)  # fmt: skip


class Mailbox:
    """Takes mail, refuses addresses as told."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.refuse: dict[str, str] = {}

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Received, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Received) -> str:
        self.mails.append(email.message_from_bytes(envelope.content or b""))
        return "250 OK"


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    handler = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.DEFAULT_FROM_EMAIL = "Support <support@firstline.test>"
    yield handler
    controller.stop()


def test_a_mail_says_that_a_machine_wrote_it_and_where_answers_go(mailbox: Mailbox) -> None:
    outcome = Email().send(ENVELOPE)
    assert outcome.ok and outcome.message_id == message_id(ENVELOPE.idempotency_key)
    (mail,) = mailbox.mails
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == outcome.message_id
    assert is_own(mail["Message-ID"])
    assert mail["Subject"] == "[INC-000007] P1: you are paged"
    assert read_reply_address(mail["Reply-To"]) == (7, 3)
    assert mail["From"] == "Support <support@firstline.test>"
    assert "<incident-7@" in mail["References"]


def test_a_second_try_is_the_same_mail(mailbox: Mailbox) -> None:
    assert Email().send(ENVELOPE).message_id == Email().send(ENVELOPE).message_id


@pytest.mark.parametrize(("answer", "permanent"), [("550 no such user", True), ("451 try later", False)])
def test_a_refusal_is_kept_and_only_a_lasting_one_is_final(
    mailbox: Mailbox, answer: str, permanent: bool
) -> None:
    mailbox.refuse["rosa@example.org"] = answer
    outcome = Email().send(ENVELOPE)
    assert (outcome.ok, outcome.permanent, outcome.answer) == (False, permanent, answer)


def test_a_server_that_is_away_is_tried_again(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    outcome = Email().send(ENVELOPE)
    assert (outcome.ok, outcome.permanent) == (False, False)


def test_html_goes_beside_the_text(mailbox: Mailbox) -> None:
    Email().send(replace(ENVELOPE, html="<p>Mail is down</p>"))
    assert [part.get_content_type() for part in mailbox.mails[0].walk()][1:] == ["text/plain", "text/html"]


def test_a_reply_address_cannot_be_made_up() -> None:
    address = reply_address(7, 3)
    assert read_reply_address(address.upper()) == (7, 3)
    assert read_reply_address(reply_address(7, None)) == (7, None)
    assert read_reply_address(address.replace("i7-", "i8-")) is None
    assert read_reply_address("support@firstline.test") is None


class Hook(BaseHTTPRequestHandler):
    """Remembers what came and answers as told."""

    seen: list[tuple[dict[str, str], bytes]] = []
    answer = 204

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.answer)
        if self.answer == 302:
            self.send_header("location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[tuple[str, type[Hook]]]:
    handler = type("OneHook", (Hook,), {"seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/in?x=1", handler
    server.shutdown()
    server.server_close()


SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
ENABLED = {"hosts": ["127.0.0.1"]}


def test_a_webhook_is_signed_as_the_standard_says(hook: tuple[str, type[Hook]]) -> None:
    url, handler = hook
    sent = replace(ENVELOPE, address=url, secret=SECRET, settings=ENABLED)
    assert Webhook().send(sent).ok
    ((headers, body),) = handler.seen
    expected = hmac.new(
        b"k" * 32, f"page:1:7:email.{headers['webhook-timestamp']}.".encode() + body, hashlib.sha256
    ).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()
    assert headers["webhook-id"] == "page:1:7:email"
    document = json.loads(body)
    assert document["type"] == "firstline.page"
    assert document["data"]["number"] == "INC-000007"


def test_the_signature_of_the_standards_own_example() -> None:
    headers = signed(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("answer", "permanent"), [(302, False), (404, True), (410, True), (500, False), (429, False)]
)
def test_only_2xx_is_delivered_and_redirects_are_not_followed(
    hook: tuple[str, type[Hook]], answer: int, permanent: bool
) -> None:
    url, handler = hook
    handler.answer = answer
    outcome = Webhook().send(replace(ENVELOPE, address=url, settings=ENABLED))
    assert (outcome.ok, outcome.permanent) == (False, permanent)
    assert outcome.answer.startswith(f"HTTP {answer}")
    assert len(handler.seen) == 1


def test_a_private_address_is_refused_unless_its_host_is_enabled(hook: tuple[str, type[Hook]]) -> None:
    url, handler = hook
    for address in (url, url.replace("127.0.0.1", "localhost")):
        outcome = Webhook().send(replace(ENVELOPE, address=address))
        assert (outcome.ok, outcome.permanent) == (False, True)
        assert "not a public address" in outcome.answer
    assert handler.seen == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("10.0.0.1", False), ("127.0.0.1", False), ("169.254.169.254", False),
        ("::1", False), ("::ffff:10.0.0.1", False), ("2002:0a00:0001::", False), ("fe80::1%eth0", False),
        ("224.0.0.1", False), ("100.64.0.1", False), ("0.0.0.0", False), ("2606:2800:220:1::1", True),
    ],
)  # fmt: skip
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_an_enabled_host_is_resolved_once_and_by_name_only() -> None:
    assert resolve("LOCALHOST", 80, ["localhost"]) in ("127.0.0.1", "::1")
    with pytest.raises(PermissionError):
        resolve("127.0.0.1", 80, ["localhost"])


def test_a_webhook_needs_https_unless_enabled() -> None:
    assert Webhook().check("https://example.org/x", {}) == ""
    assert "https" in Webhook().check("http://example.org/x", {})
    assert Webhook().check("http://example.org/x", {"hosts": ["example.org"]}) == ""
    assert Webhook().check("ftp://example.org", {}) != ""


def test_apprise_uses_only_enabled_schemes_and_no_private_hosts(hook: tuple[str, type[Hook]]) -> None:
    url, handler = hook
    address = url.replace("http://", "json://")
    refused = Apprise().send(replace(ENVELOPE, address=address))
    assert refused.permanent and "json is not enabled" in refused.answer
    private = Apprise().send(replace(ENVELOPE, address=address, settings={"schemes": ["json"]}))
    assert private.permanent and "not a public address" in private.answer
    assert handler.seen == []
    handler.answer = 200
    sent = Apprise().send(replace(ENVELOPE, address=address, settings={"schemes": ["json"], **ENABLED}))
    assert sent.ok
    assert json.loads(handler.seen[0][1])["message"] == "Mail is down"
    handler.answer = 500
    failed = Apprise().send(replace(ENVELOPE, address=address, settings={"schemes": ["json"], **ENABLED}))
    assert not failed.ok and "500" in failed.answer
