"""From an incident's log to clock events. Pure: rows of the log in, events of `sla.clock` out.

What moves a clock is a change of a field, whatever verb made it: `state`, `hold_reason`, `group_id`,
`first_response_at`, `acknowledged_at`. Agreements come from `agreement_applied`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from firstline.catalog.calendar import ALWAYS, Calendar
from firstline.sla.agreement import PAUSES_BY_DEFAULT
from firstline.sla.clock import (
    Cancel,
    ClockEvent,
    Hold,
    Pause,
    Reopen,
    Resume,
    Retarget,
    Start,
    Stop,
    Wait,
)

OPEN = frozenset({"new", "assigned", "in_progress", "on_hold"})
TARGETS = ("response", "resolution", "next_update")
MACHINE_CHANNELS = frozenset({"monitoring", "SIEM", "API"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What of an event's row matters here."""

    at: datetime
    verb: str
    human: bool
    actor_id: int | None = None
    changes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)

    def to(self, name: str) -> Any:
        return self.changes[name][1] if name in self.changes else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The documents that `agreement_applied` names: calendars by version, pauses by agreement version."""

    calendars: Mapping[int, Calendar] = field(default_factory=dict)
    pauses: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def calendar(self, version_id: int | None) -> Calendar:
        return self.calendars.get(version_id, ALWAYS) if version_id is not None else ALWAYS

    def pausing(self, version_id: int | None) -> tuple[str, ...]:
        return self.pauses.get(version_id, PAUSES_BY_DEFAULT) if version_id is not None else PAUSES_BY_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """An incident's log in the order of (occurred_at, id), and when its report was received."""

    received_at: datetime
    machine: bool
    entries: Sequence[Entry]
    group_id: int | None = None


def clock_events(history: History, target: str, terms: Terms) -> list[ClockEvent] | None:
    """The events of one clock; None where no agreement ever promised this target.

    Clocks start when the report was received. The clock of the next update starts anew with each update.
    """
    applied = [entry for entry in history.entries if entry.verb == "agreement_applied"]
    promised = [entry for entry in applied if target in entry.data.get("targets", {})]
    if not promised:
        return None
    # Before the first promise there is none: it holds from the start, as if it had been known then.
    first = promised[0]
    begin = _begin(history, target)
    in_force = [entry for entry in applied if entry.at <= begin] or [first]
    opening = in_force[-1] if target in in_force[-1].data.get("targets", {}) else first
    events: list[ClockEvent] = [
        Start(
            begin,
            terms.calendar(opening.data.get("calendar_version_id")),
            _length(opening, target),
            _holder(history.group_id),
        )
    ]
    pausing = terms.pausing(opening.data.get("version_id"))
    for entry in history.entries:
        if entry.verb == "agreement_applied":
            pausing = terms.pausing(entry.data.get("version_id"))
            if entry is not opening and entry.at >= begin and entry is not first:
                events.append(_retarget(entry, target, terms))
            continue
        if entry.at >= begin or entry.verb == "opened":
            events += _moves(entry, target, history.machine, pausing)
    return events


def _begin(history: History, target: str) -> datetime:
    if target != "next_update":
        return history.received_at
    begin = history.received_at
    for entry in history.entries:
        update = entry.verb == "status_posted" or (
            entry.verb == "commented"
            and entry.human
            and not entry.data.get("by_caller")
            and entry.data.get("human", True)
        )
        if update or entry.verb == "reopened":
            begin = entry.at
    return begin


def _length(entry: Entry, target: str) -> timedelta | None:
    seconds = entry.data.get("targets", {}).get(target)
    return None if seconds is None else timedelta(seconds=seconds)


def _retarget(entry: Entry, target: str, terms: Terms) -> Retarget:
    return Retarget(
        entry.at,
        _length(entry, target),
        retroactive=bool(entry.data.get("retroactive", True)),
        calendar=terms.calendar(entry.data.get("calendar_version_id")),
    )


def _moves(entry: Entry, target: str, machine: bool, pausing: tuple[str, ...]) -> list[ClockEvent]:
    events: list[ClockEvent] = []
    if "group_id" in entry.changes and entry.to("group_id") is not None:
        events.append(Hold(entry.at, _holder(entry.to("group_id"))))
    if target == "response":
        return events + _response(entry, machine)
    return events + _work(entry, pausing)


def _response(entry: Entry, machine: bool) -> list[ClockEvent]:
    """First human answer: a public comment, or a person taking it; a machine's is answered by acknowledging
    it.

    Resolved or cancelled by a rule before that, there is nothing left to answer.
    """
    answered = entry.to("first_response_at") is not None and entry.human
    taken = entry.human and entry.to("assignee_id") is not None and entry.to("assignee_id") == entry.actor_id
    acknowledged = machine and entry.human and entry.to("acknowledged_at") is not None
    state = entry.to("state")
    ended = state in ("resolved", "cancelled")
    if answered or taken or acknowledged or (ended and entry.human and state == "resolved"):
        return [Stop(entry.at)]
    if ended:
        return [Cancel(entry.at)]
    before = entry.changes["state"][0] if "state" in entry.changes else None
    if before in ("resolved", "closed", "cancelled") and state in OPEN and entry.verb == "unmerged":
        return [Reopen(entry.at)]
    return []


def _work(entry: Entry, pausing: tuple[str, ...]) -> list[ClockEvent]:
    if "state" not in entry.changes and "hold_reason" not in entry.changes:
        return []
    before, after = entry.changes.get("state", (None, "on_hold"))
    events: list[ClockEvent] = []
    if before in ("resolved", "closed", "cancelled") and after in OPEN:
        events.append(Reopen(entry.at))
    if after == "resolved":
        events.append(Stop(entry.at))
    elif after == "cancelled":
        events.append(Cancel(entry.at))
    elif after == "on_hold":
        events.append(_held(entry, pausing))
    elif after in OPEN:
        events.append(Resume(entry.at))
    return events


def _held(entry: Entry, pausing: tuple[str, ...]) -> ClockEvent:
    """A hold pauses for the reasons of the agreement; `scheduled` only when the caller wished it."""
    reason = str(entry.data.get("reason") or entry.to("hold_reason") or "")
    wished = reason != "scheduled" or bool(entry.data.get("caller_wish"))
    return Pause(entry.at, reason) if reason in pausing and wished else Wait(entry.at, reason)


def _holder(group_id: Any) -> str:
    return "" if group_id is None else f"group:{group_id}"
