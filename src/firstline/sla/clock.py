"""One clock of one incident: a fold over events, nothing else.

The events say when time ran, waited or stood still; the calendar says how much of it counts. From both follow
the elapsed working time, the due instant, the warn instants and the breach. All comparisons are between
instants.

The rules that are easy to get wrong:

- A target is *due* at the first instant at which it is used up. The clock is breached when it still runs
  after that instant; stopped exactly then, it is in time. A pause that begins at the due instant keeps it
  from passing.
- A retroactive target counts from the start with all pauses kept. If it is already past when it is set, the
  breach is at the instant of the change: nobody could have kept it before. A target "from now" starts
  counting anew.
- A longer target supersedes a breach; the superseded instant is kept.
- Stopped time (resolved, then reopened) is neither working nor waiting time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from firstline.catalog.calendar import Calendar, NeverOpens, add_working_time, working_time

ZERO = timedelta()


@dataclass(frozen=True, slots=True)
class Start:
    """The clock starts: `target` of working time in `calendar`; None measures without a target."""

    at: datetime
    calendar: Calendar
    target: timedelta | None
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """Time stands still, for `reason` (caller, scheduled …). While paused, it changes the reason."""

    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody else is waited for (vendor, change …) while the clock runs on."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Work goes on: ends a pause or a wait."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """What was promised has been done."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Reopen:
    """It had not: the same clock runs on, and the time in between counts as nothing."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Cancel:
    """There was nothing to be done."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Retarget:
    """Another target, by default as if it had held from the start; `calendar` None keeps the calendar."""

    at: datetime
    target: timedelta | None
    retroactive: bool = True
    calendar: Calendar | None = None


@dataclass(frozen=True, slots=True)
class ChangeCalendar:
    """Other hours; retroactive recounts everything, else what was counted stays counted."""

    at: datetime
    calendar: Calendar
    retroactive: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """From now the incident is held by `holder` (a group): whose time it is, never how much."""

    at: datetime
    holder: str


ClockEvent = Start | Pause | Wait | Resume | Stop | Reopen | Cancel | Retarget | ChangeCalendar | Hold


