"""Ownership and work: assign, start, hold, resume, acknowledge."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from firstline.accounts.models import Membership, Person, SupportGroup
from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.incidents.actions.talking import add_comment
from firstline.incidents.actions.verbs import given_to, held, started
from firstline.incidents.actions.writing import Changes, locked, one, save, store
from firstline.incidents.events import Acknowledged, Resumed
from firstline.incidents.lifecycle import OPEN, State, check, check_hold
from firstline.incidents.models import Incident


@transaction.atomic
def assign(
    incident_id: int,
    *,
    actor: Actor,
    now: datetime,
    group_id: int | None = None,
    assignee_id: int | None = None,
    reason: str = "",
    escalated: bool = False,
    version: int | None = None,
    why: dict[str, Any] | None = None,
) -> Incident:
    """Give an incident to a group, a person, or both. `escalated`: to those who know more; needs a reason.

    A person alone keeps the group if it is theirs, else the first of their groups. A group change drops the assignee.
    """
    incident = one(
        incident_id, actor=actor, verb="incident.work", version=version, touching=("group_id", "assignee_id")
    )
    if escalated and actor.is_human and not reason.strip():
        raise Invalid("Say why it is escalated.", {"reason": "needed"})
    group_id, assignee_id = _owners(incident, group_id, assignee_id)
    changes, event = given_to(
        incident,
        group_id=group_id,
        assignee_id=assignee_id,
        actor=actor,
        now=now,
        reason=reason,
        escalated=escalated,
        why=why,
    )
    return store(incident, changes, [event] if event else [], now=now)


def _owners(
    incident: Incident, group_id: int | None, assignee_id: int | None
) -> tuple[int | None, int | None]:
    if group_id is None and assignee_id is None:
        raise Invalid("Choose a group or a person.", {"group": "needed"})
    if assignee_id is not None and not Person.objects.filter(id=assignee_id, is_active=True).exists():
        raise Invalid("There is no such person.", {"assignee": "unknown"})
    if group_id is not None:
        group = SupportGroup.objects.filter(id=group_id, active=True).first()
        if group is None:
            raise Invalid("There is no such group.", {"group": "unknown"})
        if incident.security and not group.security:
            raise Invalid(
                "A security incident goes to a security group only.", {"group": "not a security group"}
            )
        _of_the_security_group(incident, group_id, assignee_id)
        return group_id, assignee_id
    assert assignee_id is not None
    theirs = list(
        Membership.objects.filter(person_id=assignee_id).order_by("id").values_list("group_id", flat=True)
    )
    _of_the_security_group(incident, incident.group_id, assignee_id)
    keeps = incident.group_id in theirs or not theirs
    return (incident.group_id if keeps else theirs[0]), assignee_id


def _of_the_security_group(incident: Incident, group_id: int | None, assignee_id: int | None) -> None:
    """Nobody owns a security incident that they may not see."""
    if not incident.security or assignee_id is None:
        return
    if not Membership.objects.filter(person_id=assignee_id, group_id=group_id, group__security=True).exists():
        raise Invalid("Only members of its security group can own it.", {"assignee": "not of the group"})


def take(incident_id: int, *, actor: Actor, now: datetime, version: int | None = None) -> Incident:
    """Make it one's own and start work: what an agent does with one key."""
    with transaction.atomic():
        incident = assign(incident_id, actor=actor, now=now, assignee_id=actor.id, version=version)
        return start(incident.id, actor=actor, now=now)


@transaction.atomic
def start(incident_id: int, *, actor: Actor, now: datetime, version: int | None = None) -> Incident:
    """Somebody works on it: first response. Unowned, it becomes the actor's."""
    incident = one(incident_id, actor=actor, verb="incident.work", version=version, touching=("state",))
    values: dict[str, Any] = {}
    if actor.is_human and incident.assignee_id is None:
        group_id, assignee_id = _owners(incident, None, actor.id)
        values |= {"assignee_id": assignee_id, "group_id": group_id}
    if actor.is_human and incident.first_response_at is None:
        values["first_response_at"] = now
    changes, event = started(incident, actor=actor, now=now, values=values)
    return store(incident, changes, [event], now=now)


