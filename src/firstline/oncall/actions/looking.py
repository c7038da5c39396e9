"""The engine's verb after something happened to an incident: start paging, page anew, or end it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import QuerySet

from firstline.catalog.calendar import Calendar, add_working_time
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
    return run_due(LOOK, lambda items: _look_at(items, now), now=now, limit=limit, of="incident")


def _look_at(items: Sequence[DueItem], now: datetime) -> None:
    look([item.subject_id for item in items], now=now)


@dataclass(slots=True)
class _Round:
    """What looking at a batch of incidents reads once, and what it will write together."""

    now: datetime
    assignments: list[Assignment]
    last: dict[int, Escalation]
    reopened: dict[int, datetime]
    stalled_minutes: int
    hours: dict[int, Calendar] = field(default_factory=dict)
    policies: dict[int, Policy] = field(default_factory=dict)
    starting: list[tuple[Escalation, Choice]] = field(default_factory=list)
    watched: list[tuple[int, datetime]] = field(default_factory=list)
    unwatched: list[int] = field(default_factory=list)

    def running(self, incident: Incident) -> Escalation | None:
        last = self.last.get(incident.id)
        return last if last is not None and last.ended_at is None else None

    def group_hours(self, group_id: int) -> Calendar:
        if group_id not in self.hours:
            self.hours[group_id] = group_calendar(group_id, self.now)
        return self.hours[group_id]


@transaction.atomic
def look(incident_ids: Iterable[int], *, now: datetime) -> None:
    """Bring the escalations of these incidents in line with what they have become.

    1. Resolved, closed, cancelled or merged: the escalation ends and everybody paged is told.
    2. Somebody works on it, or put it on hold: nothing more is due.
    3. A higher priority, or another group: the old escalation is replaced under the policy of what holds now.
    4. None yet, and the policy of (service, priority) pages: it starts.
    """
    incidents = list(
        Incident.objects.select_for_update(of=("self",))
        .select_related("service", "assignee")
        .defer("search", "description")
        .filter(id__in=list(incident_ids), imported_from=None)
        .order_by("id")
    )
    this = _round(incidents, now)
    for incident in incidents:
        _look_one(incident, this)
    _start_all(this)
    due.unschedule(STALLED, this.unwatched)
    due.schedule(STALLED, this.watched)


def _round(incidents: Sequence[Incident], now: datetime) -> _Round:
    ids = [incident.id for incident in incidents]
    last: dict[int, Escalation] = {}
    for row in Escalation.objects.select_for_update().filter(incident_id__in=ids).order_by("id"):
        last[row.incident_id] = row
    reopened = Event.objects.filter(
        subject_type="incident", subject_id__in=ids, verb__in=("reopened", "unmerged")
    ).order_by("recorded_at")
    return _Round(
        now=now,
        assignments=assignments_in_force(),
        last=last,
        reopened=dict(reopened.values_list("subject_id", "recorded_at")),
        stalled_minutes=installation.get("ola_stalled_minutes"),
    )


def _look_one(incident: Incident, this: _Round) -> None:
    running = this.running(incident)
    if not incident.is_open:
        this.unwatched.append(incident.id)
        if running is not None:
            end(running, incident, _ending(incident), now=this.now)
        return
    _watch_progress(incident, this)
    if incident.priority is None or incident.kind != "incident":
        return
    if running is None:
        if _wants_paging(incident, this):
            start(incident, this)
    elif _more_is_known(running, incident):
        end(running, incident, "replaced", now=this.now, tell=False)
        start(incident, this)
    elif incident.state in (State.IN_PROGRESS, State.ON_HOLD):
        _work_has_begun(running, incident, this.now)
    elif _acknowledged_elsewhere(running, incident):
        _acknowledge_for(running, incident, this.now)


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


def _wants_paging(incident: Incident, this: _Round) -> bool:
    """Nobody was paged yet for what is known now, and nobody works on it."""
    last = this.last.get(incident.id)
    waits = incident.state in (State.NEW, State.ASSIGNED)
    if last is None:
        return incident.acknowledged_at is None and waits
    reopened = this.reopened.get(incident.id)
    again = waits and reopened is not None and last.ended_at is not None and reopened >= last.ended_at
    return last.ended_why == "replaced" or _more_is_known(last, incident) or again


def assignments_in_force() -> list[Assignment]:
    rows = PolicyAssignment.objects.order_by("id")
    return [Assignment(row.id, row.service_id, row.priority, row.policy_id, row.hours) for row in rows]


def start(incident: Incident, this: _Round) -> None:
    """Start the policy of (service, priority), if one pages. What runs is a snapshot of it."""
    assert incident.priority is not None
    choice = choose(this.assignments, service=incident.service_id, priority=incident.priority)
    if not choice.pages:
        return
    document = _document(choice, this)
    if choice.hours == "group" and incident.group_id is not None:
        document = msgspec.structs.replace(document, calendar=this.group_hours(incident.group_id))
    row = Escalation(
        incident=incident,
        policy_id=choice.policy,
        snapshot=msgspec.to_builtins(document),
        priority=incident.priority,
        group_id=incident.group_id,
        cursor=msgspec.to_builtins(Cursor()),
        started_at=this.now,
        next_at=this.now,
    )
    this.starting.append((row, choice))


def _document(choice: Choice, this: _Round) -> Policy:
    key = choice.policy or 0
    if key not in this.policies:
        this.policies[key] = policy_of(choice)
    return this.policies[key]


def _start_all(this: _Round) -> None:
    Escalation.objects.bulk_create([row for row, _ in this.starting])
    event_log.record(
        [
            EscalationStarted(
                subject_id=row.incident_id, actor=CLOCKWORK, occurred_at=this.now, escalation_id=row.id,
                why={"assignment": choice.because, "hours": choice.hours}, policy_id=choice.policy,
                priority=row.priority,
            )
            for row, choice in this.starting
        ],
        now=this.now,
    )  # fmt: skip


def policy_of(choice: Choice) -> Policy:
    """The policy's version in force; the built-in one where none is chosen."""
    if choice.policy is not None:
        version = PolicyVersion.objects.filter(policy_id=choice.policy, valid_to=None).first()
        if version is not None:
            return msgspec.convert(version.definition, Policy)
    return DEFAULT


def snapshot(choice: Choice, incident: Incident, now: datetime) -> Policy:
    """What would run: the policy, with the group's hours where it pages in them."""
    document = policy_of(choice)
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


def _watch_progress(incident: Incident, this: _Round) -> None:
    """Functional escalation by rule: due when the group had the incident for so long without progress."""
    waits = incident.state in (State.NEW, State.ASSIGNED)
    if not this.stalled_minutes or incident.group_id is None or not waits:
        this.unwatched.append(incident.id)
        return
    pause = timedelta(minutes=this.stalled_minutes)
    this.watched.append((incident.id, add_working_time(this.group_hours(incident.group_id), this.now, pause)))
