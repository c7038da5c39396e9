"""The verdict on a mail as a table, and the signs that it rests on."""

from typing import Any

import pytest

from firstline.intake.mailparse import parse
from firstline.intake.mailrules import Facts, Role, authentic, decide, number_in

CASES: list[tuple[dict[str, Any], str]] = [
    ({}, "opened"),
    ({"known": True, "unknown_allowed": False}, "opened"),
    ({"unknown_allowed": False}, "unknown_sender"),
    ({"seen_before": True}, "duplicate"),
    ({"own": True}, "loop"),
    ({"report": "bounce"}, "bounce"),
    ({"report": "complaint", "state": "new"}, "complaint"),
    ({"automatic": "Auto-Submitted: auto-generated"}, "alert"),
    ({"automatic": "Auto-Submitted: auto-replied"}, "auto_reply"),
    ({"automatic": "X-Autoreply"}, "auto_reply"),
    ({"automatic": "Precedence: bulk"}, "alert"),
    ({"sender": ""}, "alert"),
    ({"authentic": False}, "forged_sender"),
    ({"authentic": True}, "opened"),
    ({"of_sender": 30}, "rate_limited"),
    ({"state": "new"}, "comment"),
    ({"state": "resolved", "automatic": "Auto-Submitted: auto-replied"}, "comment"),
    ({"state": "on_hold", "in_thread": 30}, "rate_limited"),
    ({"state": "on_hold", "in_thread": 3, "automatic": "Precedence: bulk"}, "rate_limited"),
    ({"state": "on_hold", "in_thread": 3}, "comment"),
    ({"state": "closed"}, "closed_reply"),
    ({"state": "cancelled"}, "closed_reply"),
    ({"state": "closed", "automatic": "Precedence: bulk"}, "auto_reply"),
    ({"state": "new", "role": Role.OTHER, "unknown_allowed": False}, "comment"),
]


@pytest.mark.parametrize(("facts", "verdict"), CASES)
def test_verdicts(facts: dict[str, Any], verdict: str) -> None:
    assert decide(Facts(**{"sender": "ann@example.org", **facts})) == verdict


@pytest.mark.parametrize(
    ("head", "sign"),
    [
        ("Auto-Submitted: auto-replied (vacation)", "Auto-Submitted: auto-replied"),
        ("Auto-Submitted: no", ""),
        ("Precedence: LIST", "Precedence: list"),
        ("Precedence: first-class", ""),
        ("X-Auto-Response-Suppress: All", "X-Auto-Response-Suppress"),
        ("X-Autorespond: x", "X-Autorespond"),
        ("X-Auto-Reply-From: a@b.c", "X-Auto-Reply-From"),
        ("X-Failed-Recipients: a@b.c", "X-Failed-Recipients"),
        ("Return-Path: <>", "Return-Path: <>"),
        ("Return-Path: <a@b.c>", ""),
        ("From: Mail Delivery <MAILER-DAEMON@b.c>", "From: mailer-daemon@b.c"),
        ("From: postmaster+x@b.c", "From: postmaster+x@b.c"),
        (
            "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
            "Content-Type: multipart/report",
        ),
        ("Subject: Undelivered mail: what shall I do?", ""),
    ],
)
def test_signs_of_machines(head: str, sign: str) -> None:
    assert parse(f"{head}\n\nText\n".encode()).automatic == sign


def test_the_envelope_knows_better_than_the_header() -> None:
    raw = b"From: a@b.c\nReturn-Path: <>\n\nText"
    assert parse(raw, return_path="a@b.c").automatic == ""
    assert parse(b"From: a@b.c\n\nText", return_path="").automatic == "Return-Path: <>"


def test_a_person_who_reports_a_bounce_is_no_bounce() -> None:
    raw = b"""From: ann@example.org
Subject: Undeliverable: my mails to a customer

Since Monday my mails could not be delivered, I get 'user unknown'. Please help."""
    mail = parse(raw)
    assert (mail.bounce, mail.automatic) == (None, "")


@pytest.mark.parametrize(
    ("header", "relay", "verdict"),
    [
        ("mx.example.org; dmarc=pass", "mx.example.org", True),
        ("mx.example.org 1; spf=fail; dkim=pass header.d=x", "MX.example.org", True),
        ("mx.example.org; spf=fail smtp.mailfrom=x", "mx.example.org", False),
        ("mx.example.org; dmarc=fail; dkim=pass", "mx.example.org", False),
        ("evil.example; dmarc=pass", "mx.example.org", None),
        ("mx.example.org; none", "mx.example.org", None),
        ("mx.example.org; dmarc=fail", "", None),
    ],
)
def test_who_vouches(header: str, relay: str, verdict: bool | None) -> None:
    assert authentic((header,), relay) is verdict


def test_only_the_topmost_header_of_the_relay_counts() -> None:
    assert authentic(("mx.a; dmarc=fail", "mx.a; dmarc=pass"), "mx.a") is False


@pytest.mark.parametrize(
    ("subject", "number"),
    [("Re: [INC-000123] x", 123), ("inc-1234567", 1234567), ("INC-12", None), ("ZINC-000123", None)],
)
def test_numbers(subject: str, number: int | None) -> None:
    assert number_in(subject) == number


def test_a_mail_of_many_parts() -> None:
    raw = b"""From: =?iso-8859-1?q?J=F6rg?= <joerg@example.org>
To: help@example.org, "B, C" <b@example.org>
Subject: =?utf-8?b?RHLDvGNrdCBuaWNodA==?=
Message-ID: <1@x>
In-Reply-To: <parent@x>
References: <root@x> <parent@x>
Date: Mon, 02 Mar 2026 10:00:00 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: multipart/alternative; boundary=i

--i
Content-Type: text/plain; charset=iso-8859-15
Content-Transfer-Encoding: quoted-printable

Kostet 5 =A4
--i
Content-Type: text/html

<p>Kostet <b>viel</b></p>
--i--
--o
Content-Type: image/png; name="..\\..\\e vil.png"
Content-Transfer-Encoding: base64
Content-Disposition: attachment

iVBORw0KGgo=
--o
Content-Type: message/rfc822

Subject: inner

Inner text
--o--
"""
    mail = parse(raw)
    assert (mail.sender_name, mail.sender, mail.subject) == ("Jörg", "joerg@example.org", "Drückt nicht")
    assert mail.text.strip() == "Kostet 5 €"
    assert mail.replies_to == ("parent@x", "root@x")
    assert mail.recipients == ("help@example.org", "b@example.org")
    assert [(each.name, each.content_type) for each in mail.attachments] == [
        ("e vil.png", "image/png"), ("message.eml", "message/rfc822"),
    ]  # fmt: skip
    assert mail.attachments[0].content == b"\x89PNG\r\n\x1a\n"
    assert b"Inner text" in mail.attachments[1].content
    assert mail.sent_at is not None and mail.sent_at.isoformat() == "2026-03-02T09:00:00+00:00"


def test_html_alone_is_read_with_its_quotations() -> None:
    raw = b"Content-Type: text/html\n\n<style>x{}</style><p>New</p><blockquote><div>Old</div><div>er</div></blockquote>"
    mail = parse(raw)
    assert mail.text == "New\n\n> Old\n> er"
    assert (mail.folded.visible, mail.folded.rest) == ("New", "> Old\n> er")


def test_a_mail_without_message_id_still_comes_once() -> None:
    raw = b"From: a@b.c\n\nText"
    assert parse(raw).message_id == parse(raw).message_id != parse(raw + b"!").message_id
