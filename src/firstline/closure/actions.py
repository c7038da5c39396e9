"""What callers say about a resolution, and what happens when they say nothing."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from firstline.accounts.models import Person
from firstline.accounts.viewer import viewer_for
from firstline.closure.confirmation import Answer
from firstline.closure.events import AffectedAnswered, CallerConfirmed, CallerObjected, Rated
from firstline.closure.messages import objection
from firstline.closure.models import Confirmation
from firstline.closure.telling import tell_owner
from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.core.content import save_text
from firstline.core.errors import Conflict, Invalid, NotAllowed, NotFound
from firstline.incidents.actions.people import is_affected
from firstline.incidents.actions.resolving import close, reopen
from firstline.incidents.actions.talking import add_comment, comment
from firstline.incidents.actions.writing import commit, locked
from firstline.incidents.lifecycle import ClosedHow, State
from firstline.incidents.models import Incident
from firstline.incidents.visibility import visible

MAX_COMMENT = 5000


@dataclass(frozen=True, slots=True)
class _Said:
    """A locked incident, its latest confirmation, and whose word this is."""

    incident: Incident
    row: Confirmation
    is_caller: bool


@transaction.atomic
def confirm(incident_id: int, *, actor: Actor, now: datetime, confirmation_id: int | None = None) -> Incident:
    """The caller says *fixed*: closed. Said again it changes nothing. Somebody else who is affected: noted only.

    `confirmation_id`: the resolution that the link was about; `Conflict` when it has been reopened since.
    """
    said = _said(incident_id, actor, confirmation_id)
    if said.incident.state == State.CLOSED:
        return said.incident
    _still_resolved(said)
    if not said.is_caller:
        return _affected_answer(said, actor, Answer.FIXED, now)
    return _confirmed(said, actor, now, ClosedHow.CALLER)


@transaction.atomic
def confirm_on_behalf(incident_id: int, *, actor: Actor, now: datetime, note: str = "") -> Incident:
    """An agent has spoken with the caller, who says *fixed*: closed, and reports tell it apart."""
    said = _on_behalf(incident_id, actor)
    if note.strip():
        comment(incident_id, note, actor=actor, now=now, public=False)
        said = _on_behalf(incident_id, actor)
    return _confirmed(said, actor, now, ClosedHow.ON_BEHALF)


@transaction.atomic
def still_broken(
    incident_id: int, text: str, *, actor: Actor, now: datetime, confirmation_id: int | None = None
) -> Incident:
    """The caller says *still broken*: reopened, with what they write. From somebody else who is affected it only
    stops the closing by silence and asks the owner: the caller's word decides."""
    said = _said(incident_id, actor, confirmation_id)
    _still_resolved(said)
    text = text.strip()[:MAX_COMMENT]
    if not said.is_caller:
        return _affected_answer(said, actor, Answer.STILL_BROKEN, now, text)
    return _objected(said, text, actor, now, on_behalf=False)


@transaction.atomic
def still_broken_on_behalf(incident_id: int, text: str, *, actor: Actor, now: datetime) -> Incident:
    """An agent has spoken with the caller, who says *still broken*: reopened."""
    return _objected(_on_behalf(incident_id, actor), text.strip()[:MAX_COMMENT], actor, now, on_behalf=True)


@transaction.atomic
def rate(
    incident_id: int,
    rating: int,
    *,
    actor: Actor,
    now: datetime,
    text: str = "",
    confirmation_id: int | None = None,
) -> Confirmation:
    """One to five, with a comment, once per closure, by the caller. On a resolved incident it also confirms.

    `Conflict` when it is rated already: the first word counts, so that a forwarded mail can't change it.
    """
    if not 1 <= rating <= 5:
        raise Invalid("Choose one to five.", {"rating": "1 to 5"})
    said = _said(incident_id, actor, confirmation_id)
    if not said.is_caller:
        raise NotAllowed("Only the caller rates an incident.")
    if said.row.rating is not None:
        raise Conflict("This is rated already. Thank you!")
    if said.incident.state == State.RESOLVED:
        _still_resolved(said)
        _confirmed(said, actor, now, ClosedHow.CALLER)
    elif said.incident.state != State.CLOSED:
        raise Conflict("It is being worked on again; you can rate it when it is closed.")
    said.row.refresh_from_db()
    said.row.rating, said.row.rated_at = rating, now
    comment_id = save_text(text.strip()[:MAX_COMMENT], now=now) if text.strip() else None
    said.row.rating_comment_id = comment_id
    said.row.save(update_fields=["rating", "rated_at", "rating_comment_id"])
    event = Rated(subject_id=incident_id, actor=actor, occurred_at=now, content_id=comment_id, rating=rating)
    event_log.record([event], now=now)
    return said.row


