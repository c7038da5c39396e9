"""Why a clock is due when it is: a ledger that a person can check by hand, and whose time it was."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.catalog.calendar import Calendar, working_time
from firstline.sla.clock import ZERO, ClockState, Interval, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One stretch. `worked`: business time in it; `counted`: what of that counts against the target.

    `before`: it lies before the present target began to count. `ahead`: it is yet to come.
    """

    start: datetime
    end: datetime
    phase: Phase
    calendar: Calendar
    reason: str
    holder: str
    worked: timedelta
    counted: timedelta
    before: bool = False
    ahead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """`elapsed` is exactly the sum of what the lines until now count; with the lines ahead it is the
    target.
    """

    lines: tuple[Line, ...]
    target: timedelta | None
    elapsed: timedelta
    due: datetime | None

    @property
    def remaining(self) -> timedelta | None:
        """Working time left; negative when it is overdrawn."""
        return None if self.target is None else self.target - self.elapsed

    def in_phase(self, phase: Phase) -> timedelta:
        """Business time spent in a phase: paused is waiting, stopped is solved."""
        return sum((line.worked for line in self.lines if line.phase is phase and not line.ahead), ZERO)

    def owners(self) -> dict[str, timedelta]:
        """Business time per owner: who was waited for (`caller`, `vendor` …), else the holder.

        Time after the clock stopped is nobody's.
        """
        spent: dict[str, timedelta] = defaultdict(timedelta)
        for line in self.lines:
            if line.phase in (Phase.RUNNING, Phase.PAUSED) and not line.ahead:
                spent[line.reason or line.holder] += line.worked
        return {owner: time for owner, time in spent.items() if time}


def why_due(state: ClockState, now: datetime) -> Ledger:
    """The ledger of a clock at `now`."""
    lines: list[Line] = []
    for part in state.intervals:
        end = min(part.end or now, now)
        for start, stop in _around(part.start, end, state.base):
            lines.append(_line(part, start, stop, before=stop <= state.base))
    due = state.due()
    if state.running and due is not None and due > now:
        lines.append(_line(state.last, max(now, state.last.start), due, ahead=True))
    elapsed = sum((line.counted for line in lines if not line.ahead), ZERO)
    return Ledger(lines=tuple(lines), target=state.target, elapsed=elapsed, due=due)


def _around(start: datetime, end: datetime, base: datetime) -> list[tuple[datetime, datetime]]:
    """The stretch, cut at `base` if that lies inside it."""
    if start < base < end:
        return [(start, base), (base, end)]
    return [(start, end)] if start < end else []


def _line(
    part: Interval, start: datetime, end: datetime, *, before: bool = False, ahead: bool = False
) -> Line:
    worked = working_time(part.calendar, start, end)
    counts = part.phase is Phase.RUNNING and not before
    return Line(
        start=start,
        end=end,
        phase=part.phase,
        calendar=part.calendar,
        reason=part.reason,
        holder=part.holder,
        worked=worked,
        counted=worked if counts else ZERO,
        before=before,
        ahead=ahead,
    )
