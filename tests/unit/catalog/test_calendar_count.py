"""Working time against a count of every minute, vectorised: 2,000 random cases, 200,000 in `make prove`.

The count knows nothing of transitions or segments: it takes the zone's real offset in each minute of three weeks, asks
for each minute whether the local day and time of day are open, and adds up. Longer ranges follow by additivity and by
the inverse.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest

from firstline.catalog.calendar import (
    Calendar,
    NeverOpens,
    Opening,
    Span,
    Week,
    add_working_time,
    parse_time,
    working_time,
)
from tests.effort import cases

CASES = cases(2_000, 200_000)
PER_WINDOW = cases(10, 60)  # calendars and instants that share the count of a zone's offsets
DAYS = 21
MINUTE = timedelta(minutes=1)
LONG = timedelta(days=3650)

# usual ones; changes of 30 and 45 minutes; changes at midnight, at 00:01 and in the evening; clocks that go back in
# Ramadan; zones that dropped changing, moved their offset, or skipped or repeated a day
ZONES = (
    "UTC", "Europe/Kyiv", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Moscow",
    "Europe/Istanbul", "Europe/Minsk", "Europe/Samara", "Europe/Volgograd", "Europe/Chisinau", "Atlantic/Azores",
    "Atlantic/Reykjavik", "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix",
    "America/Los_Angeles", "America/Anchorage", "America/Adak", "America/St_Johns", "America/Halifax",
    "America/Nuuk", "America/Scoresbysund", "America/Havana", "America/Caracas", "America/Bogota", "America/Sao_Paulo",
    "America/Argentina/San_Luis", "America/Asuncion", "America/Santiago", "America/Mexico_City", "America/Tijuana",
    "America/Port-au-Prince", "America/Metlakatla", "Africa/Cairo", "Africa/Casablanca", "Africa/El_Aaiun",
    "Africa/Tripoli", "Africa/Windhoek", "Africa/Khartoum", "Africa/Sao_Tome", "Asia/Tehran", "Asia/Kathmandu",
    "Asia/Kolkata", "Asia/Gaza", "Asia/Amman", "Asia/Beirut", "Asia/Pyongyang", "Asia/Tokyo", "Asia/Dhaka",
    "Asia/Ulaanbaatar", "Asia/Karachi", "Australia/Lord_Howe", "Australia/Adelaide", "Australia/Sydney",
    "Australia/Eucla", "Pacific/Chatham", "Pacific/Apia", "Pacific/Fakaofo", "Pacific/Kiritimati", "Pacific/Tongatapu",
    "Pacific/Norfolk", "Pacific/Fiji", "Pacific/Kwajalein", "Antarctica/Troll", "Antarctica/Casey",
)  # fmt: skip

Table = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Window:
    """Three weeks of a zone: for each minute since `start` the local day since `first` and the minute of that day."""

    zone: str
    start: datetime
    first: date
    day: npt.NDArray[np.int64]
    minute: npt.NDArray[np.int64]


def window(zone: str, start: datetime) -> Window:
    """Look up the offset of each minute; where it is the same at both ends of an hour, it is so within it."""
    info = ZoneInfo(zone)
    total = DAYS * 1440

    def offset(minute: int) -> int:
        found = (start + minute * MINUTE).astimezone(info).utcoffset()
        assert found is not None
        assert found % MINUTE == timedelta(), "an offset of seconds in 1995–2040"
        return found // MINUTE

    hours = [offset(minute) for minute in range(0, total + 60, 60)]
    offsets = np.repeat(np.array(hours[:-1], dtype=np.int64), 60)
    for hour, (before, after) in enumerate(pairwise(hours)):
        if before != after:
            offsets[hour * 60 : hour * 60 + 60] = [offset(hour * 60 + k) for k in range(60)]
    since = np.arange(total, dtype=np.int64) + (start.hour * 60 + start.minute) + 2 * 1440 + offsets
    return Window(zone, start, start.date() - timedelta(days=2), since // 1440, since % 1440)


def open_minutes(calendar: Calendar, seen: Window) -> Table:
    """Whether each minute of the window is open, by looking at its local day and time of day alone."""
    usual = [_table(day) for day in calendar.week.days()]
    closed, openings = set(calendar.closed), {opening.day: opening.segments for opening in calendar.openings}
    days = np.zeros((DAYS + 5, 1440), dtype=np.bool_)
    for k in range(DAYS + 5):
        day = seen.first + timedelta(days=k)
        if day in openings:
            days[k] = _table(openings[day])
        elif day not in closed:
            days[k] = usual[day.weekday()]
    return days[seen.day, seen.minute]


@lru_cache(maxsize=4096)
def _table(segments: tuple[Span, ...]) -> Table:
    table = np.zeros(1440, dtype=np.bool_)
    for start, end in segments:
        table[parse_time(start) : parse_time(end)] = True
    return table


def transitions(zone: str) -> list[datetime]:
    """The days, 1995–2040, on which the zone's offset changes."""
    info = ZoneInfo(zone)
    days = [datetime(1995, 1, 1, tzinfo=UTC) + timedelta(days=k) for k in range(46 * 365)]
    offsets = [day.astimezone(info).utcoffset() for day in days]
    return [day for day, before, after in zip(days, offsets, offsets[1:], strict=False) if before != after]