class Phase(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of one kind. `end` None: it goes on."""

    start: datetime
    end: datetime | None
    phase: Phase
    calendar: Calendar
    reason: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Breach:
    """The due instant passed while running. `superseded_at`: when a longer target took it back."""

    at: datetime
    superseded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClockState:
    """A clock after some events. `base` is where the present target began to count."""

    started_at: datetime
    base: datetime
    target: timedelta | None
    intervals: tuple[Interval, ...]
    breaches: tuple[Breach, ...] = ()

    @property
    def last(self) -> Interval:
        return self.intervals[-1]

    @property
    def phase(self) -> Phase:
        return self.last.phase

    @property
    def running(self) -> bool:
        return self.phase is Phase.RUNNING

    @property
    def calendar(self) -> Calendar:
        return self.last.calendar

    @property
    def changed_at(self) -> datetime:
        """When the present phase began, however often the holder changed since."""
        since = self.last.start
        for part in reversed(self.intervals):
            if part.phase is not self.phase:
                break
            since = part.start
        return since

    @property
    def superseded_breaches(self) -> tuple[Breach, ...]:
        return tuple(breach for breach in self.breaches if breach.superseded_at is not None)

    def elapsed(self, now: datetime) -> timedelta:
        """Working time counted against the present target until `now`."""
        return sum((counted(part) for part in self._counting(now)), ZERO)

    def due(self) -> datetime | None:
        """When the target is (or was) used up. None: no target, cancelled, or paused with time left."""
        return None if self.target is None else self.reached(self.target)

    def reached(self, amount: timedelta) -> datetime | None:
        """The instant at which `amount` has been counted; None where that depends on an end of the pause.

        On a stopped clock it is when it would have been reached without the stop.
        """
        left = amount
        for part in self._counting(None):
            instant = _add(part.calendar, part.start, left)
            if instant is None or part.end is None or instant < part.end:
                return instant
            left -= counted(part)
        if self.phase is Phase.STOPPED:
            return _add(self.calendar, max(self.changed_at, self.base), left)
        return None

    def breach(self, now: datetime) -> datetime | None:
        """The instant at which the present target was breached, if it was by `now`."""
        standing = [breach.at for breach in self.breaches if breach.superseded_at is None]
        if standing:
            return standing[0]
        return _passed(self, now)

    def met(self, now: datetime) -> bool | None:
        """Whether the promise was kept; None while that is open or where nothing was promised."""
        if self.target is None or self.phase is Phase.CANCELLED:
            return None
        if self.breach(now) is not None:
            return False
        return True if self.phase is Phase.STOPPED else None

    def warn_at(self, share: float) -> datetime | None:
        """When `share` of the target is used up, to the second; None while paused before that."""
        if self.target is None:
            return None
        return self.reached(timedelta(seconds=round(self.target.total_seconds() * share)))

    def next_warn(self, shares: Iterable[float], warned: Iterable[float]) -> tuple[float, datetime] | None:
        """The next share not yet warned of, and when, on a clock that runs. Breached or paused: none."""
        done = set(warned)
        if not self.running:
            return None
        for share in sorted(set(shares) - done):
            instant = self.warn_at(share)
            if instant is not None:
                return share, instant
        return None

    def _counting(self, now: datetime | None) -> list[Interval]:
        """The running stretches since `base`, the open one ended at `now` where that is given."""
        parts = []
        for part in self.intervals:
            if part.phase is not Phase.RUNNING or (part.end is not None and part.end <= self.base):
                continue
            start = max(part.start, self.base)
            end = part.end if part.end is not None or now is None else max(now, start)
            parts.append(replace(part, start=start, end=end))
        return parts


def counted(part: Interval) -> timedelta:
    """Working time of a stretch that has ended."""
    assert part.end is not None
    return working_time(part.calendar, part.start, part.end) if part.phase is Phase.RUNNING else ZERO


def fold(events: Sequence[ClockEvent]) -> ClockState:
    """The state after `events`, which are in the order of (occurred_at, id) and begin with a `Start`.

    Events that change nothing (a pause of a stopped clock, a second start) are passed over: the log of an
    incident has more verbs than a clock has states. Raises ValueError when the first is no `Start`.
    """
    if not events or not isinstance(events[0], Start):
        raise ValueError("a clock begins with a start")
    first = events[0]
    opening = Interval(first.at, None, Phase.RUNNING, first.calendar, holder=first.holder)
    state = ClockState(first.at, first.at, first.target, (opening,))
    for event in events[1:]:
        state = apply(state, event)
    return state


def apply(state: ClockState, event: ClockEvent) -> ClockState:
    """The state after one more event. What passed before the event is settled first."""
    at = max(event.at, state.last.start)
    state = _settle(state, at)
    phase = state.phase
    match event:
        case Pause(reason=reason) if phase in (Phase.RUNNING, Phase.PAUSED):
            return _turn(state, at, Phase.PAUSED, reason)
        case Wait(reason=reason) if phase in (Phase.RUNNING, Phase.PAUSED):
            return _turn(state, at, Phase.RUNNING, reason)
        case Resume() if phase is Phase.PAUSED or (phase is Phase.RUNNING and state.last.reason):
            return _turn(state, at, Phase.RUNNING, "")
        case Stop() if phase in (Phase.RUNNING, Phase.PAUSED):
            return _turn(state, at, Phase.STOPPED, "")
        case Cancel() if phase is not Phase.CANCELLED:
            return _turn(state, at, Phase.CANCELLED, "")
        case Reopen() if phase in (Phase.STOPPED, Phase.CANCELLED):
            return _turn(state, at, Phase.RUNNING, "")
        case Hold(holder=holder) if holder != state.last.holder:
            return _turn(state, at, phase, state.last.reason, holder=holder)
        case Retarget():
            return _retarget(state, at, event)
        case ChangeCalendar(calendar=calendar, retroactive=True):
            every = tuple(replace(part, calendar=calendar) for part in state.intervals)
            return _review(replace(state, intervals=every), at)
        case ChangeCalendar(calendar=calendar):
            return _turn(state, at, phase, state.last.reason, calendar=calendar)
    return state


def _turn(
    state: ClockState,
    at: datetime,
    phase: Phase,
    reason: str,
    *,
    holder: str | None = None,
    calendar: Calendar | None = None,
) -> ClockState:
    """End the present stretch and begin another; a stretch of no length leaves no trace."""
    last = state.last
    following = Interval(
        at, None, phase, calendar or last.calendar, reason, last.holder if holder is None else holder
    )
    kept = state.intervals[:-1]
    if last.start < at:
        kept = (*kept, replace(last, end=at))
    return replace(state, intervals=(*kept, following))


def _retarget(state: ClockState, at: datetime, event: Retarget) -> ClockState:
    if event.retroactive:
        intervals = state.intervals
        if event.calendar is not None:
            intervals = tuple(replace(part, calendar=event.calendar) for part in intervals)
        return _review(replace(state, target=event.target, intervals=intervals), at)
    last = state.last
    cut = _turn(state, at, last.phase, last.reason, calendar=event.calendar)
    renewed = replace(cut, target=event.target, base=at)
    return _review(renewed, at)


def _review(state: ClockState, at: datetime) -> ClockState:
    """After a change of target or hours at `at`: which breach stands, and is there a new one?"""
    past = _is_past(state, at)
    standing = any(breach.superseded_at is None for breach in state.breaches)
    if past and not standing and state.phase is not Phase.CANCELLED:
        return replace(state, breaches=(*state.breaches, Breach(at)))
    if standing and not past:
        taken_back = tuple(
            breach if breach.superseded_at is not None else Breach(breach.at, at) for breach in state.breaches
        )
        return replace(state, breaches=taken_back)
    return state


def _is_past(state: ClockState, at: datetime) -> bool:
    """Whether the present target was used up before `at`, or before the stop if there was one."""
    due = state.due()
    limit = state.changed_at if state.phase is Phase.STOPPED else at
    return due is not None and due < limit


def _settle(state: ClockState, now: datetime) -> ClockState:
    """Write down a breach that happened before `now`."""
    if any(breach.superseded_at is None for breach in state.breaches):
        return state
    instant = _passed(state, now)
    return state if instant is None else replace(state, breaches=(*state.breaches, Breach(instant)))


def _passed(state: ClockState, now: datetime) -> datetime | None:
    """The due instant, if it passed while the clock ran and before `now`."""
    if state.target is None:
        return None
    left = state.target
    for part in state._counting(now):
        assert part.end is not None
        due = _add(part.calendar, part.start, left)
        if due is not None and due < part.end:
            return due
        left -= counted(part)
    return None


def _add(calendar: Calendar, start: datetime, amount: timedelta) -> datetime | None:
    """`add_working_time`; None when that is never, for a broken calendar must not break a clock."""
    try:
        return add_working_time(calendar, start, amount)
    except NeverOpens:
        return None
