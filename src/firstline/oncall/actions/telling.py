"""Messages around pages: to the owner when a step reached nobody, at the end, and when it is over."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import override

from firstline.accounts.models import Membership, Person
from firstline.accounts.queries import administrators
from firstline.incidents.models import Incident
from firstline.notifications.actions import Outgoing, To, send
from firstline.notifications.models import Delivery
from firstline.notifications.telling import tell_people
from firstline.oncall import wording
from firstline.oncall.models import Escalation, Page


def tell_owner(escalation: Escalation, incident: Incident, steps: Sequence[int], now: datetime) -> list[int]:
    """The policy's owner hears that a step reached nobody; without one the group's leads, else the
    administrators.

    Once per escalation and step.
    """
    policy = escalation.policy
    people = (
        [policy.owner] if policy is not None and policy.owner is not None and policy.owner.is_active else []
    )
    people = people or leads(incident) or list(administrators())
    for person in people:
        for step in steps:
            with override(person.language):
                text = wording.reached_nobody(incident, policy.name if policy else "Firstline", step)
            tell_people(
                [person], kind="reached_nobody", subject=text.subject, body=text.body, now=now,
                key=f"nobody:{escalation.id}:{step}", subject_id=incident.id, urgency="high",
                synthetic=incident.synthetic, may_wait=True,
            )  # fmt: skip
    return [person.id for person in people]


def tell_exhausted(escalation: Escalation, incident: Incident, now: datetime) -> list[int]:
    """The incident's owner and the group's leads hear that nobody answered; else the administrators."""
    people = [incident.assignee] if incident.assignee is not None else []
    people += [person for person in leads(incident) if person not in people]
    people = people or list(administrators())
    for person in people:
        with override(person.language):
            text = wording.exhausted(incident)
        tell_people(
            [person], kind="exhausted", subject=text.subject, body=text.body, now=now,
            key=f"exhausted:{escalation.id}", subject_id=incident.id, urgency="high",
            synthetic=incident.synthetic, may_wait=True,
        )  # fmt: skip
    return [person.id for person in people]


def tell_stand_down(
    escalation: Escalation, incident: Incident, reason: str, but: int | None, now: datetime
) -> list[int]:
    """Everybody already paged hears, by the way that reached them, that it is over. `but`: who ended it."""
    pages = Page.objects.filter(escalation=escalation, person__isnull=False, attempted_at__isnull=False)
    ids = [page.id for page in pages if page.person_id != but]
    told: dict[int, Delivery] = {}
    rows = Delivery.objects.filter(page_id__in=ids, state="delivered").select_related("person")
    for row in rows.order_by("delivered_at", "id"):
        if row.person_id is not None:
            told.setdefault(row.person_id, row)
    messages = []
    for person_id, row in told.items():
        with override(row.person.language if row.person else "en"):
            text = wording.stand_down(incident, reason)
        to = To(person_id=person_id, method_id=row.method_id, channel=row.channel, address=row.address)
        messages.append(
            Outgoing(
                kind="stand_down", subject=text.subject, body=text.body, key=f"down:{escalation.id}:{person_id}",
                to=[to], subject_id=incident.id, synthetic=incident.synthetic,
            )
        )  # fmt: skip
    send(messages, now=now)
    return sorted(told)


def leads(incident: Incident) -> list[Person]:
    rows = Membership.objects.filter(group_id=incident.group_id, lead=True, person__is_active=True)
    return [row.person for row in rows.select_related("person").order_by("id")] if incident.group_id else []
