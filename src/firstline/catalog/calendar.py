"""Business calendars: when an organisation works, and arithmetic over that time.

The working time of a calendar is the set of instants whose local time (in the calendar's zone) lies in one
of the half-open segments `[start, end)` of that local day. Everything follows from that one sentence: a local
time that a spring change skips contributes nothing and a segment that begins inside the gap begins at the
first instant after it; a local hour that an autumn change repeats is two hours. The property tests count the
set minute by minute and compare.

All instants are aware datetimes; results are UTC.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays as holiday_library
import msgspec

Span = tuple[str, str]
"""One segment of a local day as people write it: `("09:00", "17:00")`; `"24:00"` is a legal end."""

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_HORIZON_YEARS = 40


class NeverOpens(ValueError):
    """The calendar has no working time within 40 years after the instant asked about."""


class Week(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Segments per weekday."""

    mon: tuple[Span, ...] = ()
    tue: tuple[Span, ...] = ()
    wed: tuple[Span, ...] = ()
    thu: tuple[Span, ...] = ()
    fri: tuple[Span, ...] = ()
    sat: tuple[Span, ...] = ()
    sun: tuple[Span, ...] = ()

    def days(self) -> tuple[tuple[Span, ...], ...]:
        """The seven days, Monday first."""
        return (self.mon, self.tue, self.wed, self.thu, self.fri, self.sat, self.sun)


