"""Mail over SMTP, with Python's own client against the real listener."""

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from firstline.gateway.mail import LARGEST_MESSAGE, MOST_CONNECTIONS
from tests.authority import Authority
from tests.database import Clone

from .conftest import Running, answers, free_port, wait_for

MESSAGE = b"Subject: Disk full\r\nMessage-ID: <1@example.org>\r\n\r\nHelp, \xff\x00 raw bytes stay.\r\n.leading dot\r\n"


@pytest.fixture
def smtp(start: Callable[..., Running]) -> Iterator[tuple[Running, int]]:
    port = free_port()
    running = start(FIRSTLINE_SMTP_PORT=str(port))
    wait_for(lambda: answers(port))
    yield running, port


def test_a_message_is_stored_as_it_came_for_each_source(
    smtp: tuple[Running, int], source: Callable[..., str]
) -> None:
    gateway, port = smtp
    source("mail", address="Help@example.org")
    source("mail", address="second@example.org")
    with smtplib.SMTP("127.0.0.1", port) as client:
        recipients = ["help@example.org", "help+i17-abc@example.org", "SECOND@example.org"]
        assert client.sendmail("ann@example.com", recipients, MESSAGE) == {}
    first, second = gateway.rows()
    assert {first["source_id"], second["source_id"]} == source_ids(gateway)
    assert bytes(first["body"]) == bytes(second["body"]) == MESSAGE
    assert (first["kind"], first["content_type"]) == ("mail", "message/rfc822")
    assert first["headers"]["mail_from"] == "ann@example.com"
    assert (first["headers"]["rcpt_to"], second["headers"]["rcpt_to"]) == (
        "help@example.org",
        "SECOND@example.org",
    )


def source_ids(gateway: Running) -> set[int]:
    with psycopg.connect(gateway.database) as connection:
        return {number for (number,) in connection.execute("SELECT id FROM intake_source").fetchall()}


def test_two_messages_on_one_connection_keep_their_own_recipients(
    smtp: tuple[Running, int], source: Callable[..., str]
) -> None:
    gateway, port = smtp
    source("mail", address="a@example.org")
    source("mail", address="b@example.org")
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("x@example.com", ["a@example.org"], MESSAGE)
        client.sendmail("", ["b@example.org"], MESSAGE)
    assert [row["headers"]["rcpt_to"] for row in gateway.rows()] == ["a@example.org", "b@example.org"]
    assert gateway.rows()[1]["headers"]["mail_from"] == ""


@pytest.mark.parametrize("fields", [None, {"enabled": False}, {"allowed_networks": ["10.0.0.0/8"]}])
def test_mail_for_nobody_is_refused_at_once(
    smtp: tuple[Running, int], source: Callable[..., str], fields: dict[str, object] | None
) -> None:
    gateway, port = smtp
    if fields is not None:
        source("mail", address="help@example.org", **fields)
    with smtplib.SMTP("127.0.0.1", port) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail("ann@example.com", ["help@example.org"], MESSAGE)
    assert refused.value.recipients["help@example.org"][0] == 550
    assert gateway.rows() == []


