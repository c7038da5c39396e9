"""One verb on one incident that is already locked: the rule, the fields, the event.

Saving the row and recording the event are the caller's. The ordinary actions do it for one incident or for a list of
the same verb; an import does it for whole histories (`importing.py`). So there is one place where each rule is asked.
Each function raises the incident's version and returns what changed with the event that says so.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from firstline.core.actor import Actor
from firstline.core.content import save_text
from firstline.core.errors import Invalid
from firstline.incidents.actions.writing import Changes, change, place_in_queue
from firstline.incidents.events import Assigned, Closed, PutOnHold, Reopened, Resolved, WorkStarted
from firstline.incidents.lifecycle import ClosedHow, State, check
from firstline.incidents.models import Incident
from firstline.incidents.queue_order import Order


def given_to(
    incident: Incident,
    *,
    group_id: int | None,
    assignee_id: int | None,
    actor: Actor,
    now: datetime,
    reason: str = "",
    escalated: bool = False,
    why: Mapping[str, Any] | None = None,
) -> tuple[Changes, Assigned | None]:
    """Another owner; no event when it has this one already.

    A change of group is a reassignment, from and to nobody too; the first owner of a fresh incident, before it has a
    priority, is not. A resolved incident changes who answers for it and stays resolved: only reopening reopens.
    Given to nobody (only an import does that), it keeps its state.
    """
    if incident.state != State.RESOLVED:
        check(incident.state, State.ASSIGNED)
    before, moved = incident.group_id, group_id != incident.group_id
    values: dict[str, Any] = {"group_id": group_id, "assignee_id": assignee_id}
    if group_id is not None or assignee_id is not None:
        values |= _state_of_owned(incident, moved, assignee_id)
    if moved and (before is not None or incident.priority is not None):
        values["reassignments"] = incident.reassignments + 1
    changes = change(incident, now, **values)
    if not changes:
        return changes, None
    incident.version += 1
    return changes, Assigned(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        why=why or {},
        content_id=save_text(reason, now=now) if reason.strip() else None,
        escalated=escalated,
        version=incident.version,
    )


def _state_of_owned(incident: Incident, moved: bool, assignee_id: int | None) -> dict[str, Any]:
    if incident.state == State.RESOLVED:
        return {}
    if incident.state == State.IN_PROGRESS and not moved and assignee_id == incident.assignee_id:
        return {}
    return {"state": State.ASSIGNED.value, "hold_reason": "", "look_again_at": None}


def started(
    incident: Incident, *, actor: Actor, now: datetime, values: Mapping[str, Any] | None = None
) -> tuple[Changes, WorkStarted]:
    """Somebody works on it. `values`: the owner that comes with it, the first response."""
    check(incident.state, State.IN_PROGRESS)
    wanted: dict[str, Any] = {"state": State.IN_PROGRESS.value, "hold_reason": "", "look_again_at": None}
    changes = change(incident, now, **(wanted | dict(values or {})))
    incident.version += 1
    return changes, WorkStarted(
        subject_id=incident.id, actor=actor, occurred_at=now, changes=changes, version=incident.version
    )


def held(
    incident: Incident,
    *,
    reason: str,
    look_again_at: datetime | None,
    actor: Actor,
    now: datetime,
    caller_wish: bool = False,
    why: Mapping[str, Any] | None = None,
) -> tuple[Changes, PutOnHold]:
    """It waits. What waiting needs (`lifecycle.check_hold`) is checked by the caller, who has the comment."""
    check(incident.state, State.ON_HOLD)
    changes = change(
        incident, now, state=State.ON_HOLD.value, hold_reason=reason, look_again_at=look_again_at
    )
    incident.version += 1
    return changes, PutOnHold(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        why=why or {},
        reason=reason,
        caller_wish=caller_wish,
        version=incident.version,
    )


def resolved(
    incident: Incident,
    *,
    code_id: int,
    notes: str,
    cause: str,
    actor: Actor,
    now: datetime,
    by_rule: bool = False,
    why: Mapping[str, Any] | None = None,
) -> tuple[Changes, Resolved]:
    """Service is restored. What resolving needs (`lifecycle.check_resolution`) is checked by the caller."""
    check(incident.state, State.RESOLVED)
    changes = change(
        incident,
        now,
        state=State.RESOLVED.value,
        resolution_code_id=code_id,
        resolution_notes=notes.strip(),
        cause=cause.strip() or incident.cause,
        resolved_at=now,
        resolved_by_id=actor.id if actor.is_human else None,
        hold_reason="",
        look_again_at=None,
        stop_auto_close=False,
        caller_replied_at=None,
    )
    incident.version += 1
    return changes, Resolved(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        why=why or {},
        content_id=_text_id(changes, "resolution_notes"),
        resolution_code_id=code_id,
        by_rule=by_rule,
        version=incident.version,
    )


def _text_id(changes: Changes, name: str) -> int | None:
    reference = changes.get(name, (None, None))[1]
    return reference["text"] if isinstance(reference, dict) else None


def reopened(
    incident: Incident,
    *,
    keeps_assignee: bool,
    order: Order,
    actor: Actor,
    now: datetime,
    comment: str = "",
    by_alert: bool = False,
    why: Mapping[str, Any] | None = None,
) -> tuple[Changes, Reopened]:
    """Not fixed. Counted; a recurring alert apart."""
    check(incident.state, State.ASSIGNED)
    if incident.state != State.RESOLVED:
        raise Invalid("Only a resolved incident can be reopened.")
    counter = "alert_reopenings" if by_alert else "reopenings"
    changes = change(
        incident,
        now,
        state=State.ASSIGNED.value,
        assignee_id=incident.assignee_id if keeps_assignee else None,
        resolved_at=None,
        stop_auto_close=False,
        acknowledged_at=None,
        **{counter: getattr(incident, counter) + 1},
    )
    place_in_queue(incident, order)
    incident.version += 1
    return changes, Reopened(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=dict(changes),
        why=why or {},
        content_id=save_text(comment, now=now) if comment.strip() else None,
        by_alert=by_alert,
        version=incident.version,
    )


def closed(
    incident: Incident,
    *,
    how: ClosedHow,
    actor: Actor,
    now: datetime,
    why: Mapping[str, Any] | None = None,
) -> tuple[Changes, Closed]:
    """Confirmed, or nobody objected in time. Whether silence may close it is the caller's question."""
    check(incident.state, State.CLOSED)
    changes = change(incident, now, state=State.CLOSED.value, closed_at=now, closed_how=how.value)
    incident.work_next_at = None
    incident.version += 1
    return changes, Closed(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        why=why or {},
        how=how.value,
        version=incident.version,
    )
