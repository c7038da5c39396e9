"""A mail that came in → what becomes of it, carried out and kept (`MailMessage`). The raw message is always kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from firstline.accounts import actions as accounts
from firstline.accounts.models import Person
from firstline.catalog.calendar import NeverOpens, add_working_time
from firstline.catalog.queries import calendar_at
from firstline.core import blobs, due, installation
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.core.locks import lock
from firstline.incidents import actions as incidents
from firstline.incidents.actions import Report
from firstline.incidents.actions.talking import MAX_FILES
from firstline.incidents.actions.writing import locked
from firstline.incidents.models import Attachment, Comment, Incident
from firstline.intake import mailparse
from firstline.intake.bounces import Bounce
from firstline.intake.ingest import ingest
from firstline.intake.mailalert import letter_of, plain_signal, recognised
from firstline.intake.mailfiles import Chosen, chosen
from firstline.intake.mailparse import Mail
from firstline.intake.mailrules import Facts, Role, Verdict, authentic, decide
from firstline.intake.mailthread import Found, incident_of, role_of
from firstline.intake.models import AlertSpan, MailMessage, Source
from firstline.intake.signal import SignalKind
from firstline.intake.sources.mail.templates import Recognised, signal_of
from firstline.intake.sources.parsing import Received, headline
from firstline.notifications.channels.email.addresses import is_own, loop_mark
from firstline.notifications.models import Delivery
from firstline.notifications.telling import tell_people
from firstline.oncall.actions import answer_by_reply, bounced

KIND = "mail"
HOUR = timedelta(hours=1)
CLOSED_REPLY = "mail.closed_reply"
RAW_LIMIT = 64 * 1024 * 1024
FILE_AFTER = timedelta(hours=4)  # working time in which a person may decide about a reply on what is closed


@dataclass(slots=True)
class Arrived:
    """A mail with what was found out about it, and what came of it."""

    source: Source
    row: Received
    mail: Mail
    sender: Person | None
    found: Found | None
    facts: Facts
    tool: Recognised | None = None
    signal: SignalKind | None = None
    incident: Incident | None = None
    comment: Comment | None = None
    files: Chosen | None = None


def take(source: Source, row: Received, *, now: datetime) -> MailMessage | None:
    """Carry out what becomes of one raw mail. The same message again is counted, and nothing else happens (None)."""
    mail = mailparse.parse(row.body, return_path=row.headers.get("mail_from"))
    lock(f"mail:{mail.message_id}")  # the same mail may come to two of our addresses at once
    if (before := _same_message(mail)) is not None:
        before.why = {**before.why, "copies": int(before.why.get("copies", 0)) + 1}
        before.save(update_fields=["why"])
        return None
    arrived = examined(source, row, mail)
    verdict = carried_out(arrived, now)
    kept = MailMessage.objects.create(
        source=source,
        message_id=mail.message_id,
        fingerprint=mail.fingerprint,
        received_at=row.received_at,
        from_address=mail.sender,
        subject=mail.subject,
        raw_blob_id=_raw_blob(arrived, now),
        automatic=bool(mail.automatic),
        bounce=mail.bounce is not None,
        **outcome(arrived, verdict),
    )
    wait_for_person(kept, arrived, verdict, now)
    return kept


def _same_message(mail: Mail) -> MailMessage | None:
    """One with this Message-ID that says the same. The Message-ID alone proves nothing: whoever knows it could write
    first under it, and somebody else's mail would be lost.
    """
    rows = MailMessage.objects.filter(message_id=mail.message_id).order_by("id")
    for row in rows[:100]:
        if row.fingerprint == mail.fingerprint or (not row.fingerprint and row.from_address == mail.sender):
            return row
    return None


def carried_out(arrived: Arrived, now: datetime) -> Verdict:
    """Decide and do it; returns what became of it."""
    verdict, mail = decide(arrived.facts), arrived.mail
    if verdict is Verdict.COMMENT:
        return _converse(arrived, now)
    if verdict is Verdict.OPENED:
        _open(arrived, now)
    elif verdict is Verdict.ALERT:
        _alert(arrived, now)
    elif verdict is Verdict.BOUNCE and mail.bounce is not None:
        _mark_addresses(arrived, mail.bounce, now)
    return verdict


def wait_for_person(kept: MailMessage, arrived: Arrived, verdict: Verdict, now: datetime) -> None:
    """A reply on what is closed waits for a person's decision, for a while."""
    if verdict is Verdict.WAITS:
        due.schedule(CLOSED_REPLY, [(kept.id, _decide_until(arrived, now))])


