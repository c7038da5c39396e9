"""What a mail must not be able to do: silence another, loop, miss what was merged away, mark an address that lives."""

from typing import Any

import pytest

from firstline.accounts.models import Person
from firstline.core.actor import Actor
from firstline.incidents import actions as incidents
from firstline.incidents.models import Comment, Incident
from firstline.intake.automatic import is_auto_reply
from firstline.intake.mailfiles import chosen
from firstline.intake.mailparse import MailAttachment, parse
from firstline.intake.models import MailMessage
from firstline.notifications.channels.email.addresses import loop_mark, message_id, reply_address
from firstline.notifications.models import Delivery, Message
from tests.unit.intake.inboxes import Inbox
from tests.unit.intake.test_mail import Desk
from tests.unit.intake.tnef import winmail

MAKER = Actor.system("test")


@pytest.fixture
def desk(inbox: Inbox) -> Desk:
    return Desk(inbox)


def test_nobody_silences_a_mail_by_writing_first_under_its_message_id(desk: Desk) -> None:
    known = {"Message-ID": "<known-before@client.example>"}
    desk.send("eve@example.net", "Ignore the next one", "x", **known)
    kept = desk.send("ann@example.org", "The server burns", "Really", **known)
    assert kept.verdict == "opened"
    assert sorted(Incident.objects.values_list("title", flat=True)) == [
        "Ignore the next one",
        "The server burns",
    ]


def test_even_under_a_forged_sender_the_words_are_not_lost(desk: Desk) -> None:
    known = {"Message-ID": "<known-before@client.example>"}
    desk.send("ann@example.org", "Nothing", "x", **known)
    kept = desk.send("ann@example.org", "The server burns", "Really", **known)
    assert (kept.verdict, kept.why["threaded_by"]) == ("comment", "received")
    assert Comment.objects.get().incident == Incident.objects.get()


def test_the_same_message_by_another_way_is_counted(desk: Desk) -> None:
    raw = b"From: ann@example.org\nTo: help@example.org\nMessage-ID: <once@x>\nSubject: Once\n\nText"
    desk.raw(raw)
    desk.raw(b"Received: from a list\n" + raw + b"  \n")
    assert MailMessage.objects.get().why["copies"] == 1


def test_a_reply_follows_a_chain_of_merges_to_its_end(desk: Desk) -> None:
    first, second, last = (desk.incident() for _ in range(3))
    incidents.merge(first.id, second.id, actor=MAKER, now=desk.inbox.now)
    incidents.merge(second.id, last.id, actor=MAKER, now=desk.inbox.now)
    kept = desk.send("ann@example.org", f"Re: {first.number}", "More of it")
    assert (kept.verdict, kept.incident_id) == ("comment", last.id)


@pytest.mark.parametrize(
    ("head", "reply"),
    [
        ("Auto-Submitted: auto-generated\nSubject: Automatic reply: your mail", True),
        ("X-Auto-Response-Suppress: All\nSubject: Abwesenheitsnotiz: x", True),
        ("Subject: Out of Office: x", True),
        ("Subject: Out of office\nIn-Reply-To: <a@b>", True),
        ("Subject: Réponse automatique : x", True),
        ("Subject: =?utf-8?b?6Ieq5YuV5b+c562UOiB4?=", True),
        ("Auto-Submitted: auto-replied", True),
        ("X-Autoreply: yes", True),
        ("Subject: Out of office toner", False),
        ("Subject: Auto reply does not work", False),
        ("X-Autoreply: no", False),
        ("X-Auto-Response-Suppress: All\nSubject: Disk full on web1", False),
        ("Auto-Submitted: auto-generated\nSubject: Disk full", False),
    ],
)
def test_what_is_an_automatic_answer(head: str, reply: bool) -> None:
    assert is_auto_reply(parse(f"From: ann@example.org\n{head}\n\nText".encode()).automatic) is reply


def test_a_monitor_that_asks_not_to_be_answered_opens_its_incident(desk: Desk) -> None:
    kept = desk.send("alerts@cloud.example", "Quota reached", "90 %", X_Auto_Response_Suppress="All")
    assert kept.verdict == "alert" and Incident.objects.get().caller_id is None


