"""Replies on closed incidents wait for a person with two buttons; after four working hours they are a recurrence."""

from datetime import datetime

from django.db import transaction

from firstline.accounts import actions as accounts
from firstline.accounts.models import Person
from firstline.accounts.viewer import Viewer, viewer_for
from firstline.core import blobs, due
from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotFound
from firstline.incidents import actions as incidents
from firstline.incidents.actions import Report
from firstline.incidents.actions.writing import locked
from firstline.incidents.models import Comment, Incident
from firstline.incidents.visibility import staff_filter, visible
from firstline.intake import mailparse
from firstline.intake.mail import CLOSED_REPLY
from firstline.intake.mailrules import Role, Verdict
from firstline.intake.models import MailMessage


def waiting(viewer: Viewer) -> list[MailMessage]:
    """Replies on closed incidents that nobody has filed yet, the oldest first."""
    viewer.require("incident.read")
    return list(
        MailMessage.objects.filter(staff_filter(viewer, "incident__"), verdict=Verdict.WAITS, filed_at=None)
        .select_related("incident", "source")
        .order_by("received_at", "id")[:200]
    )


@transaction.atomic
def file_as_comment(mail_id: int, *, actor: Actor, now: datetime) -> Comment:
    """It belongs to the closed incident: a comment there, which changes no state."""
    message, incident = _waiting(mail_id, actor)
    mail = _mail(message)
    comment = incidents.add_comment(
        incident,
        mail.folded.visible or mail.text or "(no text)",
        public=True,
        actor=Actor.source(message.source_id, via="mail"),
        now=now,
        via="mail",
        third_party=True,
        from_address=mail.sender,
        quoted=mail.folded.rest,
    )
    _filed(message, now, comment=comment)
    return comment


@transaction.atomic
def file_as_recurrence(mail_id: int, *, actor: Actor, now: datetime) -> Incident:
    """It is broken again: a new incident of the sender, linked to the closed one."""
    message, old = _waiting(mail_id, actor)
    mail = _mail(message)
    sender = Person.objects.filter(email__iexact=mail.sender).first()
    caller_id = sender.id if sender else old.caller_id
    if caller_id is None:
        caller_id = accounts.ensure_caller(mail.sender, name=mail.sender_name, now=now).id
    new = incidents.register_one(
        Report(
            title=old.title if caller_id == old.caller_id else mail.subject or old.number,
            description=mail.text,
            channel="e-mail",
            received_at=message.received_at,
            caller_id=caller_id,
            source_id=message.source_id,
            service_id=old.service_id,
            ci_id=old.ci_id,
            security=old.security,
            synthetic=old.synthetic,
            why={"recurrence_of": old.id, "mail": message.id},
        ),
        actor=Actor.source(message.source_id, via="mail"),
        now=now,
    )
    incidents.link(
        new.id, kind="recurrence", other_id=old.id, actor=Actor.source(message.source_id, via="mail"), now=now
    )
    _filed(message, now, incident=new)
    return new


def run(now: datetime, *, limit: int = 100) -> int:
    """Nobody decided within four working hours: what still waits becomes a recurrence."""
    with transaction.atomic():
        items = due.claim(CLOSED_REPLY, now=now, limit=limit)
        for item in items:
            if MailMessage.objects.filter(id=item.subject_id, verdict=Verdict.WAITS, filed_at=None).exists():
                file_as_recurrence(item.subject_id, actor=Actor.clock("mail"), now=now)
        due.finish(items)
        return len(items)


def _waiting(mail_id: int, actor: Actor) -> tuple[MailMessage, Incident]:
    message = MailMessage.objects.select_for_update(of=("self",)).filter(id=mail_id).first()
    if message is None or message.incident_id is None:
        raise NotFound("There is no such mail.")
    if actor.is_human:
        viewer = viewer_for(actor)
        viewer.require("incident.work")
        if not visible(viewer).filter(id=message.incident_id).exists():
            raise NotFound("There is no such mail.")
    if message.verdict != Verdict.WAITS or message.filed_at is not None:
        raise Invalid("Somebody has filed this mail already.")
    return message, locked([message.incident_id])[0]


def _mail(message: MailMessage) -> mailparse.Mail:
    if message.raw_blob_id is None:
        raise Invalid("The message itself was erased.")
    return mailparse.parse(b"".join(blobs.read(message.raw_blob_id)))


def _filed(
    message: MailMessage, now: datetime, *, comment: Comment | None = None, incident: Incident | None = None
) -> None:
    message.filed_at = now
    message.verdict = Verdict.COMMENT if comment else Verdict.OPENED
    message.comment = comment
    if incident is not None:
        message.incident = incident
    message.why = {**message.why, "role": message.why.get("role", Role.OTHER.value), "filed": True}
    message.save(update_fields=["filed_at", "verdict", "comment", "incident", "why"])
    due.unschedule(CLOSED_REPLY, [message.id])
