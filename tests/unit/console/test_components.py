from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from firstline.console import wording
from firstline.console.components import Clock, ClockState, Face

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=59), "under 1 min"),
        (minutes(1), "1 min"),
        (minutes(59.99), "59 min"),
        (minutes(60), "1 h"),
        (minutes(130), "2 h 10 min"),
        (timedelta(days=1), "1 d"),
        (timedelta(days=3, hours=4, minutes=59), "3 d 4 h"),
        (-minutes(12), "12 min"),
    ],
)
def test_a_duration_is_cut_to_its_two_largest_units(length: timedelta, words: str) -> None:
    assert wording.duration(length) == words


@pytest.mark.parametrize(
    ("left", "tone", "words", "percent"),
    [
        (30, "ok", "30 min left", 70),
        (25, "risk", "25 min left", 75),
        (0, "risk", "under 1 min left", 100),
        (-1, "late", "1 min over", 100),
    ],
)
def test_a_running_clock_turns_at_its_own_instants(left: float, tone: str, words: str, percent: int) -> None:
    due = NOW + minutes(left)
    clock = Clock(
        state=ClockState.RUNNING, from_at=due - minutes(100), due_at=due, risk_at=due - minutes(25), label="x"
    )
    assert (clock.tone(NOW), clock.words(NOW), clock.percent(NOW)) == (tone, words, percent)


@pytest.mark.parametrize(
    ("clock", "tone", "words"),
    [
        (Clock(state=ClockState.PAUSED, length=minutes(90), used=0.4), "held", "paused"),
        (Clock(state=ClockState.MET, length=minutes(16), used=0.5), "ok", "met in 16 min"),
        (Clock(state=ClockState.MISSED, length=minutes(25), used=1), "late", "missed by 25 min"),
        (Clock(), "none", "no target"),
    ],
)
def test_a_clock_at_rest_says_how_it_ended(clock: Clock, tone: str, words: str) -> None:
    assert (clock.tone(NOW), clock.words(NOW)) == (tone, words)


@pytest.mark.parametrize(
    ("name", "initials"),
    [("Olena Kovalenko", "OK"), ("it@example.org", "I"), ("Anna Maria van Dam", "AD"), ("", "?"), ("…", "?")],
)
def test_initials(name: str, initials: str) -> None:
    assert Face(name=name).initials == initials


def test_neighbouring_people_get_different_hues() -> None:
    hues = [Face(name="x", id=number).hue for number in range(1, 13)]
    assert sorted(hues) == list(range(12))
    assert all(a != b for a, b in pairwise(hues))


@pytest.mark.parametrize(("number", "shown"), [(0, "0"), (999, "999"), (1000, "999+"), (5000, "999+")])
def test_counts_are_exact_to_999(number: int, shown: str) -> None:
    assert wording.count(number) == shown
