"""What callers said elsewhere about incidents that are closed here by an import."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from firstline.closure.confirmation import Answer
from firstline.closure.events import CallerConfirmed, Rated
from firstline.closure.models import Confirmation
from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.core.content import save_texts
from firstline.core.event_log import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """`at` None: nobody answered. `rating` None: not rated."""

    incident_id: int
    person_id: int | None
    asked_at: datetime
    number: int = 1
    at: datetime | None = None
    on_behalf_by: int | None = None
    rating: int | None = None
    text: str = ""


def record(answers: Sequence[Answered], *, now: datetime) -> None:
    """Write confirmations with their events, all at once. Nobody is told; closing is the import's of incidents."""
    with transaction.atomic(), event_log.past_only():
        texts = save_texts([answer.text for answer in answers if answer.text], now=now)
        text_of = dict(zip([id(a) for a in answers if a.text], texts, strict=True))
        rows = Confirmation.objects.bulk_create(_row(each, text_of.get(id(each))) for each in answers)
        events: list[DomainEvent] = []
        for answer, row in zip(answers, rows, strict=True):
            events += _events(answer, row)
        event_log.record(events, now=now)


def _row(answer: Answered, text_id: int | None) -> Confirmation:
    return Confirmation(
        incident_id=answer.incident_id,
        person_id=answer.person_id,
        resolution_number=answer.number,
        asked_at=answer.asked_at,
        answered_at=answer.at,
        answer=(Answer.FIXED if answer.at else Answer.NONE).value,
        on_behalf_by_id=answer.on_behalf_by,
        ask_rating=answer.person_id is not None,
        rating=answer.rating,
        rating_comment_id=text_id,
        rated_at=answer.at if answer.rating is not None else None,
    )


def _events(answer: Answered, row: Confirmation) -> list[DomainEvent]:
    if answer.at is None:
        return []
    speaker = answer.on_behalf_by or answer.person_id
    assert speaker is not None
    actor = Actor.person(speaker, via="console" if answer.on_behalf_by else "link")
    found: list[DomainEvent] = [
        CallerConfirmed(
            subject_id=answer.incident_id,
            actor=actor,
            occurred_at=answer.at,
            confirmation_id=row.id,
            on_behalf=answer.on_behalf_by is not None,
        )
    ]
    if answer.rating is not None:
        found.append(
            Rated(
                subject_id=answer.incident_id,
                actor=actor,
                occurred_at=answer.at,
                content_id=row.rating_comment_id,
                rating=answer.rating,
            )
        )
    return found
