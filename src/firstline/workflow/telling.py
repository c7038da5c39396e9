"""What callers hear by default: that their report was received, and each answer. (Closure tells the rest.)

The reactions insert due rows; the engine makes messages of them.
"""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import override

from firstline.accounts.models import Person
from firstline.core import due
from firstline.core.batch import run_due
from firstline.core.content import texts
from firstline.core.due import DueItem
from firstline.core.event_log import DomainEvent
from firstline.incidents.actions.people import is_affected
from firstline.incidents.events import Commented
from firstline.incidents.models import AffectedUser, Comment, Incident, Watcher
from firstline.incidents.queries import joined_title
from firstline.notifications.telling import tell_people
from firstline.notifications.wording import About, about_incident

RECEIVED = "tell.received"
ANSWERED = "tell.answered"
BATCH = 200


def received(opened: Sequence[DomainEvent]) -> None:
    """Reaction: the caller will hear that the report is here."""
    due.schedule(RECEIVED, [(event.subject_id, event.recorded_at or event.occurred_at) for event in opened])


def answered(comments: Sequence[Commented]) -> None:
    """Reaction: the caller will hear what somebody answered. An automatic text or their own is no answer."""
    answers = [event for event in comments if event.human and not event.by_caller and not event.third_party]
    due.schedule(ANSWERED, [(event.comment_id, event.recorded_at or event.occurred_at) for event in answers])


def received_due(*, now: datetime, limit: int = BATCH) -> int:
    """Engine: tell callers that their reports were received."""
    return run_due(RECEIVED, lambda items: _tell_received(items, now), now=now, limit=limit, of="incident")


def answers_due(*, now: datetime, limit: int = BATCH) -> int:
    """Engine: tell callers, watchers and affected users what was answered."""
    return run_due(ANSWERED, lambda items: _tell_answers(items, now), now=now, limit=limit)


def _tell_received(items: Sequence[DueItem], now: datetime) -> None:
    incidents = Incident.objects.select_related("caller").filter(
        id__in=[item.subject_id for item in items], caller__isnull=False, imported_from=None
    )
    for incident in incidents.order_by("id"):
        assert incident.caller is not None
        with override(incident.caller.language):
            text = about_incident(
                _about(incident),
                _("we received your report"),
                detail=_("You will hear from us by answer to this message; you can answer it too."),
                for_staff=False,
            )
        tell_people(
            [incident.caller], kind="received", subject=text.subject, body=text.body, now=now,
            key=f"received:{incident.id}", subject_id=incident.id, synthetic=incident.synthetic,
        )  # fmt: skip


def _tell_answers(items: Sequence[DueItem], now: datetime) -> None:
    comments = list(
        Comment.objects.select_related("incident", "incident__caller")
        .filter(id__in=[item.subject_id for item in items], public=True, automatic=False)
        .order_by("id")
    )
    bodies = texts([comment.content_id for comment in comments])
    for comment in comments:
        for person in _audience(comment.incident, but=comment.author_id):
            _tell_answer(comment, bodies.get(comment.content_id, ""), person, now)


def _audience(incident: Incident, *, but: int | None) -> list[Person]:
    """The caller; watchers and those merged into it too, but never of a security incident. Who only said "me too" has
    joined without being asked: what is written to the caller is not for them."""
    people = {incident.caller.id: incident.caller} if incident.caller is not None else {}
    if not incident.security:
        merged = AffectedUser.objects.filter(incident=incident).exclude(why="me_too")
        for joined in (Watcher.objects.filter(incident=incident), merged):
            rows = joined.filter(person__is_active=True).select_related("person")
            people |= {row.person_id: row.person for row in rows.order_by("id")}
    return [person for person_id, person in people.items() if person_id != but]


def _tell_answer(comment: Comment, body: str, person: Person, now: datetime) -> None:
    incident = comment.incident
    with override(person.language):
        about = _about(incident, title=_called(incident, person))
        text = about_incident(about, _("an answer to your report"), detail=body, for_staff=False)
    tell_people(
        [person], kind="answer", subject=text.subject, body=text.body, now=now, key=f"answer:{comment.id}",
        subject_id=incident.id, synthetic=incident.synthetic,
    )  # fmt: skip


def _called(incident: Incident, person: Person) -> str:
    """Its title; for whoever was merged into it what is published, never a colleague's words."""
    joined = incident.caller_id != person.id and is_affected(incident, person.id)
    return joined_title(incident) if joined else incident.title


def _about(incident: Incident, *, title: str = "") -> About:
    return About(
        incident_id=incident.id,
        number=incident.number,
        priority=None,
        title=title or incident.title,
        security=incident.security,
    )