def examined(source: Source, row: Received, mail: Mail, *, again: int | None = None) -> Arrived:
    """What the decision rests on. `again`: the id of the message when it was kept already and is looked at anew."""
    recipients = tuple(dict.fromkeys((row.headers.get("rcpt_to", "").lower(), *mail.recipients)))
    sender = Person.objects.filter(email__iexact=mail.sender).first() if mail.sender else None
    vouched = authentic(mail.authentication, str(source.settings.get("trusted_relay", "")))
    found = incident_of(mail, recipients, sender if vouched is not False else None)
    recent = MailMessage.objects.filter(from_address=mail.sender, received_at__gt=row.received_at - HOUR)
    if again is not None:
        recent = recent.exclude(id=again)
    tool = recognised(source, mail)
    facts = Facts(
        own=is_ours(mail),
        report=mail.bounce.kind if mail.bounce else "",
        automatic=mail.automatic,
        state=found.incident.state if found else "",
        role=_role(found, sender, vouched),
        sender=mail.sender if sender is not None or _may_be_answered(mail.sender) else "",
        known=sender is not None,
        unknown_allowed=bool(installation.get("unknown_senders")),
        authentic=vouched,
        of_sender=recent.count() if again is None else 0,
        in_thread=recent.filter(incident=found.incident).count() if found else 0,
        tool=tool.template.name if tool else "",
    )
    return Arrived(source, row, mail, sender, found, facts, tool)


def is_ours(mail: Mail) -> bool:
    """Whether it is a mail of our own that came back: by its mark, or by its Message-ID where it has no mark."""
    if mail.loop:
        return loop_mark() in mail.loop
    return is_own(f"<{mail.message_id}>")


def _may_be_answered(address: str) -> bool:
    """Whether a person may stand behind it. `root@mon01`, without a domain, is a machine: it has no caller."""
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True


def _role(found: Found | None, sender: Person | None, vouched: bool | None) -> Role:
    """What the sender is to the incident; a colleague speaks for us only if the mail answers one that we sent, or a
    trusted relay vouches for it: a From line is easily written.
    """
    if found is None or vouched is False:
        return Role.OTHER
    role = role_of(sender, found.incident)
    proven = found.by in ("reply_address", "sent") or vouched is True
    return Role.OTHER if role is Role.STAFF and not proven else role


def _converse(arrived: Arrived, now: datetime) -> Verdict:
    """A comment, unless the mail is the answer to a page (acknowledge, decline, …): that is acted on.

    Other words of who was paged are a work note, never a comment to the caller, and the person hears how to answer.
    """
    mail = arrived.mail
    delivery = (
        Delivery.objects.filter(mail_id__in=[f"<{each}>" for each in mail.replies_to], page_id__isnull=False)
        .order_by("-id")
        .first()
    )
    answered = None
    if delivery is not None and delivery.page_id is not None and arrived.facts.authentic is not False:
        answered = answer_by_reply(
            delivery.page_id,
            mail.folded.visible,
            from_address=mail.sender,
            channel="email",
            automatic=bool(mail.automatic),
            now=now,
        )
    if answered is not None and answered.said and arrived.sender is not None and arrived.found is not None:
        tell_people(
            [arrived.sender],
            kind="page_answer",
            subject=_("Your answer about %(number)s") % {"number": arrived.found.incident.number},
            body=answered.said,
            key=f"page_answer:{mail.message_id}"[:100],
            now=now,
            subject_id=arrived.found.incident.id,
        )
    if answered is not None and answered.verb is not None:
        return Verdict.PAGE_ANSWER
    _comment(arrived, now, public=answered is None)
    return Verdict.COMMENT


def _comment(arrived: Arrived, now: datetime, *, public: bool) -> None:
    assert arrived.found is not None
    (incident,) = locked([arrived.found.incident.id])
    role = arrived.facts.role
    known = role is not Role.OTHER and arrived.sender is not None
    mail = arrived.mail
    actor = (
        Actor.person(arrived.sender.id, via="mail")
        if known and arrived.sender
        else Actor.source(arrived.source.id, via="mail")
    )
    files = _files(arrived, incident, now)
    text = mail.folded.visible or mail.text
    arrived.comment = incidents.add_comment(
        incident,
        text or "(no text)",
        public=public,
        actor=actor,
        now=now,
        blob_ids=files,
        via="mail",
        automatic=bool(mail.automatic),
        by_caller=role is Role.CALLER,
        third_party=role is Role.OTHER,
        from_address=mail.sender,
        quoted=mail.folded.rest,
    )
    arrived.incident = incident


def _open(arrived: Arrived, now: datetime) -> None:
    mail, source = arrived.mail, arrived.source
    caller = arrived.sender or accounts.ensure_caller(mail.sender, name=mail.sender_name, now=now)
    title, _rest = headline(mail.subject or mail.folded.visible or "(no subject)")
    actor = Actor.person(caller.id, via="mail") if caller.is_active else Actor.source(source.id, via="mail")
    arrived.incident = incidents.register_one(
        Report(
            title=title,
            description=mail.text,
            channel="e-mail",
            received_at=min(arrived.row.received_at, now),
            caller_id=caller.id,
            caller_phone=caller.phone,
            caller_place=caller.place,
            preferred_channel="e-mail",
            source_id=source.id,
            service_id=source.service_id,
            security=source.security,
            synthetic=source.synthetic or caller.synthetic,
            why={"source": source.id, "inbox": arrived.row.id},
        ),
        actor=actor,
        now=now,
    )
    _attach(arrived, arrived.incident, now)