class Region(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A country, and where wanted its subdivision, whose public holidays are closed days (ISO 3166 codes)."""

    country: str
    subdivision: str | None = None


class Opening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exceptional day: exactly these segments count, whatever the week and the holidays say."""

    day: date
    segments: tuple[Span, ...]


class Calendar(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A business calendar. An exceptional opening beats a holiday, a holiday beats the week.

    Raises `ValueError` when made with an unknown zone, an unknown region, or segments that are reversed,
    overlap or are not times of a day.
    """

    zone: str
    week: Week = Week()
    regions: tuple[Region, ...] = ()
    closed: tuple[date, ...] = ()
    openings: tuple[Opening, ...] = ()

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"unknown time zone {self.zone!r}") from error
        for segments in (*self.week.days(), *(opening.segments for opening in self.openings)):
            parse_spans(segments)
        for region in self.regions:
            _check_region(region)


def same_hours(days: str, start: str, end: str) -> Week:
    """A week with one segment on each of `days`, names separated by blanks."""
    return Week(**dict.fromkeys(days.split(), ((start, end),)))


def parse_time(text: str) -> int:
    """Minutes since local midnight of "HH:MM"; 1440 for "24:00". Raises ValueError for anything else."""
    hours, colon, minutes = text.partition(":")
    digits = hours + minutes
    if not (colon and len(hours) == len(minutes) == 2 and digits.isascii() and digits.isdigit()):
        raise ValueError(f"{text!r} is not a time of day like 09:30")
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > 1440:
        raise ValueError(f"{text!r} is not a time of day")
    return total


def parse_spans(spans: tuple[Span, ...]) -> tuple[tuple[int, int], ...]:
    """Segments as sorted, merged pairs of minutes. ValueError when one is reversed, empty or overlaps."""
    pairs = sorted((parse_time(start), parse_time(end)) for start, end in spans)
    merged: list[tuple[int, int]] = []
    for start, end in pairs:
        if start >= end:
            raise ValueError(f"a segment must end after it starts: {start // 60:02}:{start % 60:02}")
        if merged and start < merged[-1][1]:
            raise ValueError("segments of one day overlap")
        if merged and start == merged[-1][1]:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return tuple(merged)


def working_time(calendar: Calendar, a: datetime, b: datetime) -> timedelta:
    """The working time between two instants; negative when `b` is before `a`, so that sums always add up."""
    if b < a:
        return -working_time(calendar, b, a)
    hours = _compiled(calendar)
    return hours.between(_micros(a), _micros(b)) * _MICROSECOND


def add_working_time(calendar: Calendar, a: datetime, d: timedelta) -> datetime:
    """The first instant at which `d` of working time has passed since `a`; `a` itself for no time at all.

    A target that ends with the day is due at the last instant of that day, not at the first of the next.
    Raises ValueError for a negative `d` and `NeverOpens` when the calendar runs out of openings.
    """
    amount = d // _MICROSECOND
    if amount < 0:
        raise ValueError("working time can only be added")
    if amount == 0:
        return a.astimezone(UTC)
    return _instant(_compiled(calendar).advance(_micros(a), amount))


def add_working_days(calendar: Calendar, t: datetime, n: int) -> datetime:
    """The same local time on the n-th following day that has an opening.

    1. A start outside the hours first moves to the next opening.
    2. The local date moves on by `n` dates that have an opening.
    3. If that local time is not open on that date, the result is the last open instant before it.

    Raises ValueError for a negative `n` and `NeverOpens` when the calendar runs out of openings.
    """
    if n < 0:
        raise ValueError("working days can only be added")
    hours = _compiled(calendar)
    start = next_opening(calendar, t)
    if n == 0:
        return start
    local = start.astimezone(hours.zone).replace(tzinfo=None)
    day = hours.nth_open_day(local.date(), n)
    wanted = _micros(wall_instant(hours.zone, datetime.combine(day, local.time())))
    return _instant(hours.last_open(wanted))


def next_opening(calendar: Calendar, t: datetime) -> datetime:
    """`t` if the calendar is open then, else the first open instant after it. Raises `NeverOpens`."""
    return _instant(_compiled(calendar).open_from(_micros(t)))


def is_open(calendar: Calendar, t: datetime) -> bool:
    """Whether `t` lies in working time (an end instant does not: segments are half-open)."""
    at = _micros(t)
    hours = _compiled(calendar)
    return hours.always or hours.block(_year(at)).covers(at)


def open_days(calendar: Calendar, first: date, last: date) -> list[date]:
    """The local dates from `first` to `last`, both included, that have an opening."""
    hours = _compiled(calendar)
    days = (first + timedelta(days=k) for k in range((last - first).days + 1))
    return [day for day in days if hours.has_opening(day)]


def wall_instant(zone: ZoneInfo, wall: datetime) -> datetime:
    """The UTC instant of a naive local time: the first of two, or the first instant after a gap."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # In a gap, fold=1 reads the wall time with the offset after the change and lands before it.
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    return _instant(_transition(zone, _micros(low), _micros(high)))


ALL_DAY: tuple[Span, ...] = (("00:00", "24:00"),)
ALWAYS = Calendar(zone="UTC", week=Week(*([ALL_DAY] * 7)))
"""24×7: no gaps, loses no second a year."""


class _Block:
    """Working intervals of one UTC year in microseconds since 1970, with running totals."""

    __slots__ = ("ends", "starts", "totals")

    def __init__(self, intervals: list[tuple[int, int]]) -> None:
        self.starts = [start for start, _ in intervals]
        self.ends = [end for _, end in intervals]
        self.totals = [0, *accumulate(end - start for start, end in intervals)]

    @property
    def total(self) -> int:
        return self.totals[-1]

    def before(self, at: int) -> int:
        """Working microseconds of this block before `at`."""
        index = bisect_right(self.starts, at)
        if index == 0:
            return 0
        return self.totals[index - 1] + min(at, self.ends[index - 1]) - self.starts[index - 1]

    def find(self, amount: int) -> int:
        """The first instant with `amount` (0 < amount ≤ total) of this block's working time behind it."""
        index = bisect_left(self.totals, amount) - 1
        return self.starts[index] + amount - self.totals[index]

    def covers(self, at: int) -> bool:
        index = bisect_right(self.starts, at) - 1
        return index >= 0 and at < self.ends[index]

    def first_from(self, at: int) -> int | None:
        index = bisect_right(self.ends, at)
        return max(at, self.starts[index]) if index < len(self.starts) else None

    def last_until(self, at: int) -> int | None:
        index = bisect_right(self.starts, at) - 1
        return min(at, self.ends[index]) if index >= 0 else None


class _Hours:
    """A calendar made fast: a block per UTC year, built when first asked for."""

    def __init__(self, calendar: Calendar) -> None:
        self.zone = ZoneInfo(calendar.zone)
        self._week = tuple(parse_spans(day) for day in calendar.week.days())
        self._closed = frozenset(calendar.closed)
        self._openings = {opening.day: parse_spans(opening.segments) for opening in calendar.openings}
        self._regions = calendar.regions
        whole = all(day == ((0, 1440),) for day in self._week)
        self.always = whole and not (self._closed or self._openings or self._regions)
        self._blocks: dict[int, _Block] = {}

    def segments(self, day: date) -> tuple[tuple[int, int], ...]:
        """The segments of a local date, in minutes since its midnight."""
        special = self._openings.get(day)
        if special is not None:
            return special
        if day in self._closed or any(day in _holidays(region, day.year) for region in self._regions):
            return ()
        return self._week[day.weekday()]

    def block(self, year: int) -> _Block:
        block = self._blocks.get(year)
        if block is None:
            block = self._blocks[year] = _Block(list(self._intervals(year)))
        return block

    def _intervals(self, year: int) -> Iterator[tuple[int, int]]:
        """The working intervals of a UTC year in order, adjacent ones merged."""
        current: tuple[int, int] | None = None
        for low, high, offset in _stretches(self.zone, _year_start(year), _year_start(year + 1)):
            for start, end in self._stretch(low, high, offset):
                if current and current[1] == start:
                    current = (current[0], end)
                    continue
                if current:
                    yield current
                current = (start, end)
        if current:
            yield current

    def _stretch(self, low: int, high: int, offset: int) -> Iterator[tuple[int, int]]:
        """The working intervals within `[low, high)`, during which the zone keeps one offset."""
        first = (low + offset) // _DAY
        last = (high - 1 + offset) // _DAY
        for number in range(first, last + 1):
            midnight = number * _DAY - offset
            for start, end in self.segments(_EPOCH.date() + timedelta(days=number)):
                a, b = max(low, midnight + start * _MINUTE), min(high, midnight + end * _MINUTE)
                if a < b:
                    yield a, b

    def between(self, a: int, b: int) -> int:
        """Working microseconds between two ordered instants."""
        if self.always:
            return b - a
        first, last = _year(a), _year(b)
        whole = sum(self.block(year).total for year in range(first, last))
        return whole + self.block(last).before(b) - self.block(first).before(a)

    def advance(self, at: int, amount: int) -> int:
        if self.always:
            return at + amount
        year = _year(at)
        amount += self.block(year).before(at)
        for current in range(year, year + _HORIZON_YEARS):
            block = self.block(current)
            if amount <= block.total:
                return block.find(amount)
            amount -= block.total
        raise NeverOpens("the calendar has too few openings in the next 40 years")

    def open_from(self, at: int) -> int:
        if self.always:
            return at
        year = _year(at)
        for current in range(year, year + _HORIZON_YEARS):
            found = self.block(current).first_from(at)
            if found is not None:
                return found
        raise NeverOpens("the calendar has no opening in the next 40 years")

    def last_open(self, at: int) -> int:
        """`at` if it is open, else the end of the last working interval before it."""
        if self.always:
            return at
        year = _year(at)
        for current in range(year, year - _HORIZON_YEARS, -1):
            found = self.block(current).last_until(at)
            if found is not None:
                return found
        raise NeverOpens("the calendar has no opening before that instant")

    def has_opening(self, day: date) -> bool:
        if not self.segments(day):
            return False
        midnight = datetime.combine(day, time())
        low = _micros(wall_instant(self.zone, midnight))
        high = _micros(wall_instant(self.zone, midnight + timedelta(days=1)))
        return self.between(low, high) > 0

    def nth_open_day(self, day: date, n: int) -> date:
        limit = day.year + _HORIZON_YEARS
        while n:
            day += timedelta(days=1)
            if day.year > limit:
                raise NeverOpens("the calendar has too few openings in the next 40 years")
            n -= self.has_opening(day)
        return day


@lru_cache(maxsize=512)
def _compiled(calendar: Calendar) -> _Hours:
    return _Hours(calendar)


@lru_cache(maxsize=4096)
def _holidays(region: Region, year: int) -> frozenset[date]:
    return frozenset(holiday_library.country_holidays(region.country, subdiv=region.subdivision, years=year))


def _check_region(region: Region) -> None:
    try:
        _holidays(region, 2024)
    except NotImplementedError as error:
        raise ValueError(
            f"no holidays known for {region.country} {region.subdivision or ''}".rstrip()
        ) from error


@lru_cache(maxsize=4096)
def _stretches(zone: ZoneInfo, low: int, high: int) -> tuple[tuple[int, int, int], ...]:
    """`[low, high)` cut where the zone changes its offset: (from, to, offset), all in microseconds."""
    found: list[tuple[int, int, int]] = []
    start, offset = low, _offset(zone, low)
    # No zone changes its offset twice within six hours.
    for at in range(low + 6 * _HOUR, high + 6 * _HOUR, 6 * _HOUR):
        at = min(at, high)
        if _offset(zone, at) != offset:
            change = _transition(zone, at - 6 * _HOUR, at)
            if change < high:
                found.append((start, change, offset))
                start, offset = change, _offset(zone, change)
    found.append((start, high, offset))
    return tuple(found)


def _transition(zone: ZoneInfo, low: int, high: int) -> int:
    """The first instant (to the second) after `low` at which the offset is that of `high`."""
    after = _offset(zone, high)
    while high - low > 1_000_000:
        middle = (low + high) // 2_000_000 * 1_000_000
        if middle <= low:
            break
        if _offset(zone, middle) == after:
            high = middle
        else:
            low = middle
    return high


def _offset(zone: ZoneInfo, at: int) -> int:
    offset = _instant(at).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // _MICROSECOND


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _instant(at: int) -> datetime:
    return _EPOCH + at * _MICROSECOND


def _year(at: int) -> int:
    return _instant(at).year


@lru_cache(maxsize=256)
def _year_start(year: int) -> int:
    return _micros(datetime(year, 1, 1, tzinfo=UTC))
