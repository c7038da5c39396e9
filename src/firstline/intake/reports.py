"""Reports by people through the portal, with an account or without.

Without one the report is kept, a link goes to the mail address, and only its button registers the incident:
nobody reports in another's name, and a machine that follows links registers nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from firstline.accounts.actions import edit_person, ensure_caller
from firstline.catalog.models import Service
from firstline.core import blobs, installation
from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotAllowed, NotFound
from firstline.core.models import Blob
from firstline.incidents.actions.register import Report, register_one
from firstline.incidents.actions.talking import attach
from firstline.incidents.models import Incident
from firstline.intake.models import UnverifiedReport
from firstline.notifications.telling import tell_address

VALID = timedelta(days=7)
_SALT = "firstline.intake.reports"


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What the portal's form says. `questions`: the service's own questions with what was answered."""

    title: str
    service_id: int | None = None
    extent: str = "one"
    can_work: str = "difficulty"
    details: str = ""
    phone: str = ""
    place: str = ""
    questions: list[tuple[str, str]] = []

    def description(self) -> str:
        """Details and the answered questions as one text."""
        lines = [self.details.strip()] if self.details.strip() else []
        lines += [f"{label}: {answer}" for label, answer in self.questions if answer.strip()]
        return "\n\n".join(lines)


@transaction.atomic
def report(
    answers: Answers,
    *,
    actor: Actor,
    now: datetime,
    blob_ids: Sequence[int] = (),
    detected_at: datetime | None = None,
) -> Incident:
    """Register what a caller reports about themselves. `Invalid` names the field that is missing."""
    assert actor.id is not None
    _check_service(answers.service_id)
    incident = register_one(
        Report(
            title=answers.title,
            channel="portal",
            received_at=now,
            detected_at=detected_at,
            description=answers.description(),
            caller_id=actor.id,
            reporter_id=actor.id,
            caller_phone=answers.phone[:40],
            caller_place=answers.place[:120],
            service_id=answers.service_id,
            extent=answers.extent,
            can_work=answers.can_work,
            degradation="down" if answers.can_work == "no" else "degraded",
        ),
        actor=actor,
        now=now,
    )
    for blob in Blob.objects.filter(id__in=blob_ids).order_by("id"):
        attach(incident.id, blob.filename, blobs.read(blob.id), actor=actor, now=now, as_caller=True)
        blobs.erase(blob.id, now=now)
    return incident


@transaction.atomic
def keep_unverified(
    answers: Answers, *, email: str, name: str, blob_ids: Sequence[int], language: str, now: datetime
) -> UnverifiedReport:
    """Keep a report without an account and send the link that registers it. `NotAllowed` where that is off."""
    if not installation.get("report_without_account"):
        raise NotAllowed(_("Sign in to report something."))
    _check_service(answers.service_id)
    if not answers.title.strip():
        raise Invalid(_("Say what happens."), {"title": _("Say what happens.")})
    row = UnverifiedReport.objects.create(
        email=email.strip().lower(),
        name=name.strip()[:120],
        answers=msgspec.to_builtins(answers),
        blob_ids=list(blob_ids),
        language=language,
        created_at=now,
        expires_at=now + VALID,
    )
    with translation.override(language):
        tell_address(
            row.email,
            kind="account",
            subject=_("Confirm your report: %(title)s") % {"title": answers.title[:100]},
            body=_(
                "Somebody reported this with your mail address:\n\n%(title)s\n\n"
                "If it was you, open this link and press the button; then it is registered:\n\n%(link)s\n\n"
                "If it was not you, do nothing: it is deleted after seven days.\n"
            )
            % {"title": answers.title, "link": f"{settings.URL}/report/verify/{_sign(row)}/"},
            key=f"report:{row.id}",
            now=now,
        )
    return row


def unverified(token: str, *, now: datetime) -> UnverifiedReport:
    """The kept report of a link. `NotFound` for a damaged or expired link."""
    try:
        row_id, expires = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise NotFound(_("This link is damaged. Copy it whole from the mail.")) from error
    row = UnverifiedReport.objects.select_related("incident").filter(id=row_id).first()
    if row is None or datetime.fromtimestamp(expires, UTC) <= now:
        raise NotFound(_("This link has expired and the report is deleted. Please report it again."))
    return row


@transaction.atomic
def verify(token: str, *, now: datetime) -> Incident:
    """The address is proven: register the report. Pressed twice, it is one incident."""
    found = unverified(token, now=now)
    row = UnverifiedReport.objects.select_for_update().get(id=found.id)
    if row.incident is not None:
        return row.incident
    person = ensure_caller(row.email, name=row.name, now=now)
    if not person.is_active:
        raise NotAllowed(_("This account is not active."))
    if person.email_verified_at is None:
        edit_person(person.id, actor=Actor.system("portal"), now=now, email_verified_at=now)
    answers = msgspec.convert(row.answers, Answers)
    row.incident = report(
        answers,
        actor=Actor.person(person.id, via="portal"),
        now=now,
        blob_ids=row.blob_ids,
        detected_at=row.created_at,
    )
    row.answers = {}
    row.blob_ids = []
    row.save()
    return row.incident


@transaction.atomic
def drop_unverified(*, now: datetime, limit: int = 500) -> int:
    """Delete kept reports whose time is over, with their files. Returns how many."""
    rows = list(
        UnverifiedReport.objects.select_for_update(skip_locked=True)
        .filter(expires_at__lte=now)
        .order_by("expires_at")[:limit]
    )
    for row in rows:
        for blob_id in row.blob_ids:
            blobs.erase(blob_id, now=now)
    UnverifiedReport.objects.filter(id__in=[row.id for row in rows]).delete()
    return len(rows)


def _check_service(service_id: int | None) -> None:
    if (
        service_id is not None
        and not Service.objects.filter(id=service_id, active=True, in_portal=True).exists()
    ):
        raise Invalid(_("There is no such service."), {"service": _("Choose a service.")})


def _sign(row: UnverifiedReport) -> str:
    return signing.dumps([row.id, int(row.expires_at.timestamp())], salt=_SALT)
