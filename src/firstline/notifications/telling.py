"""The short ways of telling something by mail, for whoever needs nothing more."""

from collections.abc import Sequence
from datetime import datetime

from firstline.accounts.models import Person
from firstline.notifications.actions import Outgoing, To, send
from firstline.notifications.models import Message


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
    may_wait: bool = False,
) -> Message | None:
    """Tell these people, who may see what is said (the caller has filtered them). The same `key` is told
    once. `may_wait`: together with others, when somebody gets many.

    Returns the message, None when nobody is left to tell.
    """
    told = send(
        [
            Outgoing(
                kind=kind,
                subject=subject,
                body=body,
                key=key,
                to=[
                    To(person_id=person.id, address=person.email, may_wait=may_wait)
                    for person in people
                    if person.is_active
                ],
                subject_type=subject_type,
                subject_id=subject_id,
                urgency=urgency,
                synthetic=synthetic,
            )
        ],
        now=now,
    )
    return told[0] if told else None


def tell_address(
    address: str, *, kind: str, subject: str, body: str, key: str, now: datetime
) -> Message | None:
    """Tell whoever reads this mail address, person or not: sign-in codes, the link that verifies a report."""
    told = send(
        [
            Outgoing(
                kind=kind,
                subject=subject,
                body=body,
                key=key,
                to=[To(address=address)],
                subject_type="address",
                urgency="high",
            )
        ],
        now=now,
    )
    return told[0] if told else None
