"""Those whom an incident concerns: watchers, and users who are hit too."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from firstline.accounts.viewer import Viewer, viewer_for, viewer_of
from firstline.core import due, event_log
from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotFound
from firstline.core.models import Event
from firstline.incidents.actions.writing import commit, locked, one
from firstline.incidents.events import AffectedAdded, SecurityRead, WatcherAdded, WatcherRemoved
from firstline.incidents.models import AffectedUser, Incident, Watcher
from firstline.incidents.visibility import visible


@transaction.atomic
def watch(incident_id: int, person_id: int, *, actor: Actor, now: datetime, on: bool = True) -> None:
    """Add or remove a watcher. Nobody becomes the watcher of a security incident that they may not see."""
    incident = one(incident_id, actor=actor, verb="incident.comment")
    if on and incident.security and not visible(viewer_of(person_id)).filter(id=incident.id).exists():
        raise Invalid(
            "This person may not see security incidents of this group.", {"person": "may not see it"}
        )
    if on:
        _row, made = Watcher.objects.get_or_create(incident=incident, person_id=person_id)
        if not made:
            return
    elif not Watcher.objects.filter(incident=incident, person_id=person_id).delete()[0]:
        return
    kind = WatcherAdded if on else WatcherRemoved
    event = kind(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        person_id=person_id,
        version=incident.version + 1,
    )
    commit(incident, {}, [event], now=now)


@transaction.atomic
def me_too(incident_id: int, *, actor: Actor, now: datetime, person_id: int | None = None) -> Incident:
    """Somebody is hit by the same: joins instead of duplicating. Callers may join what is published; agents may add
    anybody. Joining twice changes nothing."""
    person = person_id if person_id is not None else actor.id
    if person is None:
        raise Invalid("Say who is affected.", {"person": "needed"})
    if actor.is_human and not viewer_for(actor).may("incident.work"):
        reachable = Incident.objects.filter(Q(published_at__isnull=False), id=incident_id, security=False)
        if person != actor.id or not reachable.exists():
            raise NotFound("There is no such published incident.")
        incident = locked([incident_id])[0]
    else:
        incident = one(incident_id, actor=actor, verb="incident.work")
    if not incident.is_open and incident.state != "resolved":
        raise Invalid("This incident has ended; report a new one.")
    add_affected(incident, person, why="me_too", actor=actor, now=now)
    return incident


def add_affected(
    incident: Incident,
    person_id: int,
    *,
    why: str,
    actor: Actor,
    now: datetime,
    merged_from_id: int | None = None,
) -> bool:
    """Count a person in; True when they were not yet. The engine then re-assesses the priority."""
    _row, made = AffectedUser.objects.get_or_create(
        incident=incident,
        person_id=person_id,
        defaults={"why": why, "at": now, "merged_from_id": merged_from_id},
    )
    if not made:
        return False
    before = incident.affected_users
    incident.affected_users = max(before, AffectedUser.objects.filter(incident=incident).count())
    event = AffectedAdded(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes={"affected_users": (before, incident.affected_users)},
        person_id=person_id,
        affected_users=incident.affected_users,
        version=incident.version + 1,
    )
    commit(incident, {"affected_users": (before, incident.affected_users)}, [event], now=now)
    due.schedule("reassess", [(incident.id, now)])
    return True


def is_affected(incident: Incident, person_id: int | None) -> bool:
    """Whether this person said "me too" or reported what was merged into it."""
    return (
        person_id is not None and AffectedUser.objects.filter(incident=incident, person_id=person_id).exists()
    )


def tell_affected_changed(incident: Incident, actor: Actor, now: datetime) -> None:
    """After a merge is undone: count again."""
    before = incident.affected_users
    incident.affected_users = max(1, AffectedUser.objects.filter(incident=incident).count())
    if before != incident.affected_users:
        incident.save(update_fields=["affected_users"])


@transaction.atomic
def note_read(incident: Incident, viewer: Viewer, *, now: datetime) -> None:
    """Log that a security incident was read by somebody outside its group: once a quarter of an hour and person."""
    if not incident.security or viewer.person_id is None or not viewer.break_glass:
        return
    if incident.group_id in viewer.security_groups:
        return
    recent = Event.objects.filter(
        subject_type="incident",
        subject_id=incident.id,
        verb=SecurityRead.verb,
        actor_id=viewer.person_id,
        occurred_at__gt=now - timedelta(minutes=15),
    )
    if not recent.exists():
        actor = Actor.person(viewer.person_id)
        event = SecurityRead(subject_id=incident.id, actor=actor, occurred_at=now, version=incident.version)
        event_log.record([event], now=now)
