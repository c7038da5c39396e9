"""How incidents hang together: links, parents, merges and their undoing."""

from datetime import datetime

from django.db import transaction

from firstline.catalog.models import Change
from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotFound
from firstline.incidents.actions.people import add_affected, tell_affected_changed
from firstline.incidents.actions.writing import change, commit, one, order_in_force, place_in_queue
from firstline.incidents.events import Linked, MergedInto, MergeReceived, ParentSet, Unlinked, Unmerged
from firstline.incidents.lifecycle import CancelReason, State
from firstline.incidents.models import AffectedUser, Incident, Link, Merge, Watcher

LINK_KINDS = ("related", "recurrence", "caused_by_change")


@transaction.atomic
def link(
    incident_id: int,
    *,
    kind: str,
    actor: Actor,
    now: datetime,
    other_id: int | None = None,
    change_id: int | None = None,
) -> Link:
    """Say how this incident hangs together with another or with a change. Said twice, it is one link."""
    if kind not in LINK_KINDS:
        raise Invalid("Choose what the link means.", {"kind": "related, recurrence or caused by change"})
    incident = one(incident_id, actor=actor, verb="incident.work")
    if kind == "caused_by_change":
        if change_id is None or not Change.objects.filter(id=change_id).exists():
            raise NotFound("There is no such change.")
    else:
        if other_id is None or other_id == incident_id:
            raise Invalid("Choose another incident.", {"other": "needed"})
        other = one(other_id, actor=actor, verb="incident.read")
        if other.security and not incident.security:
            raise Invalid(
                "A security incident is linked from its own side.", {"other": "is a security incident"}
            )
    row, made = Link.objects.get_or_create(
        incident=incident, other_id=other_id, change_id=change_id, kind=kind, defaults={"created_at": now}
    )
    if made:
        event = Linked(
            subject_id=incident.id,
            actor=actor,
            occurred_at=now,
            kind=kind,
            other_id=other_id,
            change_id=change_id,
            version=incident.version + 1,
        )
        commit(incident, {}, [event], now=now)
    return row


@transaction.atomic
def unlink(incident_id: int, link_id: int, *, actor: Actor, now: datetime) -> None:
    incident = one(incident_id, actor=actor, verb="incident.work")
    row = Link.objects.filter(id=link_id, incident=incident).first()
    if row is None:
        raise NotFound("There is no such link.")
    row.delete()
    event = Unlinked(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        kind=row.kind,
        other_id=row.other_id,
        version=incident.version + 1,
    )
    commit(incident, {}, [event], now=now)


@transaction.atomic
def set_parent(incident_id: int, parent_id: int | None, *, actor: Actor, now: datetime) -> Incident:
    """Put an incident under another (or under none). One level only: a parent has no parent, a child no children."""
    incident = one(incident_id, actor=actor, verb="incident.work")
    if parent_id is not None:
        parent = one(parent_id, actor=actor, verb="incident.read")
        if parent_id == incident_id or parent.parent_id is not None:
            raise Invalid("A child can't be a parent.", {"parent": "is itself a child"})
        if Incident.objects.filter(parent=incident).exists():
            raise Invalid("This incident has children of its own.", {"parent": "has children"})
    changes = change(incident, now, parent_id=parent_id)
    if not changes:
        return incident
    event = ParentSet(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        version=incident.version + 1,
    )
    return commit(incident, changes, [event], now=now)


