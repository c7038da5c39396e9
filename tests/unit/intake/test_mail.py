"""One message → a new incident, a comment, or a stored verdict why neither."""

from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from firstline.accounts.models import Membership, Person, SupportGroup
from firstline.core import blobs, installation
from firstline.core.actor import Actor
from firstline.core.content import texts
from firstline.core.models import Due
from firstline.incidents import actions as incidents
from firstline.incidents.models import Attachment, Comment, Incident, Watcher
from firstline.intake import mailtriage
from firstline.intake.models import MailMessage, Source
from firstline.notifications.channels.email.addresses import message_id, reply_address, thread_id
from firstline.notifications.models import Delivery, Message
from firstline.oncall.models import Page
from tests.unit.intake.inboxes import Inbox


class Desk:
    """A mail source and what people send to it."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.source: Source = inbox.source("mail", address="help@example.org")
        self.sent = 0

    def send(
        self,
        sender: str,
        subject: str,
        text: str,
        *,
        to: str = "help@example.org",
        files: dict[str, bytes] | None = None,
        **headers: str,
    ) -> MailMessage:
        self.sent += 1
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, to, subject
        mail["Message-ID"] = f"<m{self.sent}@client.example>"
        for name, value in headers.items():
            name = name.replace("_", "-")
            del mail[name]
            mail[name] = value
        mail.set_content(text)
        for filename, content in (files or {}).items():
            mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=filename)
        self.raw(mail.as_bytes(), to=to)
        return MailMessage.objects.latest("id")

    def raw(
        self, message: bytes, *, to: str = "help@example.org", mail_from: str | None = "ann@example.org"
    ) -> None:
        envelope = {"rcpt_to": to} | ({} if mail_from is None else {"mail_from": mail_from})
        self.inbox.put(self.source, message, kind="mail", headers=envelope, content_type="message/rfc822")
        self.inbox.drain()

    def incident(self, **fields: Any) -> Incident:
        ann = Person.objects.get_or_create(
            email="ann@example.org", defaults={"name": "Ann", "created_at": self.inbox.now}
        )[0]
        return incidents.register_one(
            incidents.Report(
                title="Printer", channel="portal", received_at=self.inbox.now, caller_id=ann.id, **fields
            ),
            actor=Actor.person(ann.id),
            now=self.inbox.now,
        )

    def hold(self, incident: Incident) -> None:
        incidents.hold(
            incident.id,
            reason="caller",
            comment="Which printer?",
            actor=Actor.system("test"),
            now=self.inbox.now,
            look_again_at=self.inbox.now + timedelta(days=2),
        )


@pytest.fixture
def desk(inbox: Inbox) -> Desk:
    return Desk(inbox)


def said(comment: Comment) -> str:
    return texts([comment.content_id])[comment.content_id]


def test_a_person_opens_an_incident_with_files(desk: Desk) -> None:
    kept = desk.send(
        "Ann <ann@example.org>", "No printing", "Since this morning.", files={"a.png": b"\x89PNG\r\n\x1a\n.."}
    )
    incident = Incident.objects.get()
    assert kept.verdict == "opened" and kept.incident_id == incident.id
    assert incident.caller is not None
    assert (
        incident.title,
        incident.description,
        incident.channel,
        incident.caller.email,
        incident.caller.name,
    ) == (
        "No printing",
        "Since this morning.",
        "e-mail",
        "ann@example.org",
        "Ann",
    )
    assert Attachment.objects.get().blob.content_type == "image/png"
    assert kept.raw_blob_id is not None
    assert b"Since this morning." in b"".join(blobs.read(kept.raw_blob_id))


def test_an_unknown_sender_only_where_allowed(desk: Desk) -> None:
    installation.put("unknown_senders", False, actor=Actor.system("test"), now=desk.inbox.now)
    assert desk.send("x@elsewhere.example", "Hello", "Hi").verdict == "unknown_sender"
    assert not Incident.objects.exists() and not Person.objects.exists()


def test_the_same_message_twice_is_one(desk: Desk) -> None:
    raw = b"From: ann@example.org\nTo: help@example.org\nMessage-ID: <once@x>\nSubject: Once\n\nText"
    desk.raw(raw)
    desk.raw(raw)
    assert Incident.objects.count() == 1 and MailMessage.objects.count() == 1


@pytest.mark.parametrize("way", ["reply_address", "sent", "number"])
def test_three_ways_into_the_conversation(desk: Desk, way: str) -> None:
    incident = desk.incident()
    to, subject, headers = "help@example.org", "Re: your report", {}
    if way == "reply_address":
        to = reply_address(incident.id, incident.caller_id)
    elif way == "sent":
        told = Message.objects.create(
            kind="answered", subject_id=incident.id, subject="s", body="b", created_at=desk.inbox.now
        )
        Delivery.objects.create(
            message=told,
            channel="email",
            address="ann@example.org",
            idempotency_key="k",
            due_at=desk.inbox.now,
            mail_id=message_id("k"),
        )
        headers = {"In-Reply-To": message_id("k")}
    else:
        subject = f"Re: [{incident.number}] Printer"
    kept = desk.send(
        "ann@example.org", subject, "It works.\n\nOn 1 Nov 2026, Help wrote:\n> Fixed?", to=to, **headers
    )
    assert (kept.verdict, kept.why["threaded_by"], kept.why["role"]) == ("comment", way, "caller")
    comment = Comment.objects.get()
    assert (said(comment), comment.third_party, comment.automatic) == ("It works.", False, False)
    assert comment.quoted is not None and "Fixed?" in comment.quoted.body


def test_a_forged_reply_address_is_no_way_in(desk: Desk) -> None:
    incident = desk.incident()
    forged = reply_address(incident.id, incident.caller_id)[:-20] + "0@example.org"
    assert desk.send("eve@example.net", "Re: hi", "let me in", to=forged).verdict == "opened"
    assert not Comment.objects.exists()


def test_the_number_of_somebody_elses_incident_opens_a_new_one(desk: Desk) -> None:
    incident = desk.incident()
    for subject, headers in ((incident.number, {}), ("x", {"References": thread_id(incident.id)})):
        kept = desk.send("eve@example.net", subject, "What is this?", **headers)
        assert kept.verdict == "opened" and kept.incident_id != incident.id


def test_a_reply_resumes_what_waits_for_the_caller_and_an_automatic_one_never(desk: Desk) -> None:
    incident = desk.incident()
    desk.hold(incident)
    kept = desk.send("ann@example.org", incident.number, "I am away", Auto_Submitted="auto-replied")
    incident.refresh_from_db()
    assert (kept.verdict, kept.automatic, incident.state) == ("comment", True, "on_hold")
    desk.send("ann@example.org", incident.number, "The one in room 3")
    incident.refresh_from_db()
    assert incident.state != "on_hold"


def test_a_reply_on_resolved_stops_auto_close_and_does_not_reopen(desk: Desk) -> None:
    incident = desk.incident()
    incidents.resolve(
        incident.id, code="fixed", notes="Done.", actor=Actor.system("test"), now=desk.inbox.now
    )
    desk.send("ann@example.org", incident.number, "Thanks!")
    incident.refresh_from_db()
    assert (incident.state, incident.stop_auto_close) == ("resolved", True)


def test_third_parties_are_flagged_and_change_nothing(desk: Desk) -> None:
    incident = desk.incident()
    desk.hold(incident)
    kept = desk.send("bob@example.org", "Re", "Me as well", to=reply_address(incident.id, incident.caller_id))
    incident.refresh_from_db()
    assert (kept.why["role"], incident.state) == ("other", "on_hold")
    comment = Comment.objects.latest("id")
    assert comment.third_party and comment.author_id is None and comment.from_address == "bob@example.org"


def test_a_watcher_takes_part(desk: Desk) -> None:
    incident = desk.incident()
    bob = Person.objects.create(email="bob@example.org", name="Bob", created_at=desk.inbox.now)
    Watcher.objects.create(incident=incident, person=bob)
    assert desk.send("bob@example.org", incident.number, "Same here").why["role"] == "caller"


def test_a_colleague_speaks_for_us_only_with_proof(desk: Desk) -> None:
    incident = desk.incident()
    group = SupportGroup.objects.get(catch_all=True)
    agent = Person.objects.create(
        email="agent@example.org", name="Agent", roles=["agent"], created_at=desk.inbox.now
    )
    Membership.objects.create(group=group, person=agent)
    assert desk.send("agent@example.org", incident.number, "Hand me your password").why["role"] == "other"
    kept = desk.send("agent@example.org", "Re", "On my way", to=reply_address(incident.id, agent.id))
    assert kept.why["role"] == "staff"
    incident.refresh_from_db()
    assert incident.first_response_at is not None


def test_a_reply_on_closed_waits_and_becomes_a_recurrence(desk: Desk) -> None:
    incident = desk.incident()
    Incident.objects.filter(id=incident.id).update(state="closed", closed_at=desk.inbox.now)
    kept = desk.send("ann@example.org", incident.number, "Broken again")
    assert kept.verdict == "closed_reply" and not Comment.objects.exists()
    assert Due.objects.filter(kind="mail.closed_reply", subject_id=kept.id).exists()
    assert mailtriage.run(desk.inbox.now) == 0
    assert mailtriage.run(desk.inbox.pass_time(hours=4)) == 1
    new = Incident.objects.exclude(id=incident.id).get()
    assert (new.title, new.description) == ("Printer", "Broken again")
    assert new.links.get().other_id == incident.id


def test_a_reply_on_closed_filed_as_comment(desk: Desk) -> None:
    incident = desk.incident()
    Incident.objects.filter(id=incident.id).update(state="closed", closed_at=desk.inbox.now)
    kept = desk.send("ann@example.org", incident.number, "Thanks to all")
    comment = mailtriage.file_as_comment(kept.id, actor=Actor.system("test"), now=desk.inbox.now)
    incident.refresh_from_db()
    assert (said(comment), incident.state) == ("Thanks to all", "closed")
    assert mailtriage.run(desk.inbox.pass_time(hours=5)) == 0


def test_loops_end_here(desk: Desk) -> None:
    incident = desk.incident()
    ours = message_id("key")
    assert desk.send("ann@example.org", incident.number, "x", **{"Message-ID": ours}).verdict == "loop"
    assert (
        desk.send("ann@example.org", "Out of office", "x", Auto_Submitted="auto-replied").verdict
        == "auto_reply"
    )
    verdicts = [
        desk.send(
            "robot@example.net", "Re", "beep", to=reply_address(incident.id, None), Precedence="bulk"
        ).verdict
        for _ in range(4)
    ]
    assert verdicts == ["comment", "comment", "comment", "rate_limited"]


def test_a_flood_of_one_sender_is_limited(desk: Desk) -> None:
    verdicts = [desk.send("ann@example.org", f"Mail {n}", "x").verdict for n in range(32)]
    assert verdicts.count("opened") == 30 and verdicts[-1] == "rate_limited"


def test_a_monitor_that_writes_mail_has_one_incident(desk: Desk) -> None:
    for n in (81, 82, 83):
        kept = desk.send(
            "nagios@example.org", f"Disk at {n} %", "df says so", Auto_Submitted="auto-generated"
        )
        assert kept.verdict == "alert"
    incident = Incident.objects.get()
    assert (incident.channel, incident.caller_id) == ("monitoring", None)
    assert desk.inbox.spans(desk.source)[0].count == 3


BOUNCE = b"""From: MAILER-DAEMON@mx.example\nTo: help@example.org\nSubject: Undelivered\nMessage-ID: <b@mx>
Content-Type: multipart/report; report-type=delivery-status; boundary="x"\nMIME-Version: 1.0

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; ann@example.org
Action: failed
Status: 5.1.1

