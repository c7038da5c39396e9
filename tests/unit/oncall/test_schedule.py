"""Who is on call, and because of what."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.core.errors import Conflict, Invalid
from firstline.oncall.rotation import Rotation, Window
from firstline.oncall.schedule import (
    Because,
    Changes,
    Kind,
    Layer,
    Override,
    Schedule,
    Shift,
    Swap,
    VersionInForce,
    check_override,
    gaps,
    take,
    who,
    who_at,
    who_in_versions,
)
from tests.effort import cases

CASES = cases(1_000, 20_000)
MONDAY = datetime.fromisoformat("2024-06-03T00:00Z")


def hour(number: float) -> datetime:
    return MONDAY + timedelta(hours=number)


def fixed(*shifts: tuple[int, float, float], name: str = "L") -> Layer:
    return Layer(name, shifts=tuple(Shift(person, hour(a), hour(b)) for person, a, b in shifts))


def override(number: int, kind: Kind, a: float, b: float, **people: int | None) -> Override:
    return Override(
        id=number, kind=kind, start=hour(a), end=hour(b), person=people.get("person"), by=people.get("by"),
        rank=people.get("rank") or 0,
    )  # fmt: skip


def test_each_answer_says_because_of_what() -> None:
    schedule = Schedule("UTC", (fixed((1, 0, 10), name="base"), fixed((2, 2, 4), name="upper")))
    changes = Changes(
        [override(7, "add", 5, 6, by=3), override(8, "remove", 6, 7, person=1)],
        [Swap(id=9, giver=1, start=hour(8), end=hour(9), taker=4)],
    )
    found = [
        (d.person, (d.start - MONDAY) / timedelta(hours=1), d.because)
        for d in who(schedule, hour(0), hour(10), changes)
    ]
    base, upper = Because("layer", "base"), Because("layer", "upper")
    assert found == [
        (1, 0, base), (2, 2, upper), (1, 4, base), (3, 5, Because("override", id=7)), (1, 7, base),
        (4, 8, Because("swap", id=9)), (1, 9, base),
    ]  # fmt: skip


def test_replacing_somebody_who_is_not_on_changes_nothing() -> None:
    schedule = Schedule("UTC", (fixed((1, 0, 4)),))
    changes = Changes([override(1, "replace", 0, 4, person=2, by=3)])
    assert [duty.person for duty in who(schedule, hour(0), hour(4), changes)] == [1]


def test_a_layer_is_cut_to_its_windows() -> None:
    rotation = Rotation(1, "week", datetime.fromisoformat("2024-06-03T00:00"), (1, 2))
    layer = Layer("office", rotation, windows=(Window("09:00", "17:00", ("mon", "tue")),))
    duties = who(Schedule("UTC", (layer,)), hour(0), hour(24 * 14))
    assert [(d.person, d.start, d.end) for d in duties] == [
        (1, hour(9), hour(17)), (1, hour(33), hour(41)), (2, hour(177), hour(185)), (2, hour(201), hour(209)),
    ]  # fmt: skip


def test_gaps_are_the_stretches_without_anybody() -> None:
    duties = who(Schedule("UTC", (fixed((1, 1, 3), (2, 2, 4), (1, 6, 7)),)), hour(0), hour(8))
    assert gaps(duties, hour(0), hour(8)) == [
        (hour(0), hour(1)), (hour(4), hour(6)), (hour(7), hour(8)),
    ]  # fmt: skip
    assert gaps([], hour(0), hour(1)) == [(hour(0), hour(1))]


def test_the_past_is_answered_by_the_version_then_in_force() -> None:
    versions = [
        VersionInForce(2, hour(5), Schedule("UTC", (fixed((2, 0, 10)),))),
        VersionInForce(1, hour(-24), Schedule("UTC", (fixed((1, 0, 10)),))),
    ]
    duties = who_in_versions(versions, hour(0), hour(10))
    assert [(d.person, d.start, d.end, d.because.version) for d in duties] == [
        (1, hour(0), hour(5), 1), (2, hour(5), hour(10), 2),
    ]  # fmt: skip


def test_an_override_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(Invalid, match="after"):
        check_override(override(1, "add", 2, 2, by=1), [])
    with pytest.raises(Invalid, match="who"):
        check_override(override(1, "replace", 1, 2, person=1), [])
    with pytest.raises(Invalid, match="who"):
        check_override(override(1, "remove", 1, 2), [])


def test_overrides_conflict_only_over_the_same_person_time_and_rank() -> None:
    first = override(1, "replace", 0, 4, person=1, by=2)
    check_override(override(2, "add", 4, 6, by=2), [first])
    check_override(override(2, "add", 2, 6, by=3), [first])
    check_override(override(2, "add", 2, 6, by=2, rank=1), [first])
    with pytest.raises(Conflict, match="override 1"):
        check_override(override(2, "remove", 3, 6, person=2), [first])


def test_a_swap_is_taken_once() -> None:
    taken = take(Swap(id=1, giver=1, start=hour(0), end=hour(1)), 2)
    assert take(taken, 2) == taken
    with pytest.raises(Conflict):
        take(taken, 3)


people = st.integers(1, 5)
spans = st.tuples(st.integers(0, 96), st.integers(1, 48)).map(lambda p: (p[0] / 4, (p[0] + p[1]) / 4))


@st.composite
def situations(draw: st.DrawFn) -> tuple[Schedule, Changes]:
    layers = draw(st.lists(st.lists(st.tuples(people, spans), max_size=4), max_size=3))
    document = Schedule(
        "UTC", tuple(fixed(*[(p, a, b) for p, (a, b) in rows], name=str(n)) for n, rows in enumerate(layers))
    )
    overrides = [
        override(n, draw(st.sampled_from(["replace", "add", "remove"])), a, b,
                 person=draw(st.none() | people), by=draw(people), rank=draw(st.integers(0, 2)))
        for n, (a, b) in enumerate(draw(st.lists(spans, max_size=4)))
    ]  # fmt: skip
    swaps = [
        Swap(id=n, giver=draw(people), start=hour(a), end=hour(b), taker=draw(st.none() | people))
        for n, (a, b) in enumerate(draw(st.lists(spans, max_size=2)))
    ]
    return document, Changes(overrides, swaps)


@settings(max_examples=CASES, deadline=None)
@given(situation=situations(), ask=spans, moment=st.integers(0, 95))
def test_a_range_is_what_asking_each_instant_says(
    situation: tuple[Schedule, Changes], ask: tuple[float, float], moment: int
) -> None:
    schedule, changes = situation
    start, end = hour(ask[0]), hour(ask[1])
    duties = who(schedule, start, end, changes)
    instant = start + (end - start) * moment / 96
    now = {(duty.person, duty.because) for duty in who_at(schedule, instant, changes)}
    assert {(d.person, d.because) for d in duties if d.start <= instant < d.end} == now
    at_end = {(duty.person, duty.because) for duty in who_at(schedule, end, changes)}
    assert {(d.person, d.because) for d in duties if d.goes_on} <= at_end
    assert all(start <= duty.start < duty.end <= end for duty in duties)