def _alert(arrived: Arrived, now: datetime) -> None:
    """A machine wrote: through the same way as every other signal. A tool that is known says itself what is the same
    and what is over; else mails with the same sender and subject are one alert.
    """
    source, row = arrived.source, arrived.row
    signal = (
        signal_of(
            arrived.tool,
            letter_of(arrived.mail),
            occurred_at=row.received_at,
            row=row.id,
            security=source.security,
        )
        if arrived.tool
        else plain_signal(source, row, arrived.mail)
    )
    arrived.signal = signal.kind
    outcome = ingest(source, [signal], received={row.id: row.received_at}, now=now)
    if outcome.incidents:
        arrived.incident = Incident.objects.defer("search").get(id=outcome.incidents[0])
        _attach(arrived, arrived.incident, now)
        return
    span = (
        AlertSpan.objects.select_related("incident")
        .defer("incident__search")
        .filter(alert__source=source, alert__dedup_key=signal.key, incident__isnull=False)
        .order_by("-id")
        .first()
    )
    arrived.incident = span.incident if span else None


def _attach(arrived: Arrived, incident: Incident, now: datetime) -> None:
    """The files of a mail that opened an incident; what isn't taken is named in the verdict."""
    actor = Actor.source(arrived.source.id, via="mail")
    arrived.files = chosen(arrived.mail.attachments, room=_room(incident))
    for attachment in arrived.files.taken:
        incidents.attach(incident.id, attachment.name, [attachment.content], actor=actor, now=now)


def _files(arrived: Arrived, incident: Incident, now: datetime) -> list[int]:
    """Store what is attached, within bounds; what isn't is named in the verdict, and is in the raw message anyway."""
    arrived.files = chosen(arrived.mail.attachments, room=_room(incident))
    return [blobs.save(each.name, [each.content], now=now).id for each in arrived.files.taken]


def _room(incident: Incident) -> int:
    return max(0, MAX_FILES - Attachment.objects.filter(incident=incident).count())


def _mark_addresses(arrived: Arrived, bounce: Bounce, now: datetime) -> None:
    """Deliveries that a mail of ours did not make, and addresses that are gone (not those of a full mailbox, or of a
    server that takes us for spam). A report about a mail that we never sent marks nothing.
    """
    ours = list(
        Delivery.objects.filter(mail_id__in=[f"<{each}>" for each in bounce.original]).select_related(
            "message"
        )
    )
    sent_to = {delivery.address.lower(): delivery.message.subject_id for delivery in ours}
    status = {failure.address: failure.status for failure in bounce.failures if failure.permanent}
    for delivery in ours:
        if delivery.address.lower() in status:
            bounced(delivery.id, f"returned: {status[delivery.address.lower()] or 'undeliverable'}", now=now)
    gone = [failure.address for failure in bounce.failures if failure.gone and failure.address in sent_to]
    for address in dict.fromkeys(gone):
        for person in Person.objects.filter(email__iexact=address, email_bounced_at=None):
            accounts.edit_person(
                person.id, actor=Actor.source(arrived.source.id, via="mail"), now=now, email_bounced_at=now
            )
    arrived.incident = (
        Incident.objects.defer("search").filter(id__in=[i for i in sent_to.values() if i]).first()
    )


def outcome(arrived: Arrived, verdict: Verdict) -> dict[str, Any]:
    """What a `MailMessage` says about what became of its mail, and why."""
    mail, found, files = arrived.mail, arrived.found, arrived.files
    why: dict[str, Any] = {"automatic": mail.automatic, "role": arrived.facts.role.value}
    if found is not None:
        why |= {"threaded_by": found.by, "incident": found.incident.id}
    if arrived.facts.authentic is not None:
        why["authentic"] = arrived.facts.authentic
    if arrived.tool is not None:
        why["tool"] = arrived.tool.template.name
    if arrived.signal is not None:
        why["signal"] = arrived.signal.value
    if files is not None and files.left_out:
        why["left_out"] = [[each.name, each.reason] for each in files.left_out]
        why["left_out_more"] = files.more
    if mail.unread:
        why["unread_parts"] = mail.unread
    if "cut_at" in arrived.row.headers:
        why["cut_at"] = int(arrived.row.headers["cut_at"])
    incident = arrived.incident or (found.incident if found else None)
    return {"verdict": verdict.value, "why": why, "incident": incident, "comment": arrived.comment}


def _raw_blob(arrived: Arrived, now: datetime) -> int | None:
    try:
        return blobs.save("message.eml", [arrived.row.body], now=now, max_size=RAW_LIMIT).id
    except Invalid:
        return None  # larger than any listener takes; the inbox still has it for its time


def _decide_until(arrived: Arrived, now: datetime) -> datetime:
    """Four working hours of the incident's service from now."""
    incident = arrived.found.incident if arrived.found else None
    service = incident.service if incident else None
    try:
        return add_working_time(calendar_at(service.calendar_id if service else None, now), now, FILE_AFTER)
    except NeverOpens:
        return now + FILE_AFTER
