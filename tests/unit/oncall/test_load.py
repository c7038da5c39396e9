"""Load: hours, nights and weekends on the wall clock, overlaps once, rest that pages cut short."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.oncall.load import Assigned, Double, Paged, doubles, loads, merged
from firstline.oncall.schedule import Because, OnDuty
from tests.effort import cases

KYIV = ZoneInfo("Europe/Kyiv")
MONDAY = datetime(2026, 3, 23, 7, 0, tzinfo=UTC)  # 09:00 in Kyiv
HOUR = timedelta(hours=1)
LAYER = Because("layer", "one")


def duty(person: int, start: float, hours: float, schedule: int = 1) -> Assigned:
    begin = MONDAY + HOUR * start
    return Assigned(schedule, KYIV, OnDuty(person, begin, begin + HOUR * hours, LAYER))


def page(person: int, after: float) -> Paged:
    return Paged(person, MONDAY + HOUR * after, KYIV)


def test_a_week_has_seven_nights_and_a_weekend_and_the_change_of_clocks_takes_an_hour() -> None:
    (load,) = loads([duty(1, 0, 7 * 24 - 1)], [])  # until Monday 09:00 local: the last Sunday has 23 hours
    assert load.hours == HOUR * 167
    assert load.nights == HOUR * (7 * 8 - 1)
    assert load.weekends == HOUR * 47
    assert load.longest == HOUR * 167 and not load.too_long


def test_two_duties_at_once_count_once_and_are_said() -> None:
    own = [duty(1, 0, 24), duty(1, 12, 24, schedule=2), duty(2, 0, 24, schedule=2)]
    load, other = loads(own, [])
    assert (load.person, load.hours, load.double) == (1, HOUR * 36, HOUR * 12)
    assert (other.person, other.double) == (2, timedelta())
    assert doubles(own) == [Double(1, (1, 2), MONDAY + HOUR * 12, MONDAY + HOUR * 24)]


def test_turns_of_one_schedule_that_meet_are_no_double_duty() -> None:
    assert doubles([duty(1, 0, 24), duty(1, 24, 24), duty(1, 20, 3)]) == []


def test_pages_that_leave_no_eleven_hours_in_a_row_cost_the_rest_of_that_day() -> None:
    nights = [page(1, 9), page(1, 14), page(1, 17)]  # 18:00, 23:00 and 02:00
    (load,) = loads([duty(1, 0, 48)], nights)
    assert (load.pages, load.night_pages) == (3, 2)
    assert load.short_rests == [MONDAY]
    (rested,) = loads([duty(1, 0, 48)], [page(1, 14)])
    assert rested.short_rests == []


def test_more_than_a_week_without_a_free_day_is_too_long() -> None:
    (load,) = loads([duty(1, 0, 100), duty(1, 112, 100)], [])
    assert load.too_long and load.longest == HOUR * 212
    (free,) = loads([duty(1, 0, 100), duty(1, 130, 100)], [])
    assert not free.too_long


def test_pages_without_a_duty_count_and_the_busiest_come_first() -> None:
    found = loads([duty(1, 0, 5), duty(2, 0, 9)], [page(3, 1)])
    assert [(load.person, load.pages) for load in found] == [(2, 0), (1, 0), (3, 1)]


@settings(max_examples=cases(200, 5000), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 60)), max_size=12))
def test_merging_covers_each_hour_once(parts: list[tuple[int, int]]) -> None:
    spans = [(MONDAY + HOUR * start, MONDAY + HOUR * (start + length)) for start, length in parts]
    covered = {hour for start, length in parts for hour in range(start, start + length)}
    joined = merged(spans)
    assert sum((end - start for start, end in joined), timedelta()) == HOUR * len(covered)
    assert all(a[1] < b[0] for a, b in pairwise(joined))
