"""Rotations and windows on the wall clock."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.oncall.rotation import (
    Day,
    Rotation,
    Window,
    active,
    handoff,
    holder,
    next_active,
    number_at,
    openings,
    turns,
    with_participants,
    without,
)
from tests.effort import cases

CASES = cases(2_000, 50_000)
UTC_ZONE = ZoneInfo("UTC")
DAYS: list[Day] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@st.composite
def rotations(draw: st.DrawFn) -> Rotation:
    unit = draw(st.sampled_from(["hour", "day", "week", "month"]))
    start = at("2024-02-28T00:00") + timedelta(minutes=15 * draw(st.integers(0, 4 * 24 * 60)))
    days = tuple(draw(st.lists(st.sampled_from(DAYS), unique=True, max_size=6))) if unit == "day" else ()
    people = draw(st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True))
    return Rotation(draw(st.integers(1, 40)), unit, start, tuple(people), days, draw(st.integers(0, 3)))


zones = st.sampled_from(
    ["UTC", "America/Chicago", "Europe/Kyiv", "Australia/Lord_Howe", "Asia/Kathmandu"]
).map(ZoneInfo)
instants = st.integers(-400 * 1440, 400 * 1440).map(lambda n: at("2024-06-01T00:00Z") + timedelta(minutes=n))


@settings(max_examples=CASES, deadline=None)
@given(rotation=rotations(), zone=zones, instant=instants)
def test_each_instant_lies_in_exactly_the_shift_of_its_number(
    rotation: Rotation, zone: ZoneInfo, instant: datetime
) -> None:
    number = number_at(rotation, zone, instant)
    assert handoff(rotation, zone, number) <= instant < handoff(rotation, zone, number + 1)


@settings(max_examples=CASES // 2, deadline=None)
@given(rotation=rotations(), zone=zones, instant=instants, minutes=st.integers(1, 5000))
def test_turns_follow_each_other_and_agree_with_one_question_at_a_time(
    rotation: Rotation, zone: ZoneInfo, instant: datetime, minutes: int
) -> None:
    end = instant + timedelta(minutes=minutes)
    found = [turn for turn in turns(rotation, zone, instant, end) if turn.end > instant and turn.start < end]
    for before, after in pairwise(found):
        assert before.end <= after.start
        assert rotation.days or before.end == after.start
    for turn in found:
        middle = turn.start + (turn.end - turn.start) / 2
        assert turn.person == holder(rotation, number_at(rotation, zone, middle))
        if rotation.days:
            assert DAYS[turn.start.astimezone(zone).weekday()] in rotation.days or turn.number < 0


@settings(max_examples=CASES // 2, deadline=None)
@given(
    rotation=rotations(),
    zone=zones,
    instant=instants,
    people=st.lists(st.integers(1, 12), min_size=1, max_size=6, unique=True),
)
def test_an_edit_of_the_participants_moves_nobody_who_is_on_and_stays(
    rotation: Rotation, zone: ZoneInfo, instant: datetime, people: list[int]
) -> None:
    number = number_at(rotation, zone, instant)
    on = holder(rotation, number)
    edited = with_participants(rotation, zone, tuple(people), instant)
    if on in people:
        assert holder(edited, number) == on
    if number >= 0:
        assert holder(edited, number) in people


def test_when_the_one_on_leaves_the_next_who_stays_takes_over() -> None:
    rotation = Rotation(1, "day", at("2024-06-03T09:00"), (1, 2, 3))
    tuesday = at("2024-06-04T12:00Z")
    assert holder(rotation, 1) == 2
    assert holder(without(rotation, UTC_ZONE, 2, tuesday), 1) == 3


def test_nobody_is_on_before_the_start_or_without_participants() -> None:
    rotation = Rotation(1, "day", at("2024-06-03T09:00"), (1,))
    assert holder(rotation, -1) is None
    assert holder(Rotation(1, "day", at("2024-06-03T09:00"), ()), 5) is None


def test_a_window_waits_for_its_next_opening() -> None:
    window = Window("09:00", "17:00", ("mon", "wed"))
    kyiv = ZoneInfo("Europe/Kyiv")
    assert next_active(window, kyiv, at("2024-06-03T18:00+03:00")) == at("2024-06-05T09:00+03:00")
    assert next_active(window, kyiv, at("2024-06-05T10:00+03:00")) == at("2024-06-05T10:00+03:00")
    assert next_active(window, kyiv, at("2024-06-05T17:00+03:00")) == at("2024-06-10T09:00+03:00")


@settings(max_examples=CASES // 4, deadline=None)
@given(
    start=st.integers(0, 1439), end=st.integers(0, 1440), days=st.sets(st.sampled_from(DAYS)), zone=zones,
    instant=instants,
)  # fmt: skip
def test_a_window_is_open_exactly_within_its_openings(
    start: int, end: int, days: set[Day], zone: ZoneInfo, instant: datetime
) -> None:
    window = Window(f"{start // 60:02}:{start % 60:02}", f"{end // 60:02}:{end % 60:02}", tuple(days))
    spans = list(openings(window, zone, instant - timedelta(days=2), instant + timedelta(days=2)))
    assert active(window, zone, instant) is any(low <= instant < high for low, high in spans)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"every": 0}, "unit"),
        ({"start": datetime(2024, 6, 3, tzinfo=UTC)}, "local"),
        ({"unit": "week", "days": ("mon",)}, "days"),
    ],
)
def test_a_rotation_that_makes_no_sense_is_refused(change: dict[str, object], text: str) -> None:
    plain = {"every": 1, "unit": "day", "start": at("2024-06-03T09:00"), "participants": (1,)}
    with pytest.raises(ValueError, match=text):
        Rotation(**{**plain, **change})
