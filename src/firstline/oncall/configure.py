"""Edits of schedules, policies and what they are assigned to. An edit is a new version; the past keeps its
answer.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify

from firstline.accounts.models import Membership
from firstline.catalog.editing import authorise, check_seen, found, unique
from firstline.core import config_log
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.core.event_log import plain
from firstline.oncall.models import Policy, PolicyAssignment, PolicyVersion, Schedule, ScheduleVersion
from firstline.oncall.policy import Policy as PolicyDocument
from firstline.oncall.rotation import with_participants
from firstline.oncall.schedule import Layer
from firstline.oncall.schedule import Schedule as ScheduleDocument


def policy_from(definition: Any) -> PolicyDocument:
    """The policy that this JSON is; `Invalid` says what is wrong with it."""
    try:
        return msgspec.convert(definition, PolicyDocument)
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(f"This is not a policy: {error}.", {"definition": str(error)}) from error


@transaction.atomic
def create_schedule(
    *, name: str, definition: ScheduleDocument, actor: Actor, now: datetime, group_id: int | None = None
) -> Schedule:
    """Add a schedule, in force from now."""
    _may_edit(actor, group_id)
    row = Schedule(name=name.strip(), slug=_slug(name), group_id=group_id, zone=definition.zone)
    unique(Schedule, row, "name", "schedule")
    unique(Schedule, row, "slug", "schedule", field="name")
    row.save()
    _add_schedule_version(row, definition, 1, actor, now)
    config_log.changed(
        "schedule", row.id, actor=actor, now=now, before=None, after=_schedule_facts(row, _stored(definition))
    )
    return row


@transaction.atomic
def edit_schedule(
    schedule_id: int,
    *,
    name: str,
    definition: ScheduleDocument,
    actor: Actor,
    now: datetime,
    group_id: int | None = None,
    seen: str = "",
) -> Schedule:
    """Rename it, give it to a group, and where what it says differs put a new version in force from `now` on.

    Whoever is on now in a layer of the same name and stays in it is on after the edit.
    """
    row = found(Schedule, schedule_id, "schedule")
    _may_edit(actor, row.group_id)
    current = ScheduleVersion.objects.select_for_update().get(schedule=row, valid_to=None)
    before = _schedule_facts(row, current.definition)
    check_seen(before, seen)
    if _stored(definition) != current.definition:
        definition = keeping_who_is_on(msgspec.convert(current.definition, ScheduleDocument), definition, now)
        ScheduleVersion.objects.filter(id=current.id).update(valid_to=now)
        _add_schedule_version(row, definition, current.number + 1, actor, now)
    row.name, row.group_id, row.zone = name.strip(), group_id, definition.zone
    unique(Schedule, row, "name", "schedule")
    row.save()
    after = _schedule_facts(row, _stored(definition))
    config_log.changed("schedule", row.id, actor=actor, now=now, before=before, after=after)
    return row


def keeping_who_is_on(before: ScheduleDocument, after: ScheduleDocument, now: datetime) -> ScheduleDocument:
    """The edited schedule with the offsets of its rotations set so that nobody on now is moved."""
    known = {layer.name: layer for layer in before.layers}
    zone = ZoneInfo(after.zone)
    return msgspec.structs.replace(
        after, layers=tuple(_kept(known.get(layer.name), layer, zone, now) for layer in after.layers)
    )


def _kept(old: Layer | None, new: Layer, zone: ZoneInfo, now: datetime) -> Layer:
    if old is None or old.rotation is None or new.rotation is None:
        return new
    same = msgspec.structs.replace(
        new.rotation, participants=old.rotation.participants, offset=old.rotation.offset
    )
    if same != old.rotation or new.rotation.participants == old.rotation.participants:
        return new
    kept = with_participants(old.rotation, zone, new.rotation.participants, now)
    return msgspec.structs.replace(new, rotation=kept)


@transaction.atomic
def create_policy(
    *, name: str, definition: PolicyDocument, actor: Actor, now: datetime, owner_id: int | None = None
) -> Policy:
    """Add a policy. Its owner hears when one of its steps reaches nobody."""
    authorise(actor, "oncall.edit")
    row = Policy(name=name.strip(), owner_id=owner_id)
    unique(Policy, row, "name", "policy")
    row.save()
    _add_policy_version(row, definition, 1, actor, now)
    after = _policy_facts(row, _stored(definition))
    config_log.changed("policy", row.id, actor=actor, now=now, before=None, after=after)
    return row


@transaction.atomic
def edit_policy(
    policy_id: int,
    *,
    name: str,
    definition: PolicyDocument,
    actor: Actor,
    now: datetime,
    owner_id: int | None = None,
    seen: str = "",
) -> Policy:
    """A new version for escalations that start from now on; what runs keeps its snapshot."""
    authorise(actor, "oncall.edit")
    row = found(Policy, policy_id, "policy")
    current = PolicyVersion.objects.select_for_update().get(policy=row, valid_to=None)
    before = _policy_facts(row, current.definition)
    check_seen(before, seen)
    row.name, row.owner_id = name.strip(), owner_id
    unique(Policy, row, "name", "policy")
    row.save()
    if _stored(definition) != current.definition:
        PolicyVersion.objects.filter(id=current.id).update(valid_to=now)
        _add_policy_version(row, definition, current.number + 1, actor, now)
    after = _policy_facts(row, _stored(definition))
    config_log.changed("policy", row.id, actor=actor, now=now, before=before, after=after)
    return row


@transaction.atomic
def assign_policy(
    *,
    service_id: int | None,
    priority: int | None,
    policy_id: int | None,
    actor: Actor,
    now: datetime,
    hours: str = "any",
) -> PolicyAssignment:
    """Say what pages for (service, priority); None is any. No policy: it only queues."""
    authorise(actor, "oncall.edit")
    if hours not in ("any", "group"):
        raise Invalid("A policy pages at any hour or in the group's hours.", {"hours": "unknown"})
    if priority is not None and not 1 <= priority <= 5:
        raise Invalid("Priorities are 1 to 5.", {"priority": "1 to 5"})
    row = PolicyAssignment.objects.filter(Q(service_id=service_id), Q(priority=priority)).first()
    before = _assignment_facts(row) if row is not None else None
    row = row or PolicyAssignment(service_id=service_id, priority=priority)
    row.policy_id, row.hours = policy_id, hours
    row.save()
    config_log.changed(
        "policy assignment", row.id, actor=actor, now=now, before=before, after=_assignment_facts(row)
    )
    return row


@transaction.atomic
def withdraw_assignment(assignment_id: int, *, actor: Actor, now: datetime) -> None:
    """What is less particular decides again, in the end the defaults."""
    authorise(actor, "oncall.edit")
    row = found(PolicyAssignment, assignment_id, "assignment")
    before = _assignment_facts(row)
    row.delete()
    config_log.changed("policy assignment", assignment_id, actor=actor, now=now, before=before, after=None)


def _may_edit(actor: Actor, group_id: int | None) -> None:
    """Those who may edit on-call; a lead the schedules of the own group."""
    own = actor.is_human and actor.id is not None and group_id is not None
    if own and Membership.objects.filter(person_id=actor.id or 0, group_id=group_id or 0, lead=True).exists():
        return
    authorise(actor, "oncall.edit")


def _slug(name: str) -> str:
    return slugify(name)[:80] or "schedule"


def _stored(definition: ScheduleDocument | PolicyDocument) -> Any:
    """As JSON gives it back: lists, never tuples."""
    return plain(msgspec.to_builtins(definition))


def _schedule_facts(row: Schedule, definition: Any) -> dict[str, Any]:
    return {"name": row.name, "group_id": row.group_id, "definition": definition}


def _policy_facts(row: Policy, definition: Any) -> dict[str, Any]:
    return {"name": row.name, "owner_id": row.owner_id, "definition": definition}


def _assignment_facts(row: PolicyAssignment) -> dict[str, Any]:
    return {
        "service_id": row.service_id,
        "priority": row.priority,
        "policy_id": row.policy_id,
        "hours": row.hours,
    }


def _add_schedule_version(
    row: Schedule, definition: ScheduleDocument, number: int, actor: Actor, now: datetime
) -> None:
    ScheduleVersion.objects.create(
        schedule=row,
        number=number,
        definition=_stored(definition),
        valid_from=now,
        created_by_id=_person(actor),
    )


def _add_policy_version(
    row: Policy, definition: PolicyDocument, number: int, actor: Actor, now: datetime
) -> None:
    PolicyVersion.objects.create(
        policy=row,
        number=number,
        definition=_stored(definition),
        valid_from=now,
        created_by_id=_person(actor),
    )


def _person(actor: Actor) -> int | None:
    return actor.id if actor.is_human else None
