"""What a person does with a mail that came in: look at it, file it to an incident, have it looked at again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from firstline.accounts.models import Person
from firstline.accounts.viewer import Viewer, viewer_for
from firstline.core import blobs, due
from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotAllowed, NotFound
from firstline.incidents import actions as incidents
from firstline.incidents.actions.writing import locked
from firstline.incidents.models import Incident
from firstline.incidents.visibility import visible
from firstline.intake import mailparse, queries
from firstline.intake.mail import CLOSED_REPLY, carried_out, examined, outcome, wait_for_person
from firstline.intake.mailalert import letter_of
from firstline.intake.mailparse import Mail
from firstline.intake.mailrules import Role, Verdict, number_in
from firstline.intake.mailthread import role_of
from firstline.intake.masking import masked
from firstline.intake.models import MailMessage, Source
from firstline.intake.signal import Signal
from firstline.intake.sources.mail.templates import Template, recognise, signal_of
from firstline.intake.sources.mail.tools import TOOLS
from firstline.intake.sources.parsing import Received

SHOWN = 64 * 1024
# verdicts that left nothing behind: another look can't do anything twice
LEFT_NOTHING = frozenset(
    {
        Verdict.LOOP,
        Verdict.BOUNCE,
        Verdict.COMPLAINT,
        Verdict.AUTO_REPLY,
        Verdict.LIMITED,
        Verdict.UNKNOWN,
        Verdict.FORGED,
    }
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A mail with its text and source as they may be shown: secrets masked, at most SHOWN characters."""

    message: MailMessage
    incident: Incident | None
    raw: str
    cut: bool
    text: str
    attachments: tuple[tuple[str, int], ...]
    again: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What templates make of one mail that came. `tool` empty: none of them knows it."""

    message: MailMessage
    tool: str = ""
    signal: Signal | None = None


def last_mails(viewer: Viewer, source_id: int, *, limit: int = 30) -> list[MailMessage]:
    """What came last, the latest first; nothing of a security source that isn't the viewer's. `incident` is left out
    where the viewer may not know of it.
    """
    source = queries.source(viewer, source_id)
    if not queries.may_read_payloads(viewer, source):
        return []
    rows = list(MailMessage.objects.filter(source=source).order_by("-id")[:limit])
    seen = visible(viewer).in_bulk([row.incident_id for row in rows if row.incident_id])
    for row in rows:
        row.incident = seen.get(row.incident_id) if row.incident_id else None
    return rows


def mail(viewer: Viewer, source_id: int, mail_id: int) -> Shown:
    """One mail. `NotFound` where the viewer may not read what the source sends."""
    message = _readable(viewer, source_id, mail_id)
    raw = _raw(message)
    text = raw[: SHOWN * 2].decode("utf-8", "replace")
    parsed = mailparse.parse(raw)
    shown = visible(viewer).filter(id=message.incident_id).first() if message.incident_id else None
    return Shown(
        message=message,
        incident=shown,
        raw=masked(text[:SHOWN]),
        cut=len(raw) > SHOWN,
        text=masked(parsed.text[:SHOWN]),
        attachments=tuple((each.name, len(each.content)) for each in parsed.attachments[:50]),
        again=message.verdict in LEFT_NOTHING and bool(raw),
    )


def previews(
    viewer: Viewer, source_id: int, templates: Iterable[Template], *, limit: int = 20
) -> list[Preview]:
    """What these templates would make of the last mails. Nothing is stored."""
    chosen = tuple(templates)
    found = []
    for message in last_mails(viewer, source_id, limit=limit):
        letter = letter_of(mailparse.parse(_raw(message)))
        known = recognise(letter, chosen)
        signal = signal_of(known, letter, occurred_at=message.received_at, row=0) if known else None
        found.append(Preview(message, known.template.name if known else "", signal))
    return found


def builtin() -> tuple[Template, ...]:
    """The recognisers that come with Firstline."""
    return TOOLS


@transaction.atomic
def file_to(source_id: int, mail_id: int, number: str, *, actor: Actor, now: datetime) -> Incident:
    """Make it a part of an incident, by its number: a comment where its sender takes part there, else a work note."""
    viewer = viewer_for(actor)
    viewer.require("incident.work")
    message = _locked(viewer, source_id, mail_id)
    wanted = number_in(number) or (int(number) if number.strip().isdigit() else 0)
    target = visible(viewer).filter(id=wanted).first()
    if target is None:
        raise NotFound(_("There is no incident with this number."))
    if message.comment_id is not None:
        raise Invalid(_("It is part of an incident already."))
    (incident,) = locked([target.id])
    parsed = mailparse.parse(_raw(message))
    public = role_of(Person.objects.filter(email__iexact=parsed.sender).first(), incident) is not Role.OTHER
    comment = incidents.add_comment(
        incident,
        parsed.folded.visible or parsed.text or "(no text)",
        public=public,
        actor=Actor.source(message.source_id, via="mail"),
        now=now,
        via="mail",
        automatic=bool(parsed.automatic),
        third_party=True,
        from_address=parsed.sender,
        quoted=parsed.folded.rest,
    )
    due.unschedule(CLOSED_REPLY, [message.id])
    _changed(message, verdict=Verdict.COMMENT, incident=incident, comment=comment, filed_at=now,
             why={**message.why, "filed_by": actor.id, "filed": True})  # fmt: skip
    return incident


@transaction.atomic
def process_again(source_id: int, mail_id: int, *, actor: Actor, now: datetime) -> MailMessage:
    """Decide anew about a mail that came to nothing, by today's settings and templates; limits don't count now."""
    viewer = viewer_for(actor)
    viewer.require("source.edit")
    message = _locked(viewer, source_id, mail_id)
    if message.verdict not in LEFT_NOTHING:
        raise Invalid(_("It has become something already; it would be there twice."))
    raw = _raw(message)
    row = Received(id=0, received_at=message.received_at, body=raw, kind="mail")
    parsed: Mail = mailparse.parse(raw)
    arrived = examined(message.source, row, parsed, again=message.id)
    verdict = carried_out(arrived, now)
    result = outcome(arrived, verdict)
    result["why"] = {**result["why"], "again_by": actor.id}
    _changed(message, **result)
    wait_for_person(message, arrived, verdict, now)
    return message


def _changed(message: MailMessage, **values: Any) -> None:
    for name, value in values.items():
        setattr(message, name, str(value) if name == "verdict" else value)
    message.save(update_fields=list(values))


def _locked(viewer: Viewer, source_id: int, mail_id: int) -> MailMessage:
    _readable(viewer, source_id, mail_id)
    return MailMessage.objects.select_for_update(of=("self",)).select_related("source").get(id=mail_id)


def _readable(viewer: Viewer, source_id: int, mail_id: int) -> MailMessage:
    source: Source = queries.source(viewer, source_id)
    if not queries.may_read_payloads(viewer, source):
        raise NotAllowed(_("What a security source sends is shown to its security group only."))
    found = MailMessage.objects.select_related("source").filter(id=mail_id, source=source).first()
    if found is None:
        raise NotFound(_("There is no such mail."))
    return found


def _raw(message: MailMessage) -> bytes:
    """The message; empty when it was erased."""
    return b"".join(blobs.read(message.raw_blob_id)) if message.raw_blob_id is not None else b""
