"""Corrections by people: fields, category, priority, diagnosis, tasks, publishing, verdict."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from firstline.accounts.models import Person
from firstline.catalog.models import Category
from firstline.core import due
from firstline.core.actor import Actor
from firstline.core.content import save_text
from firstline.core.errors import Invalid, NotFound
from firstline.incidents.actions.people import add_affected
from firstline.incidents.actions.register import MACHINE_CHANNELS
from firstline.incidents.actions.writing import change, commit, one, order_in_force, place_in_queue
from firstline.incidents.events import (
    Categorised,
    Diagnosed,
    Edited,
    OverrideLifted,
    PriorityOverridden,
    Published,
    TaskAdded,
    TaskFinished,
)
from firstline.incidents.models import Diagnosis, Incident, Task

EDITABLE = frozenset(
    [
        "title",
        "description",
        "caller_id",
        "caller_phone",
        "caller_place",
        "preferred_channel",
        "service_id",
        "ci_id",
        "degradation",
        "extent",
        "can_work",
        "deadline",
        "verdict",
        "tlp",
        "personal_data",
        "cause",
        "security",
        "kind",
    ]
)
_REASSESS = frozenset({"service_id", "degradation", "extent", "can_work", "deadline", "security"})
OVERRIDE_REASONS = (
    "business_event",
    "wider_than_known",
    "smaller_than_known",
    "management",
    "agreement_with_caller",
)
VERDICTS = ("true_positive", "benign", "false_positive")


@transaction.atomic
def edit(
    incident_id: int, values: Mapping[str, Any], *, actor: Actor, now: datetime, version: int | None = None
) -> Incident:
    """Correct fields. What priority depends on is assessed anew by the engine."""
    if unknown := set(values) - EDITABLE:
        raise Invalid(
            f"Can't be changed here: {', '.join(sorted(unknown))}.", dict.fromkeys(unknown, "unknown")
        )
    incident = one(incident_id, actor=actor, verb="incident.work", version=version, touching=tuple(values))
    if "title" in values and not str(values["title"]).strip():
        raise Invalid("An incident needs a title.", {"title": "empty"})
    if values.get("verdict") and values["verdict"] not in VERDICTS:
        raise Invalid("Unknown verdict.", {"verdict": "true positive, benign or false positive"})
    _check_caller(incident, values)
    changes = change(incident, now, **values)
    if not changes:
        return incident
    event = Edited(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        version=incident.version + 1,
    )
    commit(incident, changes, [event], now=now)
    if set(changes) & _REASSESS and incident.is_open:
        due.schedule("reassess", [(incident.id, now)])
    if "caller_id" in changes and incident.caller_id is not None:
        add_affected(incident, incident.caller_id, why="caller", actor=actor, now=now)
    return incident


def _check_caller(incident: Incident, values: Mapping[str, Any]) -> None:
    """Whose incident it is may be found out later (a monitor was first); once it ended, it stays."""
    if "caller_id" not in values or values["caller_id"] == incident.caller_id:
        return
    _require_open(incident)
    if values["caller_id"] is None and incident.channel not in MACHINE_CHANNELS:
        raise Invalid("A person's report keeps a caller.", {"caller": "needed"})
    if (
        values["caller_id"] is not None
        and not Person.objects.filter(id=values["caller_id"], is_active=True).exists()
    ):
        raise Invalid("There is no such person.", {"caller": "unknown"})


@transaction.atomic
def categorise(
    incident_id: int, category_id: int, *, actor: Actor, now: datetime, version: int | None = None
) -> Incident:
    """A person chooses the category; it is what rules and later learning are measured against."""
    incident = one(incident_id, actor=actor, verb="incident.work", version=version, touching=("category_id",))
    if not Category.objects.filter(id=category_id, active=True).exists():
        raise Invalid("There is no such category.", {"category": "unknown"})
    changes = change(incident, now, category_id=category_id)
    if not changes:
        return incident
    event = Categorised(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        why={"by": "person"},
        version=incident.version + 1,
    )
    return commit(incident, changes, [event], now=now)


@transaction.atomic
def override_priority(
    incident_id: int,
    priority: int,
    *,
    reason: str,
    actor: Actor,
    now: datetime,
    note: str = "",
    version: int | None = None,
) -> Incident:
    """A person decides the priority, with a reason of the pick list; it stays until a person lifts it."""
    incident = one(
        incident_id, actor=actor, verb="incident.priority", version=version, touching=("priority",)
    )
    if reason not in OVERRIDE_REASONS:
        raise Invalid("Choose why.", {"reason": "choose a reason"})
    if not 1 <= priority <= 5:
        raise Invalid("Priorities are 1 to 5.", {"priority": "1 to 5"})
    _require_open(incident)
    changes = change(incident, now, priority=priority, priority_fixed=True, proposed_priority=None)
    place_in_queue(incident, order_in_force())
    event = PriorityOverridden(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=dict(changes),
        content_id=save_text(note, now=now) if note.strip() else None,
        priority=priority,
        reason=reason,
        version=incident.version + 1,
    )
    return commit(incident, {**changes, "work_next_at": (None, None)}, [event], now=now)


@transaction.atomic
def lift_override(incident_id: int, *, actor: Actor, now: datetime) -> Incident:
    """Let the assessment decide again, from now."""
    incident = one(incident_id, actor=actor, verb="incident.priority")
    changes = change(incident, now, priority_fixed=False)
    if not changes:
        return incident
    event = OverrideLifted(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        version=incident.version + 1,
    )
    commit(incident, changes, [event], now=now)
    due.schedule("reassess", [(incident.id, now)], {"lower": True})
    return incident


@transaction.atomic
def diagnose(
    incident_id: int,
    *,
    cause: str,
    confirmed: bool,
    actor: Actor,
    now: datetime,
    services: str = "",
    users: str = "",
    affected_from: datetime | None = None,
    affected_to: datetime | None = None,
    steps_taken: str = "",
) -> Diagnosis:
    """The statement that ends initial diagnosis: cause, scale, steps taken."""
    incident = one(incident_id, actor=actor, verb="incident.work")
    if not cause.strip():
        raise Invalid("Name the cause, suspected or confirmed.", {"cause": "needed"})
    if affected_from and affected_to and affected_to < affected_from:
        raise Invalid("It ends before it begins.", {"affected_to": "before the beginning"})
    row = Diagnosis.objects.create(
        incident=incident,
        cause=cause.strip(),
        confirmed=confirmed,
        services=services.strip(),
        users=users.strip(),
        affected_from=affected_from,
        affected_to=affected_to,
        steps_taken=steps_taken.strip(),
        author_id=actor.id if actor.is_human else None,
        created_at=now,
    )
    event = Diagnosed(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        diagnosis_id=row.id,
        confirmed=confirmed,
        version=incident.version + 1,
    )
    commit(incident, {}, [event], now=now)
    return row


@transaction.atomic
def add_task(
    incident_id: int, title: str, *, actor: Actor, now: datetime, assignee_id: int | None = None
) -> Task:
    incident = one(incident_id, actor=actor, verb="incident.work")
    _require_open(incident)
    if not title.strip():
        raise Invalid("Say what is to be done.", {"title": "empty"})
    task = Task.objects.create(
        incident=incident, title=title.strip()[:255], assignee_id=assignee_id, created_at=now
    )
    event = TaskAdded(
        subject_id=incident.id, actor=actor, occurred_at=now, task_id=task.id, version=incident.version + 1
    )
    commit(incident, {}, [event], now=now)
    return task


@transaction.atomic
def finish_task(incident_id: int, task_id: int, *, actor: Actor, now: datetime, state: str = "done") -> Task:
    incident = one(incident_id, actor=actor, verb="incident.work")
    task = Task.objects.filter(id=task_id, incident=incident).first()
    if task is None:
        raise NotFound("There is no such task.")
    if state not in ("done", "skipped", "open"):
        raise Invalid("A task is open, done or skipped.", {"state": "unknown"})
    if task.state == state:
        return task
    task.state, task.finished_at = state, None if state == "open" else now
    task.save()
    event = TaskFinished(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        task_id=task.id,
        state=state,
        version=incident.version + 1,
    )
    commit(incident, {}, [event], now=now)
    return task


@transaction.atomic
def publish(
    incident_id: int,
    *,
    title: str,
    status: str,
    actor: Actor,
    now: datetime,
    on: bool = True,
) -> Incident:
    """Let callers see that it is known, by a public title and status, never a caller's own words. Off: take it back."""
    incident = one(incident_id, actor=actor, verb="incident.publish")
    if incident.security:
        raise Invalid("A security incident is never published.")
    if on and not title.strip():
        raise Invalid("Callers see this title: write one.", {"public_title": "needed"})
    changes = change(
        incident,
        now,
        public_title=title.strip()[:255] if on else "",
        public_status=status.strip() if on else "",
        published_at=(incident.published_at or now) if on else None,
    )
    if not changes:
        return incident
    event = Published(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        version=incident.version + 1,
    )
    return commit(incident, changes, [event], now=now)


def _require_open(incident: Incident) -> None:
    if not incident.is_open:
        raise Invalid(f"{incident.number} is {incident.state}; reopen it first.")