@pytest.mark.parametrize(
    ("sender", "reply_to", "verdict"),
    [("no-reply@shop.example", "", "alert"), ("noreply@web.example", "ann@example.org", "opened"),
     ("noreply@web.example", "donotreply@web.example", "alert"), ("noel@example.org", "", "opened")],
)  # fmt: skip
def test_who_reads_no_answers_gets_none(desk: Desk, sender: str, reply_to: str, verdict: str) -> None:
    headers = {"Reply-To": reply_to} if reply_to else {}
    assert desk.send(sender, "Form", "Text", **headers).verdict == verdict


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"X_Auto_Response_Suppress": "OOF"},
     {"X_Autorespond": "1"}, {"Subject": "Automatic reply: x"}, {"Return_Path": "<>"}],
)  # fmt: skip
def test_a_vacation_responder_changes_nothing(desk: Desk, headers: dict[str, str]) -> None:
    """Neither on hold nor resolved, whatever it says and wherever it answers to."""
    incident = desk.incident()
    to = reply_address(incident.id, incident.caller_id)
    desk.hold(incident)
    desk.raw(
        b"From: ann@example.org\nMessage-ID: <away1@x>\n"
        + "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items()).encode()
        + f"In-Reply-To: {message_id('k')}\n\n1a".encode(),
        to=to, mail_from=None,
    )  # fmt: skip
    incident.refresh_from_db()
    assert (incident.state, incident.caller_replied_at) == ("on_hold", None)
    assert MailMessage.objects.get().automatic and Comment.objects.latest("id").automatic
    incidents.resume([incident.id], actor=MAKER, now=desk.inbox.now)
    incidents.resolve(incident.id, code="fixed", notes="Done.", actor=MAKER, now=desk.inbox.now)
    desk.send("ann@example.org", "Automatic reply", "I am away", to=to, Auto_Submitted="auto-replied")
    incident.refresh_from_db()
    assert (incident.state, incident.stop_auto_close) == ("resolved", False)


def test_our_own_mark_is_a_loop_and_anothers_is_a_machine(desk: Desk) -> None:
    ours = desk.send("help@example.org", "x", "x", X_Firstline_Loop=loop_mark())
    other = desk.send("help@other.example", "Your report", "x", X_Firstline_Loop="0123456789@localhost")
    assert (ours.verdict, other.verdict, other.why["automatic"]) == ("loop", "alert", "X-Firstline-Loop")


REPORT = """From: MAILER-DAEMON@mx.example
To: help@example.org
Subject: Undelivered
Message-ID: <b{number}@mx>
Content-Type: multipart/report; report-type=delivery-status; boundary="x"
MIME-Version: 1.0

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; ann@example.org
Action: failed
Status: {status}
Diagnostic-Code: smtp; {said}

--x
Content-Type: text/rfc822-headers

Message-ID: {original}

--x--
"""


@pytest.mark.parametrize(
    ("status", "said", "gone"),
    [
        ("5.1.1", "550 5.1.1 User unknown", True),
        ("5.0.0", "550 No such user here", True),
        ("5.1.2", "Host or domain name not found", True),
        ("5.2.2", "552 5.2.2 Mailbox full", False),
        ("5.7.1", "554 5.7.1 Message rejected as spam", False),
        ("5.7.26", "550 5.7.26 SPF and DKIM did not pass", False),
        ("5.3.4", "552 message size exceeds limit", False),
    ],
)
def test_only_a_dead_address_is_marked(desk: Desk, status: str, said: str, gone: bool) -> None:
    """A full mailbox and a spam filter lose this mail; the next one may arrive, and a page must still be tried."""
    incident = desk.incident()
    told = Message.objects.create(
        kind="x", subject_id=incident.id, subject="s", body="b", created_at=desk.inbox.now
    )
    delivery = Delivery.objects.create(
        message=told, channel="email", address="ann@example.org", idempotency_key="k", due_at=desk.inbox.now,
        mail_id=message_id("k"), state="delivered",
    )  # fmt: skip
    raw = REPORT.format(number=1, status=status, said=said, original=message_id("k"))
    desk.raw(raw.encode(), mail_from="")
    assert MailMessage.objects.get().verdict == "bounce"
    assert (Person.objects.get(email="ann@example.org").email_bounced_at is not None) is gone
    delivery.refresh_from_db()
    assert delivery.state == "failed"


def attachment(name: str, content: bytes = b"x") -> MailAttachment:
    return MailAttachment(name=name, content_type="application/octet-stream", content=content)


def test_files_are_bounded_by_count_size_and_type() -> None:
    found = chosen(
        [
            attachment("a.pdf.exe"),
            attachment("holiday.jpg", b"MZ\x90"),
            attachment("script.VBS "),
            attachment("ok.txt"),
        ]
        + [attachment(f"{n}.txt") for n in range(30)]
    )
    assert [each.name for each in found.taken][:2] == ["ok.txt", "0.txt"] and len(found.taken) == 20
    assert [(each.name, each.reason) for each in found.left_out][:3] == [
        ("a.pdf.exe", "type"), ("holiday.jpg", "type"), ("script.VBS ", "type"),
    ]  # fmt: skip
    assert found.left_out[3].reason == "count"


def test_a_comment_with_files_on_a_full_incident_is_not_lost(desk: Desk) -> None:
    incident = desk.incident()
    for number in range(50):
        incidents.attach(incident.id, f"{number}.txt", [b"x"], actor=MAKER, now=desk.inbox.now)
    kept = desk.send("ann@example.org", incident.number, "One more", files={"late.txt": b"x"})
    assert (kept.verdict, kept.why["left_out"]) == ("comment", [["late.txt", "room"]])


def test_winmail_dat_is_opened(desk: Desk) -> None:
    raw: dict[str, Any] = {"winmail.dat": winmail([(0x1E, 0x1000, b"Inside\0")], {"plan.pdf": b"%PDF-1"})}
    desk.send("ann@example.org", "From Outlook", "Outside", files=raw)
    incident = Incident.objects.get()
    assert [each.blob.filename for each in incident.attachments.all()] == ["plan.pdf"]
