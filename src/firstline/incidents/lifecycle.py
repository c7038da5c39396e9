"""The state machine of an incident, as tabled in docs/lifecycle. Pure."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from firstline.core.errors import Invalid, InvalidTransition


class State(StrEnum):
    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class HoldReason(StrEnum):
    CALLER = "caller"
    SCHEDULED = "scheduled"
    VENDOR = "vendor"
    CHANGE = "change"
    PROBLEM = "problem"


class CancelReason(StrEnum):
    FALSE_ALARM = "false_alarm"
    WITHDRAWN = "withdrawn"
    SPAM = "spam"
    NOT_AN_INCIDENT = "not_an_incident"
    DUPLICATE = "duplicate"  # set by merge only


class ClosedHow(StrEnum):
    CALLER = "caller"
    ON_BEHALF = "on_behalf"
    NO_ANSWER = "no_answer"
    NO_CALLER = "no_caller"


OPEN = frozenset({State.NEW, State.ASSIGNED, State.IN_PROGRESS, State.ON_HOLD})
TERMINAL = frozenset({State.CLOSED, State.CANCELLED})

_LEAVE = frozenset({State.ASSIGNED, State.IN_PROGRESS, State.ON_HOLD, State.RESOLVED, State.CANCELLED})
TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.NEW: _LEAVE,
    State.ASSIGNED: _LEAVE,
    State.IN_PROGRESS: _LEAVE - {State.IN_PROGRESS},
    State.ON_HOLD: _LEAVE,
    State.RESOLVED: frozenset({State.CLOSED, State.ASSIGNED}),
    State.CLOSED: frozenset(),
    State.CANCELLED: frozenset(),
}


def check(before: State | str, after: State | str) -> None:
    """`InvalidTransition`, naming what would be possible, unless the table allows `before` → `after`."""
    old, new = State(before), State(after)
    if new in TRANSITIONS[old]:
        return
    if old in TERMINAL:
        raise InvalidTransition(
            f"The incident is {old.value}; that is final. Open a new incident and link it as a recurrence."
        )
    if old is State.RESOLVED and new in OPEN:
        raise InvalidTransition("The incident is resolved: reopen it first.")
    possible = ", ".join(sorted(state.value.replace("_", " ") for state in TRANSITIONS[old]))
    raise InvalidTransition(
        f"An incident that is {old.value.replace('_', ' ')} can't become {new.value.replace('_', ' ')}; "
        f"possible: {possible}."
    )


def check_hold(reason: str, *, comment: str, look_again_at: datetime | None, now: datetime) -> None:
    """What holding needs: a reason; for `caller` a comment that asks; an instant at which it wakes by itself."""
    if reason not in set(HoldReason):
        raise Invalid("Choose why it waits.", {"hold_reason": "choose a reason"})
    if reason == HoldReason.CALLER and not comment.strip():
        raise Invalid(
            "Write to the caller what you need from them.", {"comment": "needed to wait for the caller"}
        )
    if look_again_at is None:
        raise Invalid("Say when to look at it again.", {"look_again_at": "needed"})
    if look_again_at <= now:
        raise Invalid(
            "The instant to look again lies in the past.", {"look_again_at": "must be later than now"}
        )


def check_resolution(
    *,
    code: object,
    notes: str,
    cause: str,
    cause_required: bool,
    diagnosis_required: bool,
    verdict_required: bool,
) -> None:
    """What resolving needs: a code, notes to the caller, the cause if the category asks, for P1–P2 a diagnosis
    statement, for a security incident its verdict."""
    missing: dict[str, str] = {}
    if not code:
        missing["resolution_code"] = "choose a resolution code"
    if not notes.strip():
        missing["resolution_notes"] = "write what was done, for the caller"
    if cause_required and not cause.strip():
        missing["cause"] = "the category asks for the cause"
    if diagnosis_required:
        missing["diagnosis"] = "P1 and P2 need the diagnosis statement first"
    if verdict_required:
        missing["verdict"] = "a security incident needs its verdict"
    if missing:
        raise Invalid("Not resolved yet: " + "; ".join(missing.values()) + ".", missing)