--x
Content-Type: text/rfc822-headers

Message-ID: %s

--x--
"""


@pytest.mark.parametrize("ours", [True, False])
def test_a_bounce_marks_the_address_of_a_mail_that_we_sent(desk: Desk, ours: bool) -> None:
    incident = desk.incident()
    told = Message.objects.create(
        kind="answered", subject_id=incident.id, subject="s", body="b", created_at=desk.inbox.now
    )
    Delivery.objects.create(
        message=told,
        channel="email",
        address="ann@example.org",
        idempotency_key="k",
        due_at=desk.inbox.now,
        mail_id=message_id("k"),
    )
    desk.raw(BOUNCE % (message_id("k") if ours else "<made@up>").encode(), mail_from="")
    kept = MailMessage.objects.get()
    assert kept.verdict == "bounce" and not Comment.objects.exists()
    assert (Person.objects.get(email="ann@example.org").email_bounced_at is not None) is ours


def test_a_sender_that_the_relay_denies_opens_nothing(desk: Desk) -> None:
    desk.source.settings = {"trusted_relay": "mx.example.org"}
    desk.source.save()
    denied = desk.send(
        "ann@example.org", "Pay this", "now", Authentication_Results="mx.example.org; dmarc=fail"
    )
    vouched = desk.send("ann@example.org", "Help", "me", Authentication_Results="mx.example.org; dmarc=pass")
    own_word = desk.send("ann@example.org", "Help", "me", Authentication_Results="evil.example; dmarc=fail")
    assert [denied.verdict, vouched.verdict, own_word.verdict] == ["forged_sender", "opened", "opened"]


def test_a_broken_message_is_kept_as_well(desk: Desk) -> None:
    desk.raw(b"\xff\xfe\x00 no header at all", mail_from=None)
    assert MailMessage.objects.get().verdict == "alert"
    assert Incident.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "verdict", "public"),
    [("ack", "page_answer", None), ("I think it is the disk", "comment", False)],
)
def test_an_answer_to_a_page(desk: Desk, text: str, verdict: str, public: bool | None) -> None:
    incident = desk.incident()
    agent = Person.objects.create(
        email="agent@example.org", name="Agent", roles=["agent"], created_at=desk.inbox.now
    )
    page = page_of(incident, agent)
    told = Message.objects.create(
        kind="page", subject_id=incident.id, subject="s", body="b", created_at=desk.inbox.now
    )
    Delivery.objects.create(
        message=told, channel="email", address=agent.email, idempotency_key="p", due_at=desk.inbox.now,
        mail_id=message_id("p"), page_id=page.id, person=agent,
    )  # fmt: skip
    kept = desk.send(agent.email, "Re: page", text, **{"In-Reply-To": message_id("p")})
    incident.refresh_from_db()
    assert kept.verdict == verdict
    assert (incident.acknowledged_at is not None) is (verdict == "page_answer")
    assert [comment.public for comment in Comment.objects.all()] == ([] if public is None else [public])


def page_of(incident: Incident, person: Person) -> Page:
    at = incident.registered_at
    return Page.objects.create(incident_id=incident.id, person=person, due_at=at, created_at=at, key="p")


def test_a_stranger_who_answers_a_closed_mail_does_not_learn_its_title(desk: Desk) -> None:
    incident = desk.incident()
    Incident.objects.filter(id=incident.id).update(state="closed", closed_at=desk.inbox.now)
    stranger = Person.objects.create(
        email="eve@example.org", name="Eve", created_at=desk.inbox.now, email_verified_at=desk.inbox.now
    )
    desk.send("eve@example.org", "Me as well", "What was it?", to=reply_address(incident.id, 0))
    mailtriage.run(desk.inbox.pass_time(hours=4))
    new = Incident.objects.exclude(id=incident.id).get()
    assert (new.caller, new.title) == (stranger, "Me as well")


def test_a_mail_of_a_machine_without_a_domain_is_not_lost(desk: Desk) -> None:
    desk.send("root@mon01", "Disk full on mon01", "95 % of /var")
    assert Incident.objects.filter(title="Disk full on mon01").exists()