def _said(incident_id: int, actor: Actor, confirmation_id: int | None) -> _Said:
    incident, row = _locked(incident_id)
    if confirmation_id is not None and row.id != confirmation_id:
        raise Conflict("This link belongs to an earlier resolution; a newer message has newer links.")
    is_caller = row.person_id is not None and row.person_id == actor.id
    if not actor.is_human or not (is_caller or is_affected(incident, actor.id)):
        raise NotFound("There is no such incident.")
    return _Said(incident, row, is_caller)


def _on_behalf(incident_id: int, actor: Actor) -> _Said:
    viewer = viewer_for(actor)
    viewer.require("incident.work")
    if not visible(viewer).filter(id=incident_id).exists():
        raise NotFound("There is no such incident.")
    incident, row = _locked(incident_id)
    said = _Said(incident, row, is_caller=True)
    _still_resolved(said)
    if row.person_id is None:
        raise Invalid("It has no caller who could have answered.")
    return said


def _locked(incident_id: int) -> tuple[Incident, Confirmation]:
    found = locked([incident_id])
    row = (
        Confirmation.objects.select_for_update()
        .filter(incident_id=incident_id)
        .order_by("-resolution_number")
        .first()
    )
    if not found or row is None:
        raise NotFound("There is no such incident, or it was never resolved.")
    return found[0], row


def _still_resolved(said: _Said) -> None:
    if said.incident.state == State.CLOSED:
        raise Conflict("It is closed already. If it is broken again, report it again; we link the two.")
    if said.incident.state != State.RESOLVED or said.row.answered_at is not None:
        raise Conflict("It is being worked on again. You will hear from us when it is resolved.")


def _answer(said: _Said, answer: Answer, actor: Actor, now: datetime, *, on_behalf: bool) -> None:
    said.row.answer, said.row.answered_at = answer.value, now
    said.row.on_behalf_by_id = actor.id if on_behalf and actor.is_human else None
    said.row.save(update_fields=["answer", "answered_at", "on_behalf_by"])


def _confirmed(said: _Said, actor: Actor, now: datetime, how: ClosedHow) -> Incident:
    on_behalf = how is ClosedHow.ON_BEHALF
    _answer(said, Answer.FIXED, actor, now, on_behalf=on_behalf)
    event = CallerConfirmed(
        subject_id=said.incident.id,
        actor=actor,
        occurred_at=now,
        confirmation_id=said.row.id,
        on_behalf=on_behalf,
    )
    event_log.record([event], now=now)
    return close([said.incident.id], how=how, actor=actor, now=now)[0]


def _objected(said: _Said, text: str, actor: Actor, now: datetime, *, on_behalf: bool) -> Incident:
    _answer(said, Answer.STILL_BROKEN, actor, now, on_behalf=on_behalf)
    event = CallerObjected(
        subject_id=said.incident.id,
        actor=actor,
        occurred_at=now,
        confirmation_id=said.row.id,
        on_behalf=on_behalf,
    )
    event_log.record([event], now=now)
    if on_behalf and text:
        comment(said.incident.id, text, actor=actor, now=now, public=False)
    return reopen(
        said.incident.id,
        actor=actor,
        now=now,
        comment="" if on_behalf else text,
        as_caller=not on_behalf,
        why={"answer": Answer.STILL_BROKEN.value, "on_behalf": on_behalf},
    )


def _affected_answer(said: _Said, actor: Actor, answer: Answer, now: datetime, text: str = "") -> Incident:
    incident = said.incident
    assert actor.id is not None
    stops = answer is Answer.STILL_BROKEN and not incident.stop_auto_close
    changes = {"stop_auto_close": (False, True)} if stops else {}
    incident.stop_auto_close = incident.stop_auto_close or stops
    event = AffectedAnswered(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        person_id=actor.id,
        answer=answer.value,
        version=incident.version + 1,
    )
    commit(incident, changes, [event], now=now)
    if answer is Answer.STILL_BROKEN:
        if text:
            add_comment(incident, text, public=True, actor=actor, now=now, by_caller=True, via=actor.via)
        person = Person.objects.get(id=actor.id)
        tell_owner(incident, objection(incident, person, text), person_id=actor.id, now=now)
    return incident
