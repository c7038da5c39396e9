"""What being on call costs whom: hours, nights, weekends, pages, too little rest, two duties at once. Pure.

Night is 22:00 to 06:00 and weekend Saturday and Sunday, on the wall clock of each schedule. Rest is what Directive
2003/88/EC, article 3, asks for: eleven hours in a row within each day. A page ends it; a stretch of duty of more than a
week without a free day is said as well.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from firstline.oncall.rotation import Window, openings
from firstline.oncall.schedule import OnDuty

NIGHT = Window(start="22:00", end="06:00")
WEEKEND = Window(days=("sat", "sun"))
REST = timedelta(hours=11)
DAY = timedelta(days=1)
LONGEST = timedelta(days=7)
ZERO = timedelta()


@dataclass(frozen=True, slots=True)
class Assigned:
    """A duty and the schedule that it is of."""

    schedule_id: int
    zone: ZoneInfo
    duty: OnDuty


@dataclass(frozen=True, slots=True)
class Paged:
    """A page that reached somebody, on the wall clock of `zone`."""

    person: int
    at: datetime
    zone: ZoneInfo


@dataclass(slots=True)
class Load:
    """One person's. Durations are real time; overlapping duties count once in `hours`. `short_rests`: days of duty in
    which pages left less than eleven hours in a row; `longest`: the longest stretch without a free day.
    """

    person: int
    hours: timedelta = ZERO
    nights: timedelta = ZERO
    weekends: timedelta = ZERO
    double: timedelta = ZERO
    longest: timedelta = ZERO
    pages: int = 0
    night_pages: int = 0
    short_rests: list[datetime] = field(default_factory=list)

    @property
    def too_long(self) -> bool:
        return self.longest > LONGEST


@dataclass(frozen=True, slots=True)
class Double:
    """Somebody is on call in two schedules at once."""

    person: int
    schedules: tuple[int, int]
    start: datetime
    end: datetime


def loads(assigned: Iterable[Assigned], paged: Iterable[Paged]) -> list[Load]:
    """The load of each person with a duty or a page, the most hours first."""
    found: dict[int, Load] = {}
    duties: dict[int, list[Assigned]] = defaultdict(list)
    pages: dict[int, list[Paged]] = defaultdict(list)
    for one in assigned:
        duties[one.duty.person].append(one)
    for page in paged:
        pages[page.person].append(page)
    for person in duties.keys() | pages.keys():
        found[person] = _load(person, duties[person], sorted(pages[person], key=lambda page: page.at))
    return sorted(found.values(), key=lambda load: (-load.hours, -load.pages, load.person))


def doubles(assigned: Sequence[Assigned]) -> list[Double]:
    """Where the duties of one person in two schedules overlap, in the order of time."""
    each: dict[int, list[Assigned]] = defaultdict(list)
    for one in assigned:
        each[one.duty.person].append(one)
    found = []
    for person, own in each.items():
        own.sort(key=lambda one: one.duty.start)
        for place, first in enumerate(own):
            for second in own[place + 1 :]:
                if second.duty.start >= first.duty.end:
                    break
                if second.schedule_id != first.schedule_id:
                    end = min(first.duty.end, second.duty.end)
                    found.append(
                        Double(person, (first.schedule_id, second.schedule_id), second.duty.start, end)
                    )
    return sorted(found, key=lambda double: (double.start, double.person))


def _load(person: int, own: Sequence[Assigned], pages: Sequence[Paged]) -> Load:
    spans = merged((one.duty.start, one.duty.end) for one in own)
    load = Load(person, hours=_total(spans))
    load.nights = _total(merged(_within(own, NIGHT)))
    load.weekends = _total(merged(_within(own, WEEKEND)))
    load.double = sum((one.end - one.start for one in doubles(own)), ZERO)
    load.longest = max((end - start for start, end in merged(spans, apart=DAY)), default=ZERO)
    load.pages = len(pages)
    load.night_pages = sum(is_night(page.at, page.zone) for page in pages)
    load.short_rests = [day for start, end in spans for day in _short_rests(start, end, pages)]
    return load


def is_night(at: datetime, zone: ZoneInfo) -> bool:
    hour = at.astimezone(zone).hour
    return hour >= 22 or hour < 6


def _within(own: Iterable[Assigned], window: Window) -> Iterable[tuple[datetime, datetime]]:
    for one in own:
        start, end = one.duty.start, one.duty.end
        for low, high in openings(window, one.zone, start, end):
            if max(low, start) < min(high, end):
                yield max(low, start), min(high, end)


def merged(
    spans: Iterable[tuple[datetime, datetime]], *, apart: timedelta = ZERO
) -> list[tuple[datetime, datetime]]:
    """Spans joined where they overlap, touch, or lie less than `apart` from each other."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if found and (start <= found[-1][1] or start - found[-1][1] < apart):
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _total(spans: Iterable[tuple[datetime, datetime]]) -> timedelta:
    return sum((end - start for start, end in spans), ZERO)


def _short_rests(start: datetime, end: datetime, pages: Sequence[Paged]) -> Iterable[datetime]:
    """The days of a duty, each 24 hours from its start, in which no eleven hours went without a page."""
    day = start
    while day < end:
        stop = min(day + DAY, end)
        inside = [page.at for page in pages if day <= page.at < stop]
        rests = [b - a for a, b in pairwise([day, *inside, stop])]
        if inside and stop - day >= REST and max(rests) < REST:
            yield day
        day += DAY