@transaction.atomic
def merge(duplicate_id: int, original_id: int, *, actor: Actor, now: datetime) -> Incident:
    """`duplicate` was the same as `original`: its caller becomes affected user and watcher there, its number stays as
    an alias. Returns the original."""
    if duplicate_id == original_id:
        raise Invalid("Choose another incident.", {"original": "is this one"})
    low, high = sorted((duplicate_id, original_id))
    pair = {i: one(i, actor=actor, verb="incident.work") for i in (low, high)}
    duplicate, original = pair[duplicate_id], pair[original_id]
    _check_merge(duplicate, original)
    Merge.objects.create(duplicate=duplicate, original=original, state_before=duplicate.state, merged_at=now)
    _take_over_people(duplicate, original, actor, now)
    changes = change(
        duplicate,
        now,
        state=State.CANCELLED.value,
        cancel_reason=CancelReason.DUPLICATE.value,
        merged_into_id=original.id,
        closed_at=now,
        work_next_at=None,
        hold_reason="",
        look_again_at=None,
    )
    merged = MergedInto(
        subject_id=duplicate.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        other_id=original.id,
        version=duplicate.version + 1,
    )
    commit(duplicate, changes, [merged], now=now)
    received = MergeReceived(
        subject_id=original.id,
        actor=actor,
        occurred_at=now,
        other_id=duplicate.id,
        version=original.version + 1,
    )
    return commit(original, {}, [received], now=now)


def _check_merge(duplicate: Incident, original: Incident) -> None:
    if not duplicate.is_open:
        raise Invalid(f"{duplicate.number} is {duplicate.state}: only an open incident can be merged.")
    if original.merged_into_id is not None:
        raise Invalid(f"{original.number} was itself merged; merge into that one.")
    if original.state in (State.CLOSED, State.CANCELLED):
        raise Invalid(f"{original.number} is {original.state}: link it as a recurrence instead.")
    if duplicate.security != original.security:
        raise Invalid("A security incident and an ordinary one can't be merged.")


def _take_over_people(duplicate: Incident, original: Incident, actor: Actor, now: datetime) -> None:
    people = list(AffectedUser.objects.filter(incident=duplicate).values_list("person_id", flat=True))
    for person_id in people:
        add_affected(original, person_id, why="merged", actor=actor, now=now, merged_from_id=duplicate.id)
    watching = set(Watcher.objects.filter(incident=duplicate).values_list("person_id", flat=True))
    if duplicate.caller_id is not None:
        watching.add(duplicate.caller_id)
    Watcher.objects.bulk_create(
        [Watcher(incident=original, person_id=person_id) for person_id in watching], ignore_conflicts=True
    )


@transaction.atomic
def unmerge(duplicate_id: int, *, actor: Actor, now: datetime) -> Incident:
    """Undo the merge: the duplicate is as it was before; people who came with it leave the original."""
    duplicate = one(duplicate_id, actor=actor, verb="incident.work")
    row = Merge.objects.select_for_update().filter(duplicate=duplicate, undone_at=None).first()
    if row is None:
        raise Invalid(f"{duplicate.number} is not merged.")
    original = one(row.original_id, actor=actor, verb="incident.work")
    came = AffectedUser.objects.filter(incident=original, merged_from=duplicate)
    Watcher.objects.filter(incident=original, person_id__in=came.values_list("person_id", flat=True)).delete()
    came.delete()
    tell_affected_changed(original, actor, now)
    row.undone_at = now
    row.save(update_fields=["undone_at"])
    state = row.state_before if row.state_before != State.ON_HOLD else State.ASSIGNED.value
    if state == State.ASSIGNED and duplicate.group_id is None and duplicate.assignee_id is None:
        state = State.NEW.value
    changes = change(duplicate, now, state=state, cancel_reason="", merged_into_id=None, closed_at=None)
    place_in_queue(duplicate, order_in_force())
    undone = Unmerged(
        subject_id=duplicate.id,
        actor=actor,
        occurred_at=now,
        changes=dict(changes),
        other_id=original.id,
        version=duplicate.version + 1,
    )
    commit(duplicate, {**changes, "work_next_at": (None, None)}, [undone], now=now)
    received = Unmerged(
        subject_id=original.id,
        actor=actor,
        occurred_at=now,
        other_id=duplicate.id,
        version=original.version + 1,
    )
    commit(original, {}, [received], now=now)
    return duplicate
