"""Rotations: whose turn it is, by arithmetic on the wall clock of a zone.

Handoff k of a rotation is the local time `start` plus k times `every` units, made an instant: the first of
two where the clock is turned back, the first instant after the gap where it is put forward. A daily 09:00
handoff is at 09:00 on both sides of a change; the hour that autumn repeats makes one hourly shift of two
hours. Months are counted from the start, never from the previous handoff, so the 31st becomes the last day of
a shorter month.
"""

import calendar as months
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from firstline.catalog.calendar import DAY_NAMES, parse_time, wall_instant

Unit = Literal["hour", "day", "week", "month"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_LENGTH = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


class Rotation(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Participants who take turns. `start` is local and naive: the first handoff.

    Before it nobody is on. `days`, for a unit of days: only these weekdays take part and `every` counts them;
    on others nobody is on. `offset` shifts whose turn it is, so that an edit can keep who is on now.
    """

    every: int
    unit: Unit
    start: datetime
    participants: tuple[int, ...]
    days: tuple[Day, ...] = ()
    offset: int = 0

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError("a shift is at least one unit long")
        if self.start.tzinfo is not None:
            raise ValueError("the start is local time, without an offset")
        if self.days and self.unit != "day":
            raise ValueError("only a rotation by days counts certain weekdays")


class Window(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """On these weekdays from one local time to another, half-open.

    An end at or before the start belongs to the next day; equal times are a whole day. No days given: each
    day.
    """

    start: str = "00:00"
    end: str = "24:00"
    days: tuple[Day, ...] = ()

    def __post_init__(self) -> None:
        if parse_time(self.start) == 1440:
            raise ValueError("a window starts before midnight")
        parse_time(self.end)


@dataclass(frozen=True, slots=True)
class Turn:
    """One shift of a rotation: `person` None where nobody has it (before the start, or no participants)."""

    number: int
    start: datetime
    end: datetime
    person: int | None


def handoff(rotation: Rotation, zone: ZoneInfo, number: int) -> datetime:
    """The instant of handoff `number`; negative ones lie before the start."""
    return wall_instant(zone, _wall(rotation, number))


def turns(rotation: Rotation, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Turn]:
    """The shifts that touch `[start, end)`, in order. Shifts that a gap leaves without length are left
    out.
    """
    number = number_at(rotation, zone, start)
    opening = handoff(rotation, zone, number)
    while opening < end:
        closing = handoff(rotation, zone, number + 1)
        if opening < closing and closing > start:
            yield from _parts(rotation, zone, Turn(number, opening, closing, holder(rotation, number)))
        number, opening = number + 1, closing


def number_at(rotation: Rotation, zone: ZoneInfo, instant: datetime) -> int:
    """The number of the shift that holds `instant`."""
    local = instant.astimezone(zone).replace(tzinfo=None)
    number = _estimate(rotation, local)
    while handoff(rotation, zone, number) > instant:
        number -= 1
    while handoff(rotation, zone, number + 1) <= instant:
        number += 1
    return number


def holder(rotation: Rotation, number: int) -> int | None:
    """Whose shift `number` is; nobody's before the start."""
    if number < 0 or not rotation.participants:
        return None
    return rotation.participants[(number + rotation.offset) % len(rotation.participants)]


def with_participants(
    rotation: Rotation, zone: ZoneInfo, participants: tuple[int, ...], now: datetime
) -> Rotation:
    """The rotation with other participants, moving nobody who is on now and stays.

    If the one on now leaves, the next in the old order who stays takes over. The past is answered by the
    version that was in force then.
    """
    changed = msgspec.structs.replace(rotation, participants=participants, offset=0)
    number = number_at(rotation, zone, now)
    if number < 0 or not participants or not rotation.participants:
        return changed
    count = len(rotation.participants)
    first = (number + rotation.offset) % count
    in_turn = [rotation.participants[(first + k) % count] for k in range(count)]
    on_now = next((person for person in in_turn if person in participants), participants[0])
    offset = (participants.index(on_now) - number) % len(participants)
    return msgspec.structs.replace(changed, offset=offset)


def without(rotation: Rotation, zone: ZoneInfo, person: int, now: datetime) -> Rotation:
    """The rotation after somebody left it at `now`."""
    rest = tuple(other for other in rotation.participants if other != person)
    return with_participants(rotation, zone, rest, now)


def active(window: Window, zone: ZoneInfo, instant: datetime) -> bool:
    """Whether the window is open at an instant."""
    return any(start <= instant < end for start, end in openings(window, zone, instant, instant))


def openings(
    window: Window, zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The openings of a window that touch `[start, end]`, in order, not clipped."""
    day = start.astimezone(zone).date() - timedelta(days=2)
    last = end.astimezone(zone).date() + timedelta(days=1)
    while day <= last:
        if not window.days or DAY_NAMES[day.weekday()] in window.days:
            opening, closing = _opening(window, zone, day)
            if opening < closing and closing > start and opening <= end:
                yield opening, closing
        day += timedelta(days=1)


def next_active(window: Window, zone: ZoneInfo, instant: datetime) -> datetime:
    """`instant` if the window is open then, else when it next opens (within nine days: windows repeat
    weekly).
    """
    if active(window, zone, instant):
        return instant
    found = openings(window, zone, instant, instant + timedelta(days=9))
    return min(opening for opening, _ in found if opening > instant)


@lru_cache(maxsize=4096)
def _opening(window: Window, zone: ZoneInfo, day: date) -> tuple[datetime, datetime]:
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  a wall time
    opens, closes = parse_time(window.start), parse_time(window.end)
    if closes <= opens:
        closes += 1440
    return (
        wall_instant(zone, midnight + timedelta(minutes=opens)),
        wall_instant(zone, midnight + timedelta(minutes=closes)),
    )


def _wall(rotation: Rotation, number: int) -> datetime:
    steps = number * rotation.every
    if rotation.unit == "month":
        return _months_later(rotation.start, steps)
    if rotation.days:
        return _participating_day(rotation, steps)
    return rotation.start + steps * _LENGTH[rotation.unit]


def _months_later(start: datetime, count: int) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + count, 12)
    last = months.monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last))


def _participating_day(rotation: Rotation, count: int) -> datetime:
    """The `count`-th day that takes part, counted from the first one at or after the start."""
    weekdays = sorted(DAY_NAMES.index(day) for day in rotation.days)
    first = rotation.start
    while first.weekday() not in weekdays:
        first += timedelta(days=1)
    weeks, place = divmod(weekdays.index(first.weekday()) + count, len(weekdays))
    monday = first - timedelta(days=first.weekday())
    return monday + timedelta(weeks=weeks, days=weekdays[place])


def _parts(rotation: Rotation, zone: ZoneInfo, turn: Turn) -> Iterator[Turn]:
    """A turn as it is; one that counts certain weekdays is cut to these days."""
    if not rotation.days:
        yield turn
        return
    for step in range(turn.number * rotation.every, (turn.number + 1) * rotation.every):
        day = _participating_day(rotation, step)
        start, end = wall_instant(zone, day), wall_instant(zone, day + timedelta(days=1))
        yield Turn(turn.number, start, end, turn.person)


def _estimate(rotation: Rotation, local: datetime) -> int:
    """A shift number near a local time; the caller walks the rest."""
    if rotation.unit == "month":
        start = rotation.start
        between = (local.year - start.year) * 12 + local.month - start.month
        return between // rotation.every
    passed = local - rotation.start
    if rotation.days:
        return int(passed / timedelta(weeks=1) * len(rotation.days)) // rotation.every
    return passed // (_LENGTH[rotation.unit] * rotation.every)