@transaction.atomic
def hold(
    incident_id: int,
    *,
    reason: str,
    look_again_at: datetime | None,
    actor: Actor,
    now: datetime,
    comment: str = "",
    caller_wish: bool = False,
    version: int | None = None,
) -> Incident:
    """Let it wait, with a reason and an instant at which it wakes by itself. `caller` needs a comment to the caller;
    `caller_wish`: scheduled because the caller asked for it (pauses the clock by default)."""
    incident = one(
        incident_id, actor=actor, verb="incident.work", version=version, touching=("state", "hold_reason")
    )
    check(incident.state, State.ON_HOLD)
    check_hold(reason, comment=comment, look_again_at=look_again_at, now=now)
    changes, event = held(
        incident,
        reason=reason,
        look_again_at=look_again_at,
        actor=actor,
        now=now,
        caller_wish=caller_wish,
    )
    store(incident, changes, [event], now=now)
    if comment.strip():
        add_comment(incident, comment, public=reason == "caller", actor=actor, now=now)
    return incident


@transaction.atomic
def resume(
    incident_ids: Sequence[int], *, actor: Actor, now: datetime, why: dict[str, Any] | None = None
) -> list[Incident]:
    """Go on with what was on hold: to its assignee, else its group, else new. Others of the list are left alone."""
    if actor.is_human:
        for incident_id in incident_ids:
            one(incident_id, actor=actor, verb="incident.work")
    rows = [row for row in locked(incident_ids) if row.state == State.ON_HOLD]
    events = []
    for row in rows:
        state = State.IN_PROGRESS if row.assignee_id else State.ASSIGNED if row.group_id else State.NEW
        changes: Changes = {
            "state": (row.state, state.value),
            "hold_reason": (row.hold_reason, ""),
            "look_again_at": (row.look_again_at, None),
        }
        row.state, row.hold_reason, row.look_again_at = state.value, "", None
        row.version += 1
        events.append(
            Resumed(
                subject_id=row.id,
                actor=actor,
                occurred_at=now,
                changes=changes,
                why=why or {},
                version=row.version,
            )
        )
    save(rows, ["state", "hold_reason", "look_again_at"], now=now)
    event_log.record(events, now=now)
    return rows


def wake_held(*, now: datetime, limit: int = 500) -> int:
    """Engine: whatever was to be looked at again by now."""
    with transaction.atomic():
        ids = list(
            Incident.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(state=State.ON_HOLD.value, look_again_at__lte=now)
            .order_by("look_again_at")
            .values_list("id", flat=True)[:limit]
        )
        if ids:
            resume(ids, actor=Actor.clock("look again"), now=now, why={"look_again": True})
        return len(ids)


@transaction.atomic
def acknowledge(incident_ids: Sequence[int], *, actor: Actor, now: datetime) -> list[Incident]:
    """Somebody has seen it and cares. Said once per incident; again is no change and no error."""
    if actor.is_human:
        for incident_id in incident_ids:
            one(incident_id, actor=actor, verb="incident.acknowledge")
    rows = [row for row in locked(incident_ids) if row.state in OPEN and row.acknowledged_at is None]
    events = []
    for row in rows:
        row.acknowledged_at = now
        row.version += 1
        events.append(
            Acknowledged(
                subject_id=row.id,
                actor=actor,
                occurred_at=now,
                changes={"acknowledged_at": (None, now)},
                version=row.version,
            )
        )
    save(rows, ["acknowledged_at"], now=now)
    event_log.record(events, now=now)
    return rows


def escalate(
    incident_id: int,
    *,
    reason: str,
    actor: Actor,
    now: datetime,
    group_id: int | None = None,
    version: int | None = None,
) -> Incident:
    """Functional escalation: to those who know more; by default the next line of the owning group."""
    if group_id is None:
        group_id = (
            SupportGroup.objects.filter(pk__in=Incident.objects.filter(id=incident_id).values("group_id"))
            .values_list("escalates_to_id", flat=True)
            .first()
        )
        if group_id is None:
            raise Invalid("The owning group has no next line: choose a group.", {"group": "needed"})
    return assign(
        incident_id,
        actor=actor,
        now=now,
        group_id=group_id,
        reason=reason,
        escalated=True,
        version=version,
        why={"escalated": True},
    )
