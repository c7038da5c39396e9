"""Stretches of days and how they are cut for a chart. Pure; days are UTC, as in the queue's filters."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from firstline.core.errors import Invalid

LONGEST = 732  # days
Step = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Period:
    """From the first to the last day, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise Invalid("The period ends before it begins.", {"until": "before the first day"})
        if (self.last - self.first).days >= LONGEST:
            raise Invalid("A report spans two years at most.", {"since": "too early"})

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """Exclusive."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)

    @property
    def step(self) -> Step:
        """Days up to five weeks, weeks up to half a year, months beyond."""
        days = (self.last - self.first).days + 1
        return "day" if days <= 35 else "week" if days <= 190 else "month"

    def bucket(self, day: date) -> date:
        """The first day of the piece that holds `day` (weeks begin on Monday)."""
        if self.step == "day":
            return day
        return day - timedelta(days=day.weekday()) if self.step == "week" else day.replace(day=1)

    def buckets(self) -> list[date]:
        """Every piece of the period in order, also those in which nothing happened."""
        found = [self.bucket(self.first)]
        while True:
            following = self._next(found[-1])
            if following > self.last:
                return found
            found.append(following)

    def within(self, bucket: date) -> tuple[date, date]:
        """The first and last day of a piece, cut to the period."""
        return max(bucket, self.first), min(self._next(bucket) - timedelta(days=1), self.last)

    def _next(self, bucket: date) -> date:
        if self.step == "month":
            return (bucket + timedelta(days=32)).replace(day=1)
        return bucket + timedelta(days=1 if self.step == "day" else 7)
