"""To which incident a mail belongs, and what its sender is to that incident.

1. A reply address that we signed, among the recipients.
2. In-Reply-To and References against the mails that we sent, then against those that came in. The same Message-ID with
   another text by somebody of that incident belongs to it as well: some mailing lists and relays change what they pass.
3. A number in the subject.

A signed address and the Message-ID of a mail of ours prove that the sender had one; the others count only if the
sender may see the incident.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firstline.accounts.models import Person
from firstline.accounts.viewer import viewer_of
from firstline.core.errors import NotAllowed
from firstline.incidents.models import AffectedUser, Incident, Watcher
from firstline.incidents.visibility import own, visible
from firstline.intake.mailparse import Mail
from firstline.intake.mailrules import Role, number_in
from firstline.intake.models import MailMessage
from firstline.notifications.channels.email.addresses import read_reply_address
from firstline.notifications.models import Delivery


@dataclass(frozen=True, slots=True)
class Found:
    """`by`: reply_address, sent, received or number. `person_id`: whom the reply address was made for."""

    incident: Incident
    by: str
    person_id: int | None = None


def incident_of(mail: Mail, recipients: tuple[str, ...], sender: Person | None) -> Found | None:
    """The incident that a mail belongs to; a merged one leads to the one that it was merged into."""
    for incident_id, by, person_id, proven in _claims(mail, recipients):
        incident = _followed(incident_id)
        if incident is not None and (proven or _may_see(sender, incident)):
            return Found(incident, by, person_id)
    return None


def _claims(mail: Mail, recipients: tuple[str, ...]) -> Iterator[tuple[int, str, int | None, bool]]:
    for address in recipients:
        if (signed := read_reply_address(address)) is not None:
            yield signed[0], "reply_address", signed[1], True
    bracketed = [f"<{each}>" for each in mail.replies_to]
    if bracketed:
        sent: dict[str, int | None] = dict(
            Delivery.objects.filter(mail_id__in=bracketed, message__subject_type="incident").values_list(
                "mail_id", "message__subject_id"
            )
        )
        for each in bracketed:
            if (incident_id := sent.get(each)) is not None:
                yield incident_id, "sent", None, True
    known = [*mail.replies_to, mail.message_id]
    came = MailMessage.objects.filter(message_id__in=known, incident__isnull=False).order_by("-id")
    pairs = list(came.values_list("message_id", "incident_id")[:200])
    for plain in known:
        for incident_id in dict.fromkeys(number for name, number in pairs if name == plain):
            yield incident_id, "received", None, False
    if (number := number_in(mail.subject)) is not None:
        yield number, "number", None, False


def _followed(incident_id: int) -> Incident | None:
    """The incident, or at the end of its chain of merges the one that is worked on."""
    seen: set[int] = set()
    incident = Incident.objects.defer("search").filter(id=incident_id).first()
    while incident is not None and incident.merged_into_id is not None and incident.id not in seen:
        seen.add(incident.id)
        incident = Incident.objects.defer("search").filter(id=incident.merged_into_id).first()
    return incident


def _may_see(sender: Person | None, incident: Incident) -> bool:
    return sender is not None and role_of(sender, incident) is not Role.OTHER


def role_of(sender: Person | None, incident: Incident) -> Role:
    """What the sender is to the incident; whoever is gone is nobody."""
    if sender is None or not sender.is_active:
        return Role.OTHER
    if incident.caller_id == sender.id or _takes_part(sender.id, incident.id):
        return Role.CALLER
    try:
        viewer = viewer_of(sender.id)
    except NotAllowed:
        return Role.OTHER
    if visible(viewer).filter(id=incident.id).exists() and viewer.may("incident.comment"):
        return Role.STAFF
    return Role.CALLER if own(viewer).filter(id=incident.id).exists() else Role.OTHER


def _takes_part(person_id: int, incident_id: int) -> bool:
    return (
        Watcher.objects.filter(incident_id=incident_id, person_id=person_id).exists()
        or AffectedUser.objects.filter(incident_id=incident_id, person_id=person_id).exists()
    )
