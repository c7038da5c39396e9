"""Telling people something by mail: one message, one delivery per address, in the ledger until it is through."""

from collections.abc import Sequence
from datetime import datetime

from firstline.accounts.models import Person
from firstline.notifications.models import Delivery, Message

EMAIL = "email"
LANE_ANSWERS = 5


def tell_people(
    people: Sequence[Person],
    *,
    kind: str,
    subject: str,
    body: str,
    key: str,
    now: datetime,
    subject_type: str = "incident",
    subject_id: int | None = None,
    urgency: str = "low",
    synthetic: bool = False,
) -> Message | None:
    """Tell these people, who may see what is said (the caller has filtered them). The same `key` is told once.

    Returns the message, None when nobody is left to tell.
    """
    wanted = {f"{key}:{person.id}"[:120]: person for person in people if person.is_active}
    told = set(Delivery.objects.filter(idempotency_key__in=wanted).values_list("idempotency_key", flat=True))
    fresh = {name: person for name, person in wanted.items() if name not in told}
    if not fresh:
        return None
    message = Message.objects.create(
        kind=kind,
        subject_type=subject_type,
        subject_id=subject_id,
        subject=subject,
        body=body,
        urgency=urgency,
        created_at=now,
        synthetic=synthetic,
    )
    Delivery.objects.bulk_create(
        [
            Delivery(
                message=message,
                person=person,
                channel=EMAIL,
                address=person.email,
                idempotency_key=name,
                due_at=now,
                priority=LANE_ANSWERS,
            )
            for name, person in fresh.items()
        ],
        ignore_conflicts=True,
    )
    return message


def tell_address(address: str, *, kind: str, subject: str, body: str, key: str, now: datetime) -> Message:
    """Tell whoever reads this mail address, person or not: sign-in codes, the link that verifies a report."""
    message = Message.objects.create(
        kind=kind, subject_type="address", subject=subject, body=body, urgency="high", created_at=now
    )
    Delivery.objects.create(
        message=message,
        channel=EMAIL,
        address=address,
        idempotency_key=key[:120],
        due_at=now,
        priority=LANE_ANSWERS,
    )
    return message
