"""Which agreement holds for an incident now, and what its clocks then say. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from firstline.catalog.calendar import Calendar
from firstline.sla.agreement import Agreement, Duration, working_amount
from firstline.sla.clock import ClockState, Phase, fold
from firstline.sla.reading import TARGETS, Entry, History, Terms, clock_events

JUST_AFTER = timedelta(microseconds=1)
LATE_SHARE = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What `agreement_applied` says."""

    agreement_id: int | None
    version_id: int | None
    calendar_version_id: int | None
    priority: int | None
    targets: Mapping[str, float]
    retroactive: bool
    conditions: tuple[str, ...]
    at: datetime

    def as_entry(self) -> Entry:
        return Entry(
            at=self.at,
            verb="agreement_applied",
            human=False,
            data={
                "agreement_id": self.agreement_id,
                "version_id": self.version_id,
                "calendar_version_id": self.calendar_version_id,
                "priority": self.priority,
                "targets": dict(self.targets),
                "retroactive": self.retroactive,
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the row of a clock caches."""

    target: str
    state: str
    started_at: datetime
    target_time: timedelta
    elapsed: timedelta
    changed_at: datetime
    due_at: datetime | None
    stopped_at: datetime | None
    breached_at: datetime | None
    superseded: tuple[datetime, ...]
    warn: tuple[tuple[float, datetime], ...]

    def next_at(self, warned: Sequence[float]) -> datetime | None:
        """When the engine must look: at the next warn point, or just after the due instant."""
        return next_look(
            running=self.state == "running",
            due_at=self.due_at,
            breached=self.breached_at is not None,
            warn=self.warn,
            warned=warned,
        )


def next_look(
    *,
    running: bool,
    due_at: datetime | None,
    breached: bool,
    warn: Sequence[tuple[float, datetime]],
    warned: Sequence[float],
) -> datetime | None:
    """Resolved exactly at the due instant is in time, so that the breach can be known only after it."""
    if not running or breached or due_at is None:
        return None
    ahead = [at for share, at in warn if share not in warned]
    return min([*ahead, due_at + JUST_AFTER])


def last_applied(history: History) -> Entry | None:
    return next((entry for entry in reversed(history.entries) if entry.verb == "agreement_applied"), None)


def targets_of(
    document: Agreement, priority: int | None, calendar: Calendar, start: datetime
) -> dict[str, float]:
    """{target: seconds of working time} that a document promises."""
    promised: dict[str, float] = {}
    for target in TARGETS:
        duration: Duration | None = getattr(document.promise(priority), target)
        if duration is not None:
            promised[target] = working_amount(duration, calendar, start).total_seconds()
    return promised


def applied_at(history: History, registered_at: datetime) -> datetime:
    """When what holds now began to hold: at registration, or at the latest change of what agreements look
    at.
    """
    last = last_applied(history)
    if last is None:
        return registered_at
    looked_at = {"priority", "service_id", "category_id", "caller_id", "group_id", "kind", "major"}
    changed = [entry.at for entry in history.entries if looked_at & set(entry.changes)]
    return max([last.at, *changed])


def differs(applied: Applied, last: Entry | None) -> bool:
    """Whether this says anything new."""
    if last is None:
        return applied.agreement_id is not None
    said = last.data
    return (applied.version_id, dict(applied.targets)) != (
        said.get("version_id"),
        dict(said.get("targets", {})),
    )


def with_entry(history: History, entry: Entry) -> History:
    """The history with one more entry, behind all that happened at the same instant."""
    before = [other for other in history.entries if other.at <= entry.at]
    after = [other for other in history.entries if other.at > entry.at]
    return replace(history, entries=[*before, entry, *after])


def read_clocks(
    history: History, terms: Terms, shares: Mapping[int, tuple[float, ...]], now: datetime
) -> dict[str, Reading]:
    """The clocks of an incident at `now`. `shares`: warn points by agreement version."""
    found: dict[str, Reading] = {}
    last = last_applied(history)
    warn_shares = shares.get(last.data.get("version_id") or 0, ()) if last else ()
    for target in TARGETS:
        events = clock_events(history, target, terms)
        if events is not None:
            found[target] = _reading(target, fold(events), warn_shares, now)
    return found


def _reading(target: str, state: ClockState, shares: tuple[float, ...], now: datetime) -> Reading:
    breached = state.breach(now)
    stopped = state.phase is Phase.STOPPED
    warn = [(share, state.warn_at(share)) for share in shares] if state.running else []
    return Reading(
        target=target,
        state=_state(state, now),
        started_at=state.started_at,
        target_time=state.target or timedelta(),
        elapsed=state.elapsed(now),
        changed_at=state.changed_at,
        due_at=state.due(),
        stopped_at=state.changed_at if stopped else None,
        breached_at=breached,
        superseded=tuple(breach.at for breach in state.superseded_breaches),
        warn=tuple((share, at) for share, at in warn if at is not None),
    )


def _state(state: ClockState, now: datetime) -> str:
    if state.target is None or state.phase is Phase.CANCELLED:
        return "cancelled"
    if state.phase is Phase.STOPPED:
        return "met" if state.met(now) else "missed"
    return state.phase.value


def lowered_late(history: History, states: ClockState | None, now: datetime) -> float | None:
    """The share used up when the priority was last lowered, if that was three quarters or more."""
    if states is None or states.target is None or not states.target:
        return None
    share = states.elapsed(now) / states.target
    return round(share, 4) if share >= LATE_SHARE else None


def priority_lowered(history: History) -> tuple[datetime, Any] | None:
    """The latest change of priority, if it lowered it (a higher number)."""
    for entry in reversed(history.entries):
        if "priority" in entry.changes:
            before, after = entry.changes["priority"]
            if before is not None and after is not None and after > before:
                return entry.at, after
            return None
    return None
