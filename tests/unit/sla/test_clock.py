"""The clock: what follows from a list of events, and that its ledger always sums up."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.catalog.calendar import ALWAYS, Calendar, same_hours, working_time
from firstline.sla.clock import (
    Cancel,
    ChangeCalendar,
    ClockEvent,
    Hold,
    Pause,
    Phase,
    Reopen,
    Resume,
    Retarget,
    Start,
    Stop,
    Wait,
    fold,
)
from firstline.sla.ledger import why_due
from tests.effort import cases

CASES = cases(1_000, 20_000)
OFFICE = Calendar(zone="UTC", week=same_hours("mon tue wed thu fri", "09:00", "17:00"))
MONDAY = datetime(2024, 6, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


def on(hour: float, day: int = 0) -> datetime:
    return MONDAY + timedelta(days=day, hours=hour)


def start(hour: float, target: float, calendar: Calendar = OFFICE) -> Start:
    return Start(on(hour), calendar, HOUR * target, holder="group:1")


def test_a_pause_that_begins_at_the_due_instant_is_in_time_until_work_goes_on() -> None:
    paused = fold([start(10, 2), Pause(on(12), "caller")])
    assert paused.breach(on(16)) is None
    assert paused.due() is None
    resumed = fold([start(10, 2), Pause(on(12), "caller"), Resume(on(15))])
    assert resumed.due() == on(15)
    assert resumed.breach(on(15)) is None
    assert resumed.breach(on(15.1)) == on(15)


def test_a_target_used_up_at_the_end_of_the_day_is_missed_in_the_evening() -> None:
    state = fold([start(15, 2), Stop(on(18))])
    assert state.due() == on(17)
    assert state.met(on(18)) is False
    assert fold([start(15, 2), Stop(on(17))]).met(on(18)) is True


def test_stopped_while_paused_is_in_time() -> None:
    state = fold([start(10, 4), Pause(on(11)), Stop(on(9, 3))])
    assert state.met(on(9, 4)) is True
    assert state.due() == on(12, 3)


def test_a_retroactive_target_already_past_breaches_a_paused_clock_at_the_change() -> None:
    state = fold([start(10, 8), Pause(on(14)), Retarget(on(15), HOUR)])
    assert state.breach(on(15)) == on(15)


def test_a_second_shorter_target_does_not_breach_again() -> None:
    state = fold([start(9, 2), Retarget(on(12), HOUR)])
    assert state.breach(on(13)) == on(11)
    assert len(state.breaches) == 1


def test_a_breach_superseded_and_breached_again_keeps_both() -> None:
    state = fold([start(9, 2), Retarget(on(12), 4 * HOUR), Stop(on(15))])
    assert [breach.at for breach in state.breaches] == [on(11), on(13)]
    assert state.breaches[0].superseded_at == on(12)
    assert state.met(on(15)) is False


def test_from_now_starts_counting_at_the_change_but_keeps_the_pause() -> None:
    state = fold([start(9, 8), Pause(on(10)), Retarget(on(11), HOUR, retroactive=False), Resume(on(13))])
    assert state.due() == on(14)
    assert state.elapsed(on(13.5)) == HOUR / 2
    ledger = why_due(state, on(13.5))
    assert ledger.lines[0].before and ledger.lines[0].counted == timedelta()


def test_a_result_follows_the_last_target_even_after_the_stop() -> None:
    kept = [start(9, 8), Stop(on(12))]
    assert fold([*kept, Retarget(on(13), 3 * HOUR)]).met(on(14)) is True
    missed = fold([*kept, Retarget(on(13), 2 * HOUR)])
    assert missed.met(on(14)) is False
    assert missed.breach(on(14)) == on(13)
    assert fold([*kept, Retarget(on(13), None)]).met(on(14)) is None


def test_a_changed_calendar_counts_from_now_or_from_the_start() -> None:
    late = Calendar(zone="UTC", week=same_hours("mon tue wed thu fri", "09:00", "12:00"))
    from_now = fold([start(9, 8), ChangeCalendar(on(16), late)])
    assert from_now.due() == on(10, 1)
    retroactive = fold([start(9, 8), ChangeCalendar(on(16), late, retroactive=True)])
    assert retroactive.due() == on(11, 2)


def test_a_calendar_that_makes_the_target_past_breaches_at_the_change() -> None:
    state = fold([Start(on(12), OFFICE, 8 * HOUR), ChangeCalendar(on(22), ALWAYS, retroactive=True)])
    assert state.breach(on(22)) == on(22)


def test_cancelled_is_neither_met_nor_missed_and_can_be_taken_back() -> None:
    state = fold([start(9, 2), Cancel(on(10))])
    assert state.met(on(20)) is None
    assert state.breach(on(20)) is None
    assert fold([start(9, 2), Cancel(on(10)), Reopen(on(12))]).due() == on(13)


def test_holders_share_the_time_and_waiting_is_attributed_to_whom_it_is_for() -> None:
    state = fold(
        [
            start(9, 8),
            Hold(on(10), "group:2"),
            Wait(on(11), "vendor"),
            Resume(on(13)),
            Pause(on(14), "caller"),
            Resume(on(16)),
            Stop(on(17)),
        ]
    )
    assert why_due(state, on(9, 5)).owners() == {
        "group:1": HOUR, "group:2": 3 * HOUR, "vendor": 2 * HOUR, "caller": 2 * HOUR,
    }  # fmt: skip
    assert state.elapsed(on(20)) == 6 * HOUR


def test_warn_points_come_in_order_each_once_and_only_while_running() -> None:
    state = fold([start(9, 4)])
    assert state.next_warn((0.9, 0.75), ()) == (0.75, on(12))
    assert state.next_warn((0.9, 0.75), (0.75,)) == (0.9, on(12.6))
    assert state.next_warn((0.9, 0.75), (0.75, 0.9)) is None
    assert fold([start(9, 4), Pause(on(10))]).next_warn((0.75,), ()) is None


def test_events_that_change_nothing_leave_no_trace() -> None:
    plain = fold([start(9, 4), Stop(on(11))])
    noisy = fold([start(9, 4), Resume(on(10)), Stop(on(11)), Stop(on(12)), Pause(on(13)), start(14, 9)])
    assert noisy == plain


def test_a_clock_begins_with_a_start() -> None:
    with pytest.raises(ValueError, match="start"):
        fold([Stop(on(9))])


def test_a_holder_changing_after_the_stop_does_not_move_the_stop() -> None:
    state = fold([start(9, 2), Stop(on(10)), Hold(on(16), "group:2")])
    assert state.met(on(20)) is True
    assert state.changed_at == on(10)
    assert state.due() == on(11)


@st.composite
def histories(draw: st.DrawFn) -> list[ClockEvent]:
    calendar = draw(st.sampled_from([OFFICE, ALWAYS]))
    at = MONDAY + timedelta(minutes=draw(st.integers(0, 2000)))
    target = timedelta(minutes=draw(st.integers(1, 1500)))
    events: list[ClockEvent] = [Start(at, calendar, target, "group:1")]
    for _ in range(draw(st.integers(0, 9))):
        at += timedelta(minutes=draw(st.integers(0, 900)))
        amount = timedelta(minutes=draw(st.integers(1, 1500)))
        events.append(
            draw(
                st.sampled_from(
                    [
                        Pause(at, "caller"), Wait(at, "vendor"), Resume(at), Stop(at), Reopen(at), Cancel(at),
                        Hold(at, "group:2"), Retarget(at, amount), Retarget(at, amount, retroactive=False),
                        ChangeCalendar(at, OFFICE), ChangeCalendar(at, ALWAYS, retroactive=True),
                    ]
                )
            )
        )  # fmt: skip
    return events


def due_minute_by_minute(events: list[ClockEvent]) -> tuple[timedelta, datetime | None]:
    """A slow clock without retargets: walks each minute, asks what the last event before it said."""
    begin = events[0]
    assert isinstance(begin, Start) and begin.target is not None
    elapsed, instant, breached = timedelta(), begin.at, None
    end = events[-1].at + timedelta(days=2)
    running, state = True, "open"
    queue = list(events[1:])
    while instant < end:
        while queue and queue[0].at <= instant:
            match queue.pop(0):
                case Pause() if state == "open":
                    running = False
                case Resume() | Wait() if state == "open":
                    running = True
                case Stop() if state == "open":
                    running, state = False, "stopped"
                case Cancel():
                    running, state = False, "cancelled"
                case Reopen() if state != "open":
                    running, state = True, "open"
        if running:
            if elapsed == begin.target and breached is None:
                breached = instant
            elapsed += working_time(begin.calendar, instant, instant + timedelta(minutes=1))
        instant += timedelta(minutes=1)
    return elapsed, breached


@settings(max_examples=CASES // 4, deadline=None)
@given(events=histories())
def test_the_fold_is_what_walking_minute_by_minute_says(events: list[ClockEvent]) -> None:
    events = [event for event in events if not isinstance(event, Retarget | ChangeCalendar)]
    elapsed, breached = due_minute_by_minute(events)
    end = events[-1].at + timedelta(days=2)
    state = fold(events)
    assert state.elapsed(end) == elapsed
    found = state.breach(end)
    assert (found is None) == (breached is None)
    # A target used up at the end of a day is due then; the walk sees it in the next running minute as well.
    if found is not None and breached is not None:
        assert found == breached


@settings(max_examples=CASES, deadline=None)
@given(events=histories(), later=st.integers(0, 4000))
def test_the_ledger_always_sums_to_what_the_clock_says(events: list[ClockEvent], later: int) -> None:
    now = events[-1].at + timedelta(minutes=later)
    state = fold(events)
    ledger = why_due(state, now)
    assert ledger.elapsed == state.elapsed(now)
    assert sum((line.counted for line in ledger.lines if not line.ahead), timedelta()) == ledger.elapsed
    ahead = [line for line in ledger.lines if line.ahead]
    if ahead:
        assert ledger.target is not None
        assert ledger.elapsed + ahead[0].counted == ledger.target
    stretches = [line for line in ledger.lines if not line.ahead]
    assert all(a.end == b.start for a, b in pairwise(stretches))
    if state.phase is Phase.RUNNING and ledger.due is not None and ledger.due < now:
        assert state.breach(now) is not None


@settings(max_examples=CASES, deadline=None)
@given(events=histories())
def test_a_fold_never_forgets_a_breach_and_never_has_two_standing(events: list[ClockEvent]) -> None:
    seen = 0
    for length in range(1, len(events) + 1):
        state = fold(events[:length])
        assert len(state.breaches) >= seen
        seen = len(state.breaches)
        assert sum(breach.superseded_at is None for breach in state.breaches) <= 1