def some_segments(rng: random.Random) -> tuple[Span, ...]:
    kind = rng.random()
    if kind < 0.1:
        return (("00:00", "24:00"),)
    if kind < 0.2:
        return ()
    marks = sorted(rng.sample(range(1441), rng.choice((2, 2, 4, 6))))
    if rng.random() < 0.5:
        marks = sorted({mark // 30 * 30 for mark in marks})
    return tuple((_text(a), _text(b)) for a, b in zip(marks[::2], marks[1::2], strict=False))


def _text(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def some_calendar(rng: random.Random, seen: Window) -> Calendar:
    shapes = [some_segments(rng) for _ in range(3)]
    near = [seen.first + timedelta(days=rng.randrange(DAYS + 4)) for _ in range(6)]
    return Calendar(
        zone=seen.zone,
        week=Week(*(rng.choice(shapes) for _ in range(7))),
        closed=tuple(sorted(set(near[:3]))),
        openings=tuple(Opening(day, some_segments(rng)) for day in sorted(set(near[3:]))),
    )


def some_windows(zone: str, rng: random.Random, wanted: int) -> Iterator[Window]:
    """Half of them around a change of the zone's clocks, where it has any."""
    changes = transitions(zone)
    for _ in range(wanted):
        if changes and rng.random() < 0.7:
            start = rng.choice(changes) - timedelta(
                days=rng.randrange(1, DAYS - 1), minutes=rng.randrange(1440)
            )
        else:
            start = datetime(1995, 1, 1, tzinfo=UTC) + MINUTE * rng.randrange(45 * 365 * 1440)
        yield window(zone, start)


@pytest.mark.parametrize("zone", ZONES)
def test_both_functions_are_what_counting_each_minute_says(zone: str) -> None:
    rng = random.Random(f"{zone} {CASES}")
    windows = -(-CASES // (len(ZONES) * PER_WINDOW))
    tried = 0
    for seen in some_windows(zone, rng, windows):
        for _ in range(PER_WINDOW):
            _hold(some_calendar(rng, seen), seen, rng)
            tried += 1
    assert tried * len(ZONES) >= CASES


def _hold(calendar: Calendar, seen: Window, rng: random.Random) -> None:
    opened = open_minutes(calendar, seen)
    behind = np.concatenate(([0], np.cumsum(opened)))  # working minutes before each minute
    low, high = sorted(rng.sample(range(DAYS * 1440), 2))
    a, b = seen.start + low * MINUTE, seen.start + high * MINUTE
    counted = int(behind[high] - behind[low]) * MINUTE
    said = f"{calendar} from {a} to {b}"
    assert working_time(calendar, a, b) == counted, said
    assert working_time(calendar, b, a) == -counted, said

    # within a minute it is all or nothing
    part = timedelta(microseconds=rng.randrange(60_000_000))
    fraction = part if opened[low] else timedelta()
    assert working_time(calendar, a, a + part) == fraction, said
    _hold_inverse(calendar, seen, opened, behind, low, rng)

    # longer ranges: what lies before, within and after adds up, and the inverse leads back
    c = a + rng.random() * LONG * rng.choice((1, -1))
    whole = working_time(calendar, a, c)
    assert whole == counted + working_time(calendar, b, c), said
    if whole > timedelta():
        reached = add_working_time(calendar, a, whole)
        assert reached <= c, said
        assert working_time(calendar, a, reached) == whole, said


def _hold_inverse(
    calendar: Calendar,
    seen: Window,
    opened: Table,
    behind: npt.NDArray[np.int64],
    low: int,
    rng: random.Random,
) -> None:
    """The first instant at which so much has passed is the end of the minute that completes it."""
    left = int(behind[-1] - behind[low])
    if left == 0:
        return
    amount = rng.randint(1, left)
    last = int(np.searchsorted(behind, behind[low] + amount))  # minutes behind which the amount has passed
    assert opened[last - 1]
    wanted = seen.start + last * MINUTE
    assert add_working_time(calendar, seen.start + low * MINUTE, amount * MINUTE) == wanted, (
        f"{calendar} {amount}"
    )
    short = timedelta(microseconds=rng.randrange(60_000_000))
    found = add_working_time(calendar, seen.start + low * MINUTE, amount * MINUTE - short)
    assert found == wanted - short, f"{calendar} {amount}"


def test_there_are_sixty_zones_and_the_odd_ones_are_among_them() -> None:
    assert len(set(ZONES)) >= 60
    assert {
        "Pacific/Apia",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "America/Havana",
        "Asia/Pyongyang",
    } <= set(ZONES)


def test_the_day_that_apia_skipped_has_no_minutes() -> None:
    """On 30 December 2011 Samoa crossed the date line: its local day does not exist."""
    always = (("00:00", "24:00"),)
    calendar = Calendar(zone="Pacific/Apia", openings=(Opening(date(2011, 12, 30), always),))
    with pytest.raises(NeverOpens):
        add_working_time(calendar, datetime(2011, 12, 20, tzinfo=UTC), MINUTE)
