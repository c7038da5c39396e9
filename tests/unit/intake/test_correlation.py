"""Which incident an alert belongs to, and why."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.intake.correlation import (
    DEFAULT_RULES,
    Arrival,
    Candidate,
    Ground,
    Rule,
    correlate,
    lock_names,
    resolution_due,
)

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def arrival(alert: int, minute: float = 0, **fields: Any) -> Arrival:
    return Arrival(alert_id=alert, seen_at=AT + minute * MINUTE, **{"source_id": 1, "group": "", **fields})


def candidate(number: int, minute: float = 0, **fields: Any) -> Candidate:
    seen = AT + minute * MINUTE
    usual = {"security": False, "resolved": False, "opened_at": seen, "last_signal_at": seen, "size": 1}
    return Candidate(id=number, **{**usual, **fields})


def joined(
    one: Arrival, *candidates: Candidate, rules: tuple[Rule, ...] = DEFAULT_RULES
) -> tuple[int, str | None]:
    (decision,) = correlate([one], candidates, rules)
    return decision.incident, decision.ground.value if decision.ground else None


@pytest.mark.parametrize(
    ("one", "other", "ground"),
    [
        (arrival(1), candidate(7, alerts={1}), "same_alert"),
        (arrival(1, 99999), candidate(7, alerts={1}), "same_alert"),
        (arrival(1, group="g"), candidate(7, groups={(1, "g")}), "same_group"),
        (arrival(1, group="g", source_id=2), candidate(7, groups={(1, "g")}), None),
        (arrival(1, ci_id=3), candidate(7, cis={3}), "same_ci"),
        (arrival(1, service_id=3), candidate(7, services={3}), "same_service"),
        (arrival(1, 30, service_id=3), candidate(7, services={3}), "same_service"),
        (arrival(1, 31, service_id=3), candidate(7, services={3}), None),
        (arrival(1, service_id=4), candidate(7, services={3}), None),
        (arrival(1, service_id=3, security=True), candidate(7, services={3}), None),
        (arrival(1, service_id=3), candidate(7, services={3}, security=True), None),
        (arrival(1, service_id=3, security=True), candidate(7, services={3}, security=True), "same_service"),
        (arrival(1, service_id=3), candidate(7, services={3}, resolved=True), None),
        (arrival(1, service_id=3), candidate(7, services={3}, size=10_000), None),
        (arrival(1), candidate(7), None),
    ],
)
def test_table(one: Arrival, other: Candidate, ground: str | None) -> None:
    assert joined(one, other) == ((7, ground) if ground else (-1, None))


def test_an_incident_that_is_too_old_takes_no_more() -> None:
    old = candidate(7, 1439, services={3}, opened_at=AT)
    assert joined(arrival(1, 1440, service_id=3), old)[0] == 7
    assert joined(arrival(1, 1441, service_id=3), old)[0] == -1


def test_the_order_of_rules_decides_then_the_latest_signal() -> None:
    near, alike = candidate(7, 5, services={3}), candidate(8, 0, groups={(1, "g")})
    assert joined(arrival(1, 6, service_id=3, group="g"), near, alike) == (8, "same_group")
    turned = tuple(reversed(DEFAULT_RULES))
    assert joined(arrival(1, 6, service_id=3, group="g"), near, alike, rules=turned) == (7, "same_service")
    assert joined(arrival(1, 6, service_id=3), near, candidate(9, 4, services={3}))[0] == 7


def test_a_resolved_one_is_reopened_once() -> None:
    decisions = correlate(
        [arrival(1), arrival(2, group="g")], [candidate(7, alerts={1}, groups={(1, "g")}, resolved=True)]
    )
    assert [(each.incident, each.reopens) for each in decisions] == [(7, True), (7, False)]


def test_a_storm_opens_one_and_the_rest_join_it() -> None:
    decisions = correlate([arrival(n, service_id=3) for n in range(1000)], [])
    assert [each.opens for each in decisions] == [True] + [False] * 999
    assert {each.incident for each in decisions} == {-1}


def test_a_limit_opens_the_next() -> None:
    rule = Rule(ground=Ground.SERVICE, limit=2)
    decisions = correlate([arrival(n, service_id=3) for n in range(5)], [], [rule])
    assert [each.incident for each in decisions] == [-1, -1, -2, -2, -3]


def test_the_reason_tells_what_is_common_and_since_when() -> None:
    (decision,) = correlate([arrival(1, 10, service_id=3)], [candidate(7, services={3})])
    assert decision.why == {"ground": "same_service", "value": "3", "window": 30, "quiet_seconds": 600}


arrivals = st.builds(
    lambda alert, minute, group, service, ci, security: arrival(
        alert, minute, group=group, service_id=service, ci_id=ci, security=security
    ),
    st.integers(1, 6), st.integers(0, 90), st.sampled_from(["", "g", "h"]),
    st.sampled_from([None, 1, 2]), st.sampled_from([None, 1, 2]), st.booleans(),
)  # fmt: skip


@given(st.lists(arrivals, max_size=25))
def test_as_the_slow_version(some: list[Arrival]) -> None:
    """Looking at every candidate for every arrival gives the same; and security never mixes."""
    fast = correlate(some, [])
    members: dict[int, list[Arrival]] = {}
    for one, decision in zip(some, fast, strict=True):
        expected = slow(one, members)
        assert decision.incident == (expected if expected is not None else -len(members) - 1)
        members.setdefault(decision.incident, []).append(one)
    for group in members.values():
        assert len({one.security for one in group}) == 1


def slow(one: Arrival, members: dict[int, list[Arrival]]) -> int | None:
    for rule in DEFAULT_RULES:
        fitting = []
        for incident, there in members.items():
            last, opened = max(each.seen_at for each in there), there[0].seen_at
            common = {
                Ground.ALERT: any(each.alert_id == one.alert_id for each in there),
                Ground.GROUP: bool(one.group) and any(each.group == one.group for each in there),
                Ground.CI: one.ci_id is not None and any(each.ci_id == one.ci_id for each in there),
                Ground.SERVICE: one.service_id is not None
                and any(each.service_id == one.service_id for each in there),
            }[rule.ground]
            recent = rule.window == 0 or one.seen_at - last <= rule.window * MINUTE
            young = rule.age == 0 or one.seen_at - opened <= rule.age * MINUTE
            if common and recent and young and there[0].security == one.security:
                fitting.append((last, incident))
        if fitting:
            return max(fitting)[1]
    return None


def test_locks_are_taken_in_one_order_by_everybody() -> None:
    one = lock_names([arrival(1, service_id=2, ci_id=9), arrival(2, service_id=1)])
    other = lock_names([arrival(2, service_id=1), arrival(1, service_id=2, ci_id=9)])
    assert one == other == sorted(one) and len(one) == 3
    assert not set(one) & set(lock_names([arrival(1, service_id=2, security=True)]))


@pytest.mark.parametrize(
    ("ends", "due"),
    [
        ([], None),
        ([(True, AT)], AT + 5 * MINUTE),
        ([(True, AT), (True, AT + MINUTE)], AT + 6 * MINUTE),
        ([(True, AT), (False, None)], None),
        ([(False, AT)], None),
    ],
)
def test_resolution_waits_for_the_last(
    ends: list[tuple[bool, datetime | None]], due: datetime | None
) -> None:
    assert resolution_due(ends, 5 * MINUTE) == due
