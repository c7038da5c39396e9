"""Maintenance windows: recurrences on a wall clock, held against going through the days one by one."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.intake.windows import Memory, Once, Recurring, Window, current, following, occurrences
from tests.effort import cases

ZONES = ["UTC", "Europe/Kyiv", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Tehran"]
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
MANY = settings(max_examples=cases(250, 40_000), deadline=None)


def wall(*parts: int) -> datetime:
    """A wall clock's time."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


starts = st.datetimes(wall(2019, 1, 1), wall(2027, 12, 31)).map(
    lambda at: at.replace(second=0, microsecond=0)
)
weekly = st.builds(
    lambda days, every, start, minutes, zone: Recurring(
        rule=f"FREQ=WEEKLY;INTERVAL={every};BYDAY={','.join(sorted(days, key=DAYS.index))}",
        start=start,
        minutes=minutes,
        zone=zone,
    ),
    st.sets(st.sampled_from(DAYS), min_size=1),
    st.integers(1, 3),
    starts,
    st.integers(1, 3 * 1440),
    st.sampled_from(ZONES),
)
monthly = st.builds(
    lambda day, start, minutes, zone: Recurring(
        rule=f"FREQ=MONTHLY;BYMONTHDAY={day}", start=start, minutes=minutes, zone=zone
    ),
    st.integers(1, 28),
    starts,
    st.integers(1, 1440),
    st.sampled_from(ZONES),
)


def instant(at: datetime, zone: str) -> datetime:
    """The wall clock's time, found by trying every offset around it: the first instant at which the clock shows it; in
    a gap, the time by the offset before it."""
    tz, guess = ZoneInfo(zone), at.replace(tzinfo=UTC)
    offsets = [(guess + timedelta(hours=hours)).astimezone(tz).utcoffset() for hours in range(-30, 31, 5)]
    tried = [guess - offset for offset in offsets if offset is not None]
    exact = [each for each in tried if each.astimezone(tz).replace(tzinfo=None) == at]
    return min(exact) if exact else tried[0]


def happens(window: Recurring, day: date) -> bool:
    """Whether the rule names this day, by the words of the rule."""
    parts = dict(part.split("=") for part in window.rule.split(";"))
    first = window.start.date()
    if day < first:
        return False
    if parts["FREQ"] == "MONTHLY":
        return day.day == int(parts["BYMONTHDAY"])
    monday = first - timedelta(days=first.weekday())
    weeks = (day - timedelta(days=day.weekday()) - monday).days // 7
    return weeks % int(parts["INTERVAL"]) == 0 and DAYS[day.weekday()] in parts["BYDAY"].split(",")


def slowly(window: Recurring, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """Every day for itself."""
    found, length = [], timedelta(minutes=window.minutes)
    day = (since - length).date() - timedelta(days=2)
    while day <= until.date() + timedelta(days=2):
        if happens(window, day):
            local = datetime.combine(day, window.start.time())
            start, end = instant(local, window.zone), instant(local + length, window.zone)
            end = end if end > start else start + length
            if start < until and end > since:
                found.append((start, end))
        day += timedelta(days=1)
    return found


@given(window=st.one_of(weekly, monthly), ahead=st.integers(0, 800), days=st.integers(1, 20))
@MANY
def test_recurrences_against_every_day_for_itself(window: Recurring, ahead: int, days: int) -> None:
    since = window.start.replace(tzinfo=UTC) + timedelta(days=ahead)
    until = since + timedelta(days=days)
    assert list(occurrences(window, since, until)) == slowly(window, since, until)


@given(window=st.one_of(weekly, monthly), ahead=st.integers(-2000, 800 * 1440))
@MANY
def test_now_and_next(window: Recurring, ahead: int) -> None:
    at = window.start.replace(tzinfo=UTC) + timedelta(minutes=ahead)
    around = slowly(window, at - timedelta(days=1), at + timedelta(days=100))
    holding = [each for each in around if each[0] <= at < each[1]]
    assert current(window, at) == (max(holding, key=lambda each: each[1]) if holding else None)
    later = [each for each in around if each[0] > at]
    if later:
        assert following(window, at) == later[0]


@given(window=weekly, steps=st.lists(st.integers(-3000, 6000), min_size=1, max_size=20))
@settings(max_examples=cases(150, 10_000), deadline=None)
def test_what_is_remembered_is_what_would_be_worked_out(window: Recurring, steps: list[int]) -> None:
    """Also when time goes back."""
    memory, at = Memory(window), window.start.replace(tzinfo=UTC) + timedelta(days=30)
    for step in steps:
        at += timedelta(minutes=step)
        found, plain = memory.at(at), current(window, at)
        assert (found is None) is (plain is None) and (found is None or found[0] <= at < found[1])


def test_two_to_four_on_the_nights_of_the_change() -> None:
    """Berlin: 02:00 is skipped on 2026-03-29 (an hour less) and comes twice on 2026-10-25 (an hour more)."""
    window = Recurring(rule="FREQ=DAILY", start=wall(2026, 1, 1, 2), minutes=120, zone="Europe/Berlin")
    lengths = {}
    for month, number in ((3, 28), (3, 29), (10, 25)):
        day = datetime(2026, month, number, tzinfo=UTC)
        ((start, end),) = [
            each
            for each in occurrences(window, day - timedelta(hours=2), day + timedelta(hours=12))
            if each[0].astimezone(ZoneInfo("Europe/Berlin")).date() == day.date()
        ]
        lengths[day.strftime("%m-%d")] = (end - start) / timedelta(hours=1)
        assert end.astimezone(ZoneInfo("Europe/Berlin")).hour == 4
    assert lengths == {"03-28": 2, "03-29": 1, "10-25": 3}


def test_a_window_inside_the_gap_lasts_as_long_as_it_says() -> None:
    window = Recurring(rule="FREQ=DAILY", start=wall(2026, 3, 29, 2, 30), minutes=45, zone="Europe/Berlin")
    assert next(
        occurrences(window, datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC))
    ) == (
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 2, 15, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=HOURLY",
        "FREQ=MINUTELY;INTERVAL=5",
        "FREQ=DAILY;BYHOUR=1,2",
        "FREQ=SOMETIMES",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;COUNT=x",
        "DTSTART:20260101T000000",
        "FREQ=DAILY;UNTIL=20200101",
        "",
    ],
)
def test_rules_that_are_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=r"rule|recurrence|happens"):
        Recurring(rule=rule, start=wall(2026, 1, 1, 2), minutes=60)


def test_what_else_is_refused() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="ends after"):
        Once(at, at)
    with pytest.raises(ValueError, match="time zone"):
        Recurring(rule="FREQ=DAILY", start=wall(2026, 1, 1), minutes=1, zone="Mars/Olympus")
    with pytest.raises(ValueError, match="31 days"):
        Recurring(rule="FREQ=DAILY", start=wall(2026, 1, 1), minutes=32 * 1440)
    kept: Window = msgspec.convert(
        {"type": "once", "start": at.isoformat(), "end": "2026-01-02T00:00:00Z"}, Window
    )
    assert current(kept, at) == (at, at + timedelta(days=1)) and current(kept, at + timedelta(days=1)) is None
