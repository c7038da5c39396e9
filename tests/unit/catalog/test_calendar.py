"""Business calendars: named cases, and properties against a count of minutes over the zone's real offsets."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firstline.catalog.calendar import (
    ALL_DAY,
    ALWAYS,
    Calendar,
    NeverOpens,
    Opening,
    Region,
    Span,
    Week,
    add_working_days,
    add_working_time,
    is_open,
    next_opening,
    open_days,
    parse_time,
    same_hours,
    wall_instant,
    working_time,
)
from tests.effort import cases

CASES = cases(500, 10_000)  # the count over many zones is in test_calendar_count.py
MINUTE = timedelta(minutes=1)
OFFICE = Calendar(zone="UTC", week=same_hours("mon tue wed thu fri", "09:00", "17:00"))
ZONES = [
    "UTC", "Europe/Kyiv", "America/New_York", "America/Chicago", "Australia/Lord_Howe", "Asia/Kathmandu",
    "Africa/Casablanca", "America/Santiago", "Pacific/Chatham", "Asia/Tehran", "Europe/Dublin",
    "Africa/Cairo",
]  # fmt: skip


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def clock_text(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def day_segments(draw: st.DrawFn) -> tuple[Span, ...]:
    if draw(st.integers(0, 9)) == 0:
        return ALL_DAY
    marks = sorted(draw(st.sets(st.integers(0, 1440), max_size=6)))
    pairs = list(zip(marks[::2], marks[1::2], strict=False))
    return tuple((clock_text(a), clock_text(b)) for a, b in pairs)


@st.composite
def calendars(draw: st.DrawFn, around: date) -> Calendar:
    near = st.dates(around - timedelta(days=4), around + timedelta(days=4))
    shapes = [draw(day_segments()) for _ in range(3)]
    mixed = draw(st.integers(0, 3**7 - 1))
    return Calendar(
        zone=draw(st.sampled_from(ZONES)),
        week=Week(*(shapes[mixed // 3**day % 3] for day in range(7))),
        closed=tuple(draw(st.lists(near, max_size=2, unique=True))),
        openings=tuple(
            Opening(day, draw(day_segments())) for day in draw(st.lists(near, max_size=2, unique=True))
        ),
    )


def interesting_days() -> st.SearchStrategy[date]:
    """Any day within ten years, with those on which some zone changes its clocks much more often."""
    changes = [
        date(2024, 3, 10), date(2024, 3, 31), date(2024, 10, 27), date(2024, 11, 3), date(2024, 4, 7),
        date(2023, 10, 1), date(2024, 9, 8), date(2024, 4, 26), date(2023, 10, 26), date(2024, 4, 14),
    ]  # fmt: skip
    return st.one_of(st.sampled_from(changes), st.dates(date(2014, 1, 10), date(2034, 1, 10)))


@st.composite
def situations(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    day = draw(interesting_days())
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
        minutes=draw(st.integers(-2880, 2880))
    )
    return draw(calendars(day)), start


class Count:
    """The obviously right way: look at each minute of real time on its own."""

    def __init__(self, calendar: Calendar) -> None:
        def parsed(spans: tuple[Span, ...]) -> list[tuple[int, int]]:
            return [(parse_time(start), parse_time(end)) for start, end in spans]

        self.zone = ZoneInfo(calendar.zone)
        self.week = [parsed(day) for day in calendar.week.days()]
        self.closed = set(calendar.closed)
        self.openings = {opening.day: parsed(opening.segments) for opening in calendar.openings}

    def works(self, instant: datetime) -> bool:
        local = instant.astimezone(self.zone)
        day, minute = local.date(), local.hour * 60 + local.minute
        usual = [] if day in self.closed else self.week[day.weekday()]
        return any(start <= minute < end for start, end in self.openings.get(day, usual))

    def between(self, start: datetime, minutes: int) -> int:
        return sum(self.works(start + MINUTE * k) for k in range(minutes))


@settings(max_examples=CASES, deadline=None)
@given(situation=situations(), minutes=st.integers(0, 1800))
def test_working_time_is_what_counting_minutes_says(
    situation: tuple[Calendar, datetime], minutes: int
) -> None:
    calendar, start = situation
    counted = Count(calendar).between(start, minutes)
    assert working_time(calendar, start, start + MINUTE * minutes) == MINUTE * counted


@settings(max_examples=CASES, deadline=None)
@given(situation=situations(), amount=st.integers(1, 600))
def test_adding_gives_the_first_instant_with_that_much_time_behind_it(
    situation: tuple[Calendar, datetime], amount: int
) -> None:
    calendar, start = situation
    assume(working_time(calendar, start, start + timedelta(days=3)) >= MINUTE * amount)
    count, counted, instant = Count(calendar), 0, start
    while counted < amount:
        assert instant < start + timedelta(days=3)
        counted += count.works(instant)
        instant += MINUTE
    assert add_working_time(calendar, start, MINUTE * amount) == instant


@settings(max_examples=CASES // 4, deadline=None)
@given(
    situation=situations(),
    seconds=st.integers(-315_360_000, 315_360_000),
    micros=st.integers(0, 999_999),
    share=st.floats(0, 1),
)
def test_adding_and_measuring_are_inverse_within_ten_years(
    situation: tuple[Calendar, datetime], seconds: int, micros: int, share: float
) -> None:
    calendar, start = situation
    end = start + timedelta(seconds=seconds, microseconds=micros)
    a, b = min(start, end), max(start, end)
    whole = working_time(calendar, a, b)
    part = whole * share
    assume(part > timedelta())
    reached = add_working_time(calendar, a, part)
    assert a < reached <= b
    assert working_time(calendar, a, reached) == part
    assert working_time(calendar, a, reached) + working_time(calendar, reached, b) == whole
    assert working_time(calendar, b, a) == -whole


@settings(max_examples=CASES // 4, deadline=None)
@given(situation=situations())
def test_next_opening_is_the_first_working_minute(situation: tuple[Calendar, datetime]) -> None:
    calendar, start = situation
    count = Count(calendar)
    found = next((k for k in range(6 * 1440) if count.works(start + MINUTE * k)), None)
    assume(found is not None)
    assert found is not None
    assert next_opening(calendar, start) == start + MINUTE * found
    assert is_open(calendar, start) is (found == 0)


@settings(max_examples=CASES // 4, deadline=None)
@given(situation=situations(), days=st.integers(1, 4))
def test_working_days_count_local_dates_with_an_opening(
    situation: tuple[Calendar, datetime], days: int
) -> None:
    calendar, start = situation
    assume(working_time(calendar, start, start + timedelta(days=40)) > timedelta())
    assume(any(day != () for day in calendar.week.days()))
    begin = next_opening(calendar, start)
    zone = ZoneInfo(calendar.zone)
    due = add_working_days(calendar, start, days)
    first = begin.astimezone(zone).date()
    dates = open_days(calendar, first + timedelta(days=1), first + timedelta(days=45))
    wanted = wall_instant(zone, datetime.combine(dates[days - 1], begin.astimezone(zone).time()))
    assert due <= wanted
    assert working_time(calendar, due, wanted) == timedelta()
    assert due == wanted or working_time(calendar, due - MINUTE, due) > timedelta()


def test_a_year_of_always_loses_no_second() -> None:
    year = timedelta(days=366)
    assert working_time(ALWAYS, at("2024-01-01T00:00Z"), at("2025-01-01T00:00Z")) == year
    everywhere = Calendar(zone="Europe/Kyiv", week=Week(*([ALL_DAY] * 7)), closed=(date(2024, 5, 1),))
    assert working_time(everywhere, at("2024-01-01T00:00Z"), at("2025-01-01T00:00Z")) == year - timedelta(
        days=1
    )


def test_no_time_at_all_is_now_even_outside_hours() -> None:
    sunday = at("2024-06-09T12:00Z")
    assert add_working_time(OFFICE, sunday, timedelta()) == sunday


def test_a_time_in_the_spring_gap_is_the_first_instant_after_it() -> None:
    assert wall_instant(ZoneInfo("America/Chicago"), at("2020-03-08T02:30")) == at("2020-03-08T08:00Z")
    assert wall_instant(ZoneInfo("Australia/Lord_Howe"), at("2024-10-06T02:15")) == at("2024-10-05T15:30Z")


def test_an_ambiguous_time_is_its_first_occurrence() -> None:
    assert wall_instant(ZoneInfo("America/Chicago"), at("2020-11-01T01:30")) == at("2020-11-01T06:30Z")


def test_public_holidays_of_a_subdivision_are_closed() -> None:
    bavaria = Calendar(zone="Europe/Berlin", week=OFFICE.week, regions=(Region("DE", "BY"),))
    berlin = Calendar(zone="Europe/Berlin", week=OFFICE.week, regions=(Region("DE", "BE"),))
    epiphany = at("2025-01-06T12:00+01:00")
    assert not is_open(bavaria, epiphany)
    assert is_open(berlin, epiphany)


def test_an_exceptional_opening_beats_a_holiday_and_the_week() -> None:
    saturday = date(2024, 12, 28)
    calendar = Calendar(
        zone="UTC", week=OFFICE.week, closed=(saturday,), openings=(Opening(saturday, (("10:00", "12:00"),)),)
    )
    assert working_time(calendar, at("2024-12-28T00:00Z"), at("2024-12-29T00:00Z")) == timedelta(hours=2)


def test_a_working_day_ends_with_the_last_open_instant_when_that_day_is_short() -> None:
    short_monday = Calendar(
        zone="UTC", week=OFFICE.week, openings=(Opening(date(2024, 6, 10), (("09:00", "13:00"),)),)
    )
    assert add_working_days(short_monday, at("2024-06-07T15:00Z"), 1) == at("2024-06-10T13:00Z")


def test_working_days_from_outside_hours_start_at_the_next_opening() -> None:
    assert add_working_days(OFFICE, at("2024-06-08T22:00Z"), 1) == at("2024-06-11T09:00Z")


def test_a_calendar_that_never_opens_says_so() -> None:
    never = Calendar(zone="UTC", openings=(Opening(date(2024, 6, 10), (("09:00", "10:00"),)),))
    assert add_working_time(never, at("2024-06-01T00:00Z"), timedelta(hours=1)) == at("2024-06-10T10:00Z")
    for ask in (
        lambda: add_working_time(never, at("2024-06-01T00:00Z"), timedelta(minutes=61)),
        lambda: next_opening(never, at("2024-06-11T00:00Z")),
        lambda: add_working_days(never, at("2024-06-01T00:00Z"), 1),
    ):
        with pytest.raises(NeverOpens):
            ask()


@pytest.mark.parametrize(
    "document",
    [
        {"zone": "Mars/Olympus"},
        {"zone": "UTC", "week": {"mon": [["9:00", "17:00"]]}},
        {"zone": "UTC", "week": {"mon": [["17:00", "09:00"]]}},
        {"zone": "UTC", "week": {"mon": [["09:00", "12:00"], ["11:00", "13:00"]]}},
        {"zone": "UTC", "week": {"mon": [["09:00", "24:01"]]}},
        {"zone": "UTC", "week": {"mon": [["09:60", "12:00"]]}},
        {"zone": "UTC", "week": {"someday": [["09:00", "12:00"]]}},
        {"zone": "UTC", "regions": [{"country": "XX"}]},
        {"zone": "UTC", "regions": [{"country": "DE", "subdivision": "XX"}]},
    ],
)
def test_a_wrong_calendar_is_refused(document: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(document, Calendar)


def test_a_calendar_survives_json() -> None:
    text = (
        b'{"zone":"Europe/Kyiv","week":{"fri":[["09:00","12:00"],["13:00","24:00"]]},"closed":["2024-08-24"]}'
    )
    calendar = msgspec.json.decode(text, type=Calendar)
    assert msgspec.json.encode(calendar) == text


def test_negative_amounts_are_refused() -> None:
    with pytest.raises(ValueError, match="added"):
        add_working_time(OFFICE, at("2024-06-07T15:00Z"), timedelta(minutes=-1))
    with pytest.raises(ValueError, match="added"):
        add_working_days(OFFICE, at("2024-06-07T15:00Z"), -1)
