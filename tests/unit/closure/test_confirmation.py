"""When a resolved incident reminds and closes: the pure rules, against a calendar of Monday to Friday, 9 to 17."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.catalog.calendar import ALWAYS, Calendar, open_days, same_hours
from firstline.closure.confirmation import Policy, asks_rating, plan

OFFICE = Calendar(zone="UTC", week=same_hours("mon tue wed thu fri", "09:00", "17:00"))
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
FRIDAY = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("asked_at", "priority", "remind_at", "close_at"),
    [
        (MONDAY, 1, MONDAY + DAY, MONDAY + 3 * DAY),
        (MONDAY, 3, MONDAY + DAY, MONDAY + 3 * DAY),
        (MONDAY, 4, None, MONDAY + 3 * DAY),
        (MONDAY, 5, None, MONDAY + 3 * DAY),
        (MONDAY, None, None, MONDAY + 3 * DAY),
        (FRIDAY, 2, FRIDAY + 3 * DAY, FRIDAY + 5 * DAY),  # over the weekend
        (FRIDAY + timedelta(hours=5), 2, FRIDAY.replace(hour=9) + 4 * DAY, FRIDAY.replace(hour=9) + 6 * DAY),
    ],
)
def test_a_caller_has_three_working_days_and_one_reminder_for_p1_to_p3(
    asked_at: datetime, priority: int | None, remind_at: datetime | None, close_at: datetime
) -> None:
    found = plan(asked_at=asked_at, priority=priority, has_caller=True, calendar=OFFICE, policy=Policy())
    assert (found.remind_at, found.close_at, found.how) == (remind_at, close_at, "no_answer")


@pytest.mark.parametrize("fact", ["security", "major", "stopped"])
def test_silence_never_closes_a_security_or_major_incident_or_one_with_a_reply(fact: str) -> None:
    found = plan(
        asked_at=MONDAY,
        priority=5,
        has_caller=fact != "stopped",
        calendar=OFFICE,
        policy=Policy(),
        **{fact: True},
    )
    assert found.close_at is None and found.remind_at is None


def test_without_a_caller_it_soaks_in_working_hours() -> None:
    found = plan(asked_at=FRIDAY, priority=1, has_caller=False, calendar=OFFICE, policy=Policy())
    assert found.close_at == FRIDAY + 3 * DAY  # one hour on Friday, seven on Monday
    assert (found.remind_at, found.how) == (None, "no_caller")


def test_the_window_follows_the_priority() -> None:
    policy = Policy.from_numbers(days=[1, 2, 3, 4, 5], remind_after_days=1, soak_hours=8)
    ends = [
        plan(asked_at=MONDAY, priority=p, has_caller=True, calendar=ALWAYS, policy=policy).close_at
        for p in (1, 2, 3, 4, 5, None)
    ]
    assert ends == [MONDAY + n * DAY for n in (1, 2, 3, 4, 5, 5)]


def test_no_reminder_when_it_would_come_with_the_end() -> None:
    policy = Policy.from_numbers(days=[1], remind_after_days=1, soak_hours=8)
    assert (
        plan(asked_at=MONDAY, priority=1, has_caller=True, calendar=OFFICE, policy=policy).remind_at is None
    )


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - as hypothesis wants them
    st.integers(1, 5),
    st.integers(1, 10),
)
def test_the_end_lies_exactly_so_many_working_days_on(asked_at: datetime, priority: int, days: int) -> None:
    policy = Policy.from_numbers(days=[days] * 5, remind_after_days=1, soak_hours=8)
    found = plan(asked_at=asked_at, priority=priority, has_caller=True, calendar=OFFICE, policy=policy)
    assert found.close_at is not None
    begun = asked_at
    while not (begun.weekday() < 5 and begun.hour < 17):  # a start after hours counts from the next opening
        begun = begun.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    counted = open_days(OFFICE, begun.date(), found.close_at.date())
    assert len(counted) == days + 1 and counted[-1] == found.close_at.date()
    assert found.remind_at is None or asked_at < found.remind_at < found.close_at


@pytest.mark.parametrize(("share", "low", "high"), [(0, 0, 0), (100, 1000, 1000), (30, 250, 350)])
def test_a_rating_is_asked_for_the_configured_share(share: int, low: int, high: int) -> None:
    asked = [asks_rating(number, share) for number in range(1, 1001)]
    assert low <= sum(asked) <= high
    assert asked == [asks_rating(number, share) for number in range(1, 1001)]