def test_a_message_that_is_too_large_is_552(smtp: tuple[Running, int], source: Callable[..., str]) -> None:
    gateway, port = smtp
    source("mail", address="help@example.org")
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo()
        assert client.docmd("MAIL", f"FROM:<a@b.c> SIZE={LARGEST_MESSAGE + 1}")[0] == 552
        client.docmd("MAIL", "FROM:<a@b.c>")
        client.docmd("RCPT", "TO:<help@example.org>")
        assert client.data((b"x" * 998 + b"\r\n") * (LARGEST_MESSAGE // 1000 + 1))[0] == 552
    assert gateway.rows() == []


def test_without_the_database_mail_is_asked_to_come_again(
    smtp: tuple[Running, int], source: Callable[..., str], cloned_database: Clone
) -> None:
    gateway, port = smtp
    source("mail", address="help@example.org")
    with (
        smtplib.SMTP("127.0.0.1", port) as client,
        psycopg.connect(
            cloned_database.url.replace(cloned_database.name, "postgres"), autocommit=True
        ) as admin,
    ):
        client.ehlo()
        client.docmd("MAIL", "FROM:<a@b.c>")
        assert client.docmd("RCPT", "TO:<help@example.org>")[0] == 250
        admin.execute(f'ALTER DATABASE "{cloned_database.name}" WITH ALLOW_CONNECTIONS false')
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [cloned_database.name],
        )
        assert client.data(MESSAGE)[0] == 451
        client.docmd("MAIL", "FROM:<a@b.c>")
        assert client.docmd("RCPT", "TO:<help@example.org>")[0] == 451
        admin.execute(f'ALTER DATABASE "{cloned_database.name}" WITH ALLOW_CONNECTIONS true')
    assert gateway.rows() == []


def test_connections_are_bounded_and_those_that_ended_are_forgotten(smtp: tuple[Running, int]) -> None:
    _, port = smtp

    def connect(stack: ExitStack) -> bytes:
        held = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        return held.recv(100)[:3]

    for _ in range(2 * MOST_CONNECTIONS):
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    for _ in range(2):
        with ExitStack() as stack:
            for _ in range(MOST_CONNECTIONS):
                wait_for(lambda stack=stack: connect(stack) == b"220")  # type: ignore[misc]
            assert connect(stack) == b"421"


@pytest.fixture
def encrypted(start: Callable[..., Running], tmp_path: Path) -> Iterator[tuple[Running, int, Authority]]:
    authority = Authority()
    port = free_port()
    certificate, key = authority.issue("localhost")
    (tmp_path / "certificate.pem").write_text(certificate + key)
    running = start(
        FIRSTLINE_SMTP_PORT=str(port), FIRSTLINE_SMTP_CERTIFICATE=str(tmp_path / "certificate.pem")
    )
    wait_for(lambda: answers(port))
    yield running, port, authority


def test_starttls_with_a_certificate_that_is_renewed(
    encrypted: tuple[Running, int, Authority], source: Callable[..., str], tmp_path: Path
) -> None:
    gateway, port, authority = encrypted
    source("mail", address="help@example.org")
    for renewal in range(2):
        context = ssl.create_default_context(cadata=authority.pem)
        with smtplib.SMTP("localhost", port) as client:
            client.ehlo()
            assert client.has_extn("starttls") and client.has_extn("8bitmime") and client.has_extn("smtputf8")
            assert client.esmtp_features["size"] == str(LARGEST_MESSAGE)
            client.starttls(context=context)
            client.ehlo()
            assert not client.has_extn("starttls") and not client.has_extn("auth")
            assert client.sendmail("ann@example.com", ["help@example.org"], MESSAGE) == {}
        assert len(gateway.rows()) == renewal + 1
        authority = Authority("another one")
        certificate, key = authority.issue("localhost")
        (tmp_path / "certificate.pem").write_text(certificate + key)
    assert bytes(gateway.rows()[0]["body"]) == MESSAGE


def test_connections_that_were_encrypted_are_forgotten_as_well(
    encrypted: tuple[Running, int, Authority],
) -> None:
    _, port, authority = encrypted
    context = ssl.create_default_context(cadata=authority.pem)
    for _ in range(MOST_CONNECTIONS + 5):
        with smtplib.SMTP("localhost", port) as client:
            client.starttls(context=context)
            assert client.ehlo()[0] == 250


def test_addresses_and_text_beyond_ascii(smtp: tuple[Running, int], source: Callable[..., str]) -> None:
    gateway, port = smtp
    source("mail", address="hilfe@example.org")
    raw = "Subject: Prüfung\r\nFrom: jörg@example.com\r\n\r\nGrüße\r\n".encode()
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo()
        options = ["SMTPUTF8", "BODY=8BITMIME"]
        assert client.sendmail("jörg@example.com", ["hilfe@example.org"], raw, mail_options=options) == {}
    (row,) = gateway.rows()
    assert (bytes(row["body"]), row["headers"]["mail_from"]) == (raw, "jörg@example.com")
