"""The engine's verb after something happened to an incident: start paging, page anew, or end it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import QuerySet

from firstline.catalog.calendar import add_working_time
from firstline.catalog.queries import group_calendar
from firstline.core import due, event_log, installation
from firstline.core.actor import Actor, ActorKind
from firstline.core.batch import run_due
from firstline.core.due import DueItem
from firstline.core.models import Event
from firstline.incidents.lifecycle import State
from firstline.incidents.models import Incident
from firstline.notifications import actions as notifications
from firstline.oncall.actions.telling import tell_stand_down
from firstline.oncall.choice import Assignment, Choice, choose
from firstline.oncall.events import EscalationAcknowledged, EscalationEnded, EscalationStarted
from firstline.oncall.models import Escalation, Page, PolicyAssignment, PolicyVersion
from firstline.oncall.policy import DEFAULT, Cursor, Policy
from firstline.oncall.reactions import LOOK

CLOCKWORK = Actor.clock("escalation")
STALLED = "oncall.stalled"
BATCH = 200


def look_due(*, now: datetime, limit: int = BATCH) -> int:
    """Engine: look at the incidents to which something happened."""
    return run_due(LOOK, lambda items: _look_at(items, now), now=now, limit=limit)


def _look_at(items: Sequence[DueItem], now: datetime) -> None:
    look([item.subject_id for item in items], now=now)


@transaction.atomic
def look(incident_ids: Iterable[int], *, now: datetime) -> None:
    """Bring the escalations of these incidents in line with what they have become.

    1. Resolved, closed, cancelled or merged: the escalation ends and everybody paged is told.
    2. Somebody works on it, or put it on hold: nothing more is due.
    3. A higher priority, or another group: the old escalation is replaced under the policy of what holds now.
    4. None yet, and the policy of (service, priority) pages: it starts.
    """
    incidents = (
        Incident.objects.select_for_update(of=("self",))
        .select_related("service", "assignee")
        .defer("search", "description")
        .filter(id__in=list(incident_ids), imported_from=None)
        .order_by("id")
    )
    assignments = assignments_in_force()
    for incident in incidents:
        _look_one(incident, assignments, now)


def _look_one(incident: Incident, assignments: Sequence[Assignment], now: datetime) -> None:
    running = Escalation.objects.select_for_update().filter(incident=incident, ended_at=None).first()
    if not incident.is_open:
        due.unschedule(STALLED, [incident.id])
        if running is not None:
            end(running, incident, _ending(incident), now=now)
        return
    _watch_progress(incident, now)
    if incident.priority is None or incident.kind != "incident":
        return
    if running is not None:
        if _more_is_known(running, incident):
            end(running, incident, "replaced", now=now, tell=False)
            start(incident, assignments, now=now)
        elif incident.state in (State.IN_PROGRESS, State.ON_HOLD):
            _work_has_begun(running, incident, now)
        elif _acknowledged_elsewhere(running, incident):
            _acknowledge_for(running, incident, now)
    elif _wants_paging(incident):
        start(incident, assignments, now=now)


def _ending(incident: Incident) -> str:
    return "merged" if incident.merged_into_id is not None else incident.state


def _more_is_known(running: Escalation, incident: Incident) -> bool:
    assert incident.priority is not None
    raised = incident.priority < running.priority
    moved = (
        running.group_id is not None
        and incident.group_id != running.group_id
        and incident.state == State.ASSIGNED
    )
    return raised or moved


def _wants_paging(incident: Incident) -> bool:
    """Nobody was paged yet for what is known now, and nobody works on it."""
    last = Escalation.objects.filter(incident=incident).order_by("-id").first()
    if last is None:
        return incident.acknowledged_at is None and incident.state in (State.NEW, State.ASSIGNED)
    if last.ended_why == "replaced":
        return True
    return _more_is_known(last, incident) or _reopened_since(incident, last)


def _reopened_since(incident: Incident, last: Escalation) -> bool:
    if incident.state not in (State.NEW, State.ASSIGNED) or last.ended_at is None:
        return False
    verbs = Event.objects.filter(
        subject_type="incident", subject_id=incident.id, verb__in=("reopened", "unmerged")
    )
    return verbs.filter(recorded_at__gte=last.ended_at).exists()


def assignments_in_force() -> list[Assignment]:
    rows = PolicyAssignment.objects.order_by("id")
    return [Assignment(row.id, row.service_id, row.priority, row.policy_id, row.hours) for row in rows]


def start(
    incident: Incident, assignments: Sequence[Assignment], *, now: datetime, at: datetime | None = None
) -> Escalation | None:
    """Start the policy of (service, priority), if one pages. What runs is a snapshot of it."""
    assert incident.priority is not None
    choice = choose(assignments, service=incident.service_id, priority=incident.priority)
    if not choice.pages:
        return None
    row = Escalation.objects.create(
        incident=incident,
        policy_id=choice.policy,
        snapshot=msgspec.to_builtins(snapshot(choice, incident, now)),
        priority=incident.priority,
        group_id=incident.group_id,
        cursor=msgspec.to_builtins(Cursor()),
        started_at=now,
        next_at=at or now,
    )
    event = EscalationStarted(
        subject_id=incident.id,
        actor=CLOCKWORK,
        occurred_at=now,
        why={"assignment": choice.because, "hours": choice.hours},
        escalation_id=row.id,
        policy_id=choice.policy,
        priority=incident.priority,
    )
    event_log.record([event], now=now)
    return row


def snapshot(choice: Choice, incident: Incident, now: datetime) -> Policy:
    """The document that runs: the policy's version in force, with the group's hours where it pages in
    them.
    """
    document = DEFAULT
    if choice.policy is not None:
        version = PolicyVersion.objects.filter(policy_id=choice.policy, valid_to=None).first()
        if version is not None:
            document = msgspec.convert(version.definition, Policy)
    if choice.hours == "group" and incident.group_id is not None:
        return msgspec.structs.replace(document, calendar=group_calendar(incident.group_id, now))
    return document


def end(
    row: Escalation,
    incident: Incident,
    reason: str,
    *,
    now: datetime,
    by: int | None = None,
    tell: bool = True,
) -> None:
    """Nobody is paged any more; what is under way is called off, and everybody already paged is told."""
    pages = list(Page.objects.filter(escalation=row).values_list("id", flat=True))
    notifications.drop(page_ids=pages, reason=reason)
    Page.objects.filter(id__in=pages, ended_at=None).update(ended_at=now)
    ended_by = by if by is not None else incident.resolved_by_id if reason == "resolved" else None
    told = tell_stand_down(row, incident, reason, ended_by, now) if tell else []
    row.state, row.next_at, row.ended_at, row.ended_why = "ended", None, now, reason
    row.save(update_fields=["state", "next_at", "ended_at", "ended_why"])
    event = EscalationEnded(
        subject_id=incident.id,
        actor=CLOCKWORK,
        occurred_at=now,
        escalation_id=row.id,
        reason=reason,
        told=told,
    )
    event_log.record([event], now=now)


def _work_has_begun(running: Escalation, incident: Incident, now: datetime) -> None:
    """Work is more than an acknowledgement: nothing is due any more, until it ends or more is known."""
    if running.state != "acknowledged":
        _acknowledge_for(running, incident, now)
    if running.next_at is not None:
        running.next_at = None
        running.save(update_fields=["next_at"])


def _acknowledged_elsewhere(running: Escalation, incident: Incident) -> bool:
    """Acknowledged since the start, and not by answering a page: what that one answer ends was decided
    then.
    """
    if running.acknowledged_at is not None or incident.acknowledged_at is None:
        return False
    answered = Page.objects.filter(escalation=running, acknowledged_at__isnull=False)
    return incident.acknowledged_at >= running.started_at and not answered.exists()


def _acknowledge_for(running: Escalation, incident: Incident, now: datetime) -> None:
    """The incident says that somebody cares, without having answered a page."""
    person_id = _who_acted(incident)
    acknowledged(running, incident, person_id, now=now)


def _who_acted(incident: Incident) -> int | None:
    rows: QuerySet[Event] = Event.objects.filter(
        subject_type="incident", subject_id=incident.id, actor_kind=ActorKind.PERSON.value
    )
    found = rows.filter(verb__in=("acknowledged", "started", "held", "assigned")).order_by("-id").first()
    return found.actor_id if found is not None else incident.assignee_id


def acknowledged(row: Escalation, incident: Incident, person_id: int | None, *, now: datetime) -> None:
    """The escalation stands still: what has not gone out is called off; without work it goes on after the
    timeout.
    """
    pages = list(Page.objects.filter(escalation=row).values_list("id", flat=True))
    notifications.drop(page_ids=pages, reason="acknowledged")
    Page.objects.filter(id__in=pages, ended_at=None).update(ended_at=now)
    timeout: Any = row.snapshot.get("ack_timeout")
    working = incident.state in (State.IN_PROGRESS, State.ON_HOLD)
    row.state, row.acknowledged_at, row.acknowledged_by_id = "acknowledged", now, person_id
    row.next_at = now + timedelta(minutes=timeout) if timeout and not working else None
    row.save(update_fields=["state", "acknowledged_at", "acknowledged_by", "next_at"])
    event = EscalationAcknowledged(
        subject_id=incident.id,
        actor=Actor.person(person_id) if person_id is not None else CLOCKWORK,
        occurred_at=now,
        escalation_id=row.id,
        person_id=person_id,
    )
    event_log.record([event], now=now)


def _watch_progress(incident: Incident, now: datetime) -> None:
    """Functional escalation by rule: due when the group had the incident for so long without progress."""
    minutes = installation.get("ola_stalled_minutes")
    if not minutes or incident.group_id is None or incident.state not in (State.NEW, State.ASSIGNED):
        due.unschedule(STALLED, [incident.id])
        return
    calendar = group_calendar(incident.group_id, now)
    due.schedule(STALLED, [(incident.id, add_working_time(calendar, now, timedelta(minutes=minutes)))])
