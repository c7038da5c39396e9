"""When a resolved incident asks, reminds and closes, and what an answer does. Pure.

1. A security incident never closes by silence, nor does one whose caller replied, or a major one: people do.
2. Without a caller there is nobody to ask: it closes after a soak of working hours, unrated.
3. With a caller it closes after the window of its priority, in working days; P1–P3 are reminded once before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firstline.catalog.calendar import Calendar, add_working_days, add_working_time

DEFAULT_DAYS = (3, 3, 3, 3, 3)


class Answer(StrEnum):
    FIXED = "fixed"
    STILL_BROKEN = "still_broken"
    NONE = "none"  # nobody answered in time
    WITHDRAWN = "withdrawn"  # overtaken: it was reopened or closed another way


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """Working days to answer for P1 … P5, after how many of them P1–P3 are reminded, and the soak."""

    close_after_days: tuple[int, ...] = DEFAULT_DAYS
    remind_after_days: int = 1
    reminded: frozenset[int] = frozenset({1, 2, 3})
    soak: timedelta = timedelta(hours=8)

    @classmethod
    def from_numbers(cls, *, days: Sequence[int], remind_after_days: int, soak_hours: int) -> "Policy":
        """From the installation's settings."""
        return cls(
            close_after_days=tuple(days) or DEFAULT_DAYS,
            remind_after_days=remind_after_days,
            soak=timedelta(hours=soak_hours),
        )

    def days(self, priority: int | None) -> int:
        """The window of a priority; one that nobody set counts as the lowest."""
        index = (priority or len(self.close_after_days)) - 1
        return self.close_after_days[min(index, len(self.close_after_days) - 1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """When to remind and when to close by itself; None: never. `how` is the word for reports, `why` the reason."""

    remind_at: datetime | None
    close_at: datetime | None
    how: str
    why: str


def plan(
    *,
    asked_at: datetime,
    priority: int | None,
    has_caller: bool,
    security: bool = False,
    major: bool = False,
    stopped: bool = False,
    calendar: Calendar,
    policy: Policy,
) -> Plan:
    """What happens if nobody says anything. Raises `NeverOpens` when the calendar has no working time."""
    for holds, why in ((security, "security"), (major, "major"), (stopped, "caller_replied")):
        if holds:
            return Plan(remind_at=None, close_at=None, how="", why=why)
    if not has_caller:
        at = add_working_time(calendar, asked_at, policy.soak)
        return Plan(remind_at=None, close_at=at, how="no_caller", why="soak")
    days = policy.days(priority)
    close_at = add_working_days(calendar, asked_at, days)
    remind_at = None
    if priority in policy.reminded and 0 < policy.remind_after_days < days:
        remind_at = add_working_days(calendar, asked_at, policy.remind_after_days)
    return Plan(remind_at=remind_at, close_at=close_at, how="no_answer", why=f"{days}_working_days")


def asks_rating(confirmation_id: int, share_percent: int) -> bool:
    """Whether this closure asks for a rating: a fixed share of them, the same answer each time it is asked."""
    spread = confirmation_id * 2_654_435_761 % 2**32  # Knuth's multiplicative hash: neighbours fall far apart
    return spread * 100 // 2**32 < share_percent
