"""When maintenance is: one stretch of time, or one that recurs by an RRULE on the clock of a zone. Pure.

A recurring window is given in local time: it begins when the wall clock says `start` and ends when it says start plus
`minutes`. When clocks are changed it therefore lasts an hour less or more, as people on the spot expect. A local time
that is skipped counts by the offset before the change (02:30 becomes 03:30, RFC 5545 section 3.3.5); of a time that
comes twice, the first is meant. A window whose end would lie before its start by this lasts its minutes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec
from dateutil.rrule import rrule, rruleset, rrulestr

LONGEST = timedelta(days=31)
LEEWAY = timedelta(days=2)  # more than zones and changes of clocks can shift
AHEAD = timedelta(days=5 * 366)
BY_DAYS = ("BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "BYWEEKNO", "BYYEARDAY")
ALLOWED = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", *BY_DAYS})
FREQUENCIES = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
Stretch = tuple[datetime, datetime]


class Once(msgspec.Struct, frozen=True, tag="once", forbid_unknown_fields=True):
    """From `start` until before `end`."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("Both instants need an offset.")
        if self.end <= self.start:
            raise ValueError("A window ends after its start.")


class Recurring(msgspec.Struct, frozen=True, tag="recurring", forbid_unknown_fields=True):
    """`start` is the first local start (no offset), `rule` an RRULE by days, weeks, months or years."""

    rule: str
    start: datetime
    minutes: int
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.start.tzinfo is not None:
            raise ValueError("The first start is a local time, without an offset.")
        if not timedelta(0) < timedelta(minutes=self.minutes) <= LONGEST:
            raise ValueError("A window lasts between a minute and 31 days.")
        zone_of(self.zone)
        rule_of(self.rule, self.start)
        if (
            next(occurrences(self, local_instant(self.start, self.zone) - LEEWAY, _horizon(self)), None)
            is None
        ):
            raise ValueError("This rule never happens.")


Window = Once | Recurring


def _horizon(window: Recurring) -> datetime:
    return local_instant(window.start, window.zone) + AHEAD


def zone_of(name: str) -> ZoneInfo:
    """The zone; ValueError for a name that is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name} is no time zone.") from error


@lru_cache(maxsize=1024)
def rule_of(text: str, start: datetime) -> rrule:
    """The RRULE on a wall clock. ValueError for what is not one, or recurs within a day."""
    parts = dict(part.partition("=")[::2] for part in text.upper().removeprefix("RRULE:").strip().split(";"))
    if set(parts) - ALLOWED or parts.get("FREQ") not in FREQUENCIES:
        raise ValueError("A rule says FREQ=DAILY, WEEKLY, MONTHLY or YEARLY and on which days.")
    if parts.get("UNTIL", "").endswith("Z"):
        parts["UNTIL"] = parts["UNTIL"][:-1]  # as a time of the window's own clock
    try:
        found = rrulestr(
            ";".join(f"{name}={value}" for name, value in parts.items()), dtstart=start, cache=True
        )
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"This is not a rule of recurrence: {error}.") from error
    assert not isinstance(found, rruleset)
    return found


def local_instant(local: datetime, zone: str) -> datetime:
    """The instant of a wall clock's time: skipped ones by the offset before the change, doubled ones the first."""
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def occurrences(window: Window, since: datetime, until: datetime) -> Iterator[Stretch]:
    """Each stretch that overlaps [since, until), by its start."""
    if isinstance(window, Once):
        if window.start < until and window.end > since:
            yield window.start, window.end
        return
    length = timedelta(minutes=window.minutes)
    naive = [each.astimezone(UTC).replace(tzinfo=None) for each in (since, until)]
    starts = rule_of(window.rule, window.start).between(
        naive[0] - length - LEEWAY, naive[1] + LEEWAY, inc=True
    )
    for local in starts:
        stretch = _stretch(local, length, window.zone)
        if stretch[0] < until and stretch[1] > since:
            yield stretch


def _stretch(local: datetime, length: timedelta, zone: str) -> Stretch:
    start, end = local_instant(local, zone), local_instant(local + length, zone)
    return (start, end) if end > start else (start, start + length)


def current(window: Window, at: datetime) -> Stretch | None:
    """The stretch that `at` lies in; of several that overlap, the one that ends last."""
    found = [
        each for each in occurrences(window, at, at + timedelta(microseconds=1)) if each[0] <= at < each[1]
    ]
    return max(found, key=lambda each: each[1]) if found else None


def following(window: Window, after: datetime) -> Stretch | None:
    """The first stretch that starts later than `after`, within about five years."""
    if isinstance(window, Once):
        return (window.start, window.end) if window.start > after else None
    rule, length = rule_of(window.rule, window.start), timedelta(minutes=window.minutes)
    local = after.astimezone(UTC).replace(tzinfo=None) - LEEWAY
    while (coming := rule.after(local)) is not None and coming - local <= AHEAD:
        stretch = _stretch(coming, length, window.zone)
        if stretch[0] > after:
            return stretch
        local = coming
    return None


class Memory:
    """Whether a window is on, remembered until that changes: of a batch's thousand questions one is worked out."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self._since: datetime | None = None
        self._until: datetime | None = None
        self._answer: Stretch | None = None

    def at(self, instant: datetime) -> Stretch | None:
        if (
            self._since is not None
            and self._since <= instant
            and (self._until is None or instant < self._until)
        ):
            return self._answer
        self._answer = current(self.window, instant)
        coming = following(self.window, instant)
        ends = [each for each in (self._answer and self._answer[1], coming and coming[0]) if each]
        self._since, self._until = instant, min(ends) if ends else None
        return self._answer
