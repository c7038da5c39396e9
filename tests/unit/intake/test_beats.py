"""Heartbeats: schedules over changes of clocks, calls, runs, deadlines."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.intake.beats import (
    BadSchedule,
    Schedule,
    State,
    check,
    expected,
    expected_after,
    hear,
    missing_at,
    ping_of,
)
from tests.effort import cases

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RUN = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


def local(schedule: Schedule, after: str, count: int) -> list[str]:
    zone = ZoneInfo(schedule.zone)
    start = datetime.fromisoformat(after).replace(tzinfo=zone)
    found = islice(expected(schedule, start.astimezone(UTC)), count)
    return [each.astimezone(zone).strftime("%m-%d %H:%M%z") for each in found]


def test_a_time_that_clocks_skip_is_expected_right_after_the_gap() -> None:
    """Kyiv, 2026-03-29: 03:00 becomes 04:00."""
    daily = Schedule(cron="30 3 * * *", zone="Europe/Kyiv")
    assert local(daily, "2026-03-28T00:00", 3) == ["03-28 03:30+0200", "03-29 04:00+0300", "03-30 03:30+0300"]


def test_a_time_that_comes_twice_is_expected_once() -> None:
    """Kyiv, 2026-10-25: 04:00 becomes 03:00."""
    daily = Schedule(cron="30 3 * * *", zone="Europe/Kyiv")
    assert local(daily, "2026-10-24T00:00", 3) == ["10-24 03:30+0300", "10-25 03:30+0300", "10-26 03:30+0200"]


def test_half_past_two_in_berlin() -> None:
    daily = Schedule(cron="30 2 * * *", zone="Europe/Berlin")
    assert local(daily, "2026-03-29T00:00", 2) == ["03-29 03:00+0200", "03-30 02:30+0200"]
    assert local(daily, "2026-10-25T00:00", 2) == ["10-25 02:30+0200", "10-26 02:30+0100"]
    again = datetime(2026, 10, 25, 2, 40, tzinfo=ZoneInfo("Europe/Berlin"), fold=0).astimezone(UTC)
    after = expected_after(daily, again)
    assert after is not None and after.astimezone(ZoneInfo("Europe/Berlin")).day == 26, (
        "the doubled one is one"
    )


def test_every_half_hour_follows_real_time() -> None:
    often = Schedule(cron="*/30 * * * *", zone="Europe/Berlin")
    start = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    found = list(islice(expected(often, start), 6))
    assert [each - start for each in found] == [timedelta(minutes=30 * n) for n in range(1, 7)]


@given(
    after=st.datetimes(
        datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
        datetime(2035, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    zone=st.sampled_from(["UTC", "Europe/Kyiv", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
@settings(max_examples=cases(300, 20_000), deadline=None)
def test_a_daily_job_is_expected_once_each_local_day(
    after: datetime, minute: int, hour: int, zone: str
) -> None:
    """Against the days themselves: no day is left out and none comes twice, whatever clocks do."""
    found = list(islice(expected(Schedule(cron=f"{minute} {hour} * * *", zone=zone), after), 20))
    assert all(each > after for each in found) and found == sorted(set(found))
    days = [each.astimezone(ZoneInfo(zone)).date() for each in found]
    assert [later - earlier for earlier, later in pairwise(days)] == [timedelta(days=1)] * 19


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        ("", "success", None),
        ("/start", "start", None),
        ("/fail", "fail", None),
        ("/log", "log", None),
        ("/0", "success", 0),
        ("/17", "fail", 17),
    ],
)
def test_what_a_call_means(path: str, kind: str, status: int | None) -> None:
    ping = ping_of(path, at=AT, run="not a uuid", body=" said\x00 ")
    assert (ping.kind, ping.exit_status, ping.run, ping.body) == (kind, status, "", "said")


def test_runs_are_told_apart_by_their_ids() -> None:
    state, schedule = State(), Schedule(max_run=timedelta(minutes=10))
    hear(state, ping_of("/start", at=AT, run=RUN.upper()), schedule)
    hear(state, ping_of("/start", at=AT + timedelta(minutes=2)), schedule)
    assert missing_at(state, schedule) == AT + timedelta(minutes=10), "the first that started"
    ended = hear(state, ping_of("", at=AT + timedelta(minutes=3)), schedule)
    assert ended.seconds == 60
    ended = hear(state, ping_of("/1", at=AT + timedelta(minutes=5), run=RUN), schedule)
    assert (ended.seconds, ended.kind, state.runs) == (300, "fail", {})


def test_the_next_beat_is_expected_after_the_last_end_alone() -> None:
    state, schedule = State(), Schedule(period=timedelta(hours=1), grace=timedelta(minutes=5))
    hear(state, ping_of("", at=AT), schedule)
    for path in ("/start", "/log"):
        hear(state, ping_of(path, at=AT + timedelta(minutes=30)), schedule)
    assert missing_at(state, schedule) == AT + timedelta(minutes=65)
    state.missing_since = AT
    assert missing_at(state, schedule) is None, "told once"


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(cron="* * * *"),
        Schedule(cron="61 * * * *"),
        Schedule(cron="0 0 31 2 *"),
        Schedule(cron="0 0 * * * *"),
        Schedule(zone="Mars/Olympus"),
    ],
)
def test_schedules_that_cannot_be_kept(schedule: Schedule) -> None:
    with pytest.raises(BadSchedule):
        check(schedule)
