"""Mail that somebody broke: real mails, cut, mixed and poisoned. Each is read and decided about, and can be stored."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.incidents.models import Incident
from firstline.intake.mailalert import letter_of
from firstline.intake.mailfiles import chosen
from firstline.intake.mailparse import Mail, parse
from firstline.intake.mailrules import Facts, Role, Verdict, authentic, decide
from firstline.intake.models import MailMessage
from firstline.intake.sources.mail.templates import recognise, signal_of
from firstline.intake.sources.mail.tools import TOOLS
from firstline.intake.winmail import unpacked
from tests.effort import cases
from tests.unit.intake.inboxes import fresh_inbox
from tests.unit.intake.tnef import compressed, winmail

AT = datetime(2026, 11, 24, 3, tzinfo=UTC)
OWN = [
    b"From: Ann <ann@example.org>\nTo: help@example.org\nSubject: =?utf-8?q?Dr=C3=BCcker?=\nMessage-ID: <1@x>\n"
    b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/plain; charset=utf-8\n\n"
    b"Hello\n\nOn 1 May 2026, Bob wrote:\n> hi\n\n--o\nContent-Type: application/ms-tnef; name=winmail.dat\n\n"
    + winmail([(0x102, 0x1009, compressed(rb"{\rtf1 Hello \'fc\par}"))], {"a.txt": b"text"})
    + b"\n--o\nContent-Type: message/rfc822\n\nSubject: inner\n\nInner\n--o--\n",
    b"From: nagios@mon1\nSubject: ** PROBLEM Service Alert: web1/HTTP is CRITICAL **\n\nHost: web1\nState: CRITICAL\n",
    b"From: a@b.c\nSubject: Invited\nContent-Type: text/calendar\n\nBEGIN:VEVENT\nSUMMARY:x\\, y\nEND:VEVENT\n",
]
POISON = [
    b"\x00", b"\xff\xfe", b"\n\n", b"\r", b"--o\n", b"--o--", b"Content-Type: multipart/mixed; boundary=\"\"\n",
    b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: x-uuencode\n", b"=?utf-16?b?/////w==?=",
    b"=?iso-2022-jp?b?GyRC?=", b"charset=\"utf-7\"", b"charset*=utf-8''%ff", b"<" * 200, b">" * 500, b"(" * 300,
    b"\xed\xa0\x80", "\u202e\u0000ẞ".encode(), b"From: =?x?=", b"Date: Mon, 99 Foo 99999 99:99:99 +9999\n",
    b"Message-ID: " + b"x" * 3000 + b"\n", b"References: " + b"<a@b> " * 500 + b"\n", b"INC-999999999999999999",
    b"Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822;\n", b"{" * 50, b"<div>" * 300,
    b"Content-Disposition: attachment; filename=\"../../../etc/passwd\"\n", b"\xf0\x9f\x92\xa9" * 50,
]  # fmt: skip


class Seeds:
    """The mails to break; shown by their number, not by a megabyte of text."""

    def __init__(self, mails: tuple[bytes, ...]) -> None:
        self.mails = mails

    def __repr__(self) -> str:
        return f"<{len(self.mails)} mails>"


@lru_cache(maxsize=1)
def _seeds(folder: str) -> tuple[bytes, ...]:
    place = Path(folder)
    manifest = json.loads((place / "manifest.json").read_text())
    names = sorted(entry["file"] for entry in manifest if entry["task"].startswith("classify"))
    return (*OWN, *((place / name).read_bytes()[:20_000] for name in names))


@pytest.fixture(scope="module")
def seeds(shared_data: Path) -> Seeds:
    return Seeds(_seeds(str(shared_data / "data" / "emails")))


def broken(mails: tuple[bytes, ...], number: int) -> bytes:
    """One of the mails with a few things done to it."""
    chance = Random(number)
    raw = bytearray(chance.choice(mails if chance.random() < 0.7 else OWN))
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(raw) + 1)
        what = chance.randrange(6)
        if what == 0:
            raw[at:at] = chance.choice(POISON)
        elif what == 1:
            del raw[at : at + chance.randint(1, 200)]
        elif what == 2:
            raw[at : at + 1] = bytes([chance.randrange(256)])
        elif what == 3:
            other = chance.choice(mails)
            begin = chance.randrange(len(other))
            raw[at:at] = other[begin : begin + chance.randint(1, 400)]
        elif what == 4:
            raw[at:at] = raw[max(0, at - 100) : at]
        else:
            del raw[at:]
    return bytes(raw)


def check(raw: bytes) -> None:
    mail = parse(raw)
    texts = [mail.subject, mail.text, mail.sender, mail.message_id, mail.folded.visible, mail.folded.rest]
    texts += [each.name for each in mail.attachments] + [each.content_type for each in mail.attachments]
    for text in texts:
        assert "\x00" not in text
        text.encode("utf-8")
    assert 0 < len(mail.message_id) <= 512 and len(mail.sender) <= 254
    assert len(mail.fingerprint) == 64
    files = chosen(mail.attachments)
    assert len(files.taken) + len(files.left_out) + files.more == len(mail.attachments)
    assert isinstance(decide(facts(mail)), Verdict)
    letter = letter_of(mail)
    found = recognise(letter, TOOLS)
    if found is not None:
        signal = signal_of(found, letter, occurred_at=AT, row=1)
        assert signal.title and 0 < len(signal.key) <= 512


def facts(mail: Mail) -> Facts:
    return Facts(
        report=mail.bounce.kind if mail.bounce else "",
        automatic=mail.automatic,
        state="new" if mail.replies_to else "",
        role=Role.OTHER,
        sender=mail.sender,
        authentic=authentic(mail.authentication, "mx.example.org"),
    )


@settings(
    max_examples=cases(2_000, 50_000), deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(number=st.integers(min_value=0, max_value=2**40))
def test_broken_mails_are_read_and_decided_about(seeds: Seeds, number: int) -> None:
    check(broken(seeds.mails, number))


@settings(max_examples=cases(300, 5_000), deadline=None)
@given(raw=st.binary(max_size=300), at=st.integers(min_value=0, max_value=2000), cut=st.booleans())
def test_any_winmail(raw: bytes, at: int, cut: bool) -> None:
    """A broken one is None, and nothing else is raised."""
    whole = winmail([(0x102, 0x1009, compressed(rb"{\rtf1 Hello \'fc\u8364?\par}"))], {"a.txt": b"text"})
    mixed = whole[: at % len(whole)] + raw + (b"" if cut else whole[at % len(whole) :])
    found = unpacked(mixed)
    assert found is None or found.text or found.files


@pytest.mark.django_db
def test_some_of_them_to_their_end_in_the_database(seeds: Seeds) -> None:
    """Every mail leaves a verdict, and none ends as a row that could not be read."""
    inbox = fresh_inbox()
    source = inbox.source("mail", address="help@example.org")
    number = cases(60, 1_500)
    for each in range(number):
        inbox.put(source, broken(seeds.mails, 10_000 + each), kind="mail", content_type="message/rfc822")
    while inbox.drain():
        pass
    states = [(state, error) for state, error, _signals in inbox.rows(source) if state != "done"]
    assert states == []
    copies = sum(int(why.get("copies", 0)) for why in MailMessage.objects.values_list("why", flat=True))
    assert MailMessage.objects.count() + copies == number
    assert Incident.objects.exists()
