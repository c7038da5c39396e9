"""Escalation steps, personal rules, replies, and simulation."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import pytest

from firstline.catalog.calendar import Calendar, same_hours
from firstline.oncall.policy import (
    Advance,
    Cursor,
    Hours,
    Policy,
    Recipient,
    Step,
    Target,
    advance,
    all_acknowledged,
    resumed,
)
from firstline.oncall.replies import Reply, parse
from firstline.oncall.rotation import Window
from firstline.oncall.rules import Method, Quiet, Rule, plan, urgency_of
from firstline.oncall.simulation import simulate

NOON = datetime.fromisoformat("2024-06-03T12:00Z")
MINUTE = timedelta(minutes=1)


def person(number: int) -> Target:
    return Target("person", number)


def reach(target: Target) -> Sequence[Recipient]:
    return [] if target.kind == "schedule" else [Recipient(target.id)]


def run(policy: Policy, priority: int = 1, at: datetime = NOON, **more: object) -> list[tuple[float, object]]:
    """Everything that happens, as (minutes, person | what)."""
    seen: list[tuple[float, object]] = []
    cursor, now = Cursor(), at
    for _ in range(50):
        move: Advance = advance(policy, cursor, now=now, priority=priority, reach=reach, **more)
        minutes = (now - at) / MINUTE
        seen += [(minutes, (passed.step, passed.why)) for passed in move.passed]
        seen += [(minutes, recipient.person) for recipient in move.recipients]
        if move.next_at is None:
            return [*seen, (minutes, "exhausted")]
        cursor, now = move.cursor, move.next_at
    raise AssertionError("never ends")


def test_steps_follow_after_their_delays_then_the_policy_is_exhausted() -> None:
    policy = Policy((Step((person(1),), 30), Step((person(2),), 60)))
    assert run(policy) == [(0, 1), (30, 2), (90, "exhausted")]


def test_a_policy_repeats_as_often_as_it_says() -> None:
    policy = Policy((Step((person(1),), 5), Step((person(2),), 10)), repeat=2)
    assert run(policy) == [(0, 1), (5, 2), (15, 1), (20, 2), (30, 1), (35, 2), (45, "exhausted")]


def test_a_step_that_reaches_nobody_falls_through_at_once() -> None:
    policy = Policy((Step((Target("schedule", 9),), 15), Step((person(2),), 10)))
    assert run(policy) == [(0, (0, "nobody")), (0, 2), (10, "exhausted")]


def test_a_round_without_anybody_waits_before_the_next_one() -> None:
    policy = Policy((Step((Target("schedule", 9),), 15), Step((Target("schedule", 8),), 10)), repeat=1)
    assert run(policy) == [
        (0, (0, "nobody")), (0, (1, "nobody")), (25, (0, "nobody")), (25, (1, "nobody")), (25, "exhausted"),
    ]  # fmt: skip


def test_a_step_for_other_priorities_is_skipped() -> None:
    policy = Policy((Step((person(1),), 5, priorities=(1,)), Step((person(2),), 5)))
    assert run(policy, 2) == [(0, (0, "priority")), (0, 2), (5, "exhausted")]
    assert run(policy, 1)[0] == (0, 1)


def hours(otherwise: str) -> Policy:
    between = msgspec.convert(
        {"zone": "Europe/Kyiv", "window": {"start": "09:00", "end": "17:00"}, "otherwise": otherwise}, Hours
    )
    return Policy((Step((person(1),), 5, hours=between), Step((person(2),), 5)))


def test_a_step_outside_its_hours_waits_or_is_skipped_but_not_for_the_highest_priorities() -> None:
    early = datetime.fromisoformat("2024-06-03T07:30+03:00")
    assert run(hours("wait"), 3, early) == [(90, 1), (95, 2), (100, "exhausted")]
    assert run(hours("skip"), 3, early) == [(0, (0, "hours")), (0, 2), (5, "exhausted")]
    assert run(hours("wait"), 1, early)[0] == (0, 1)


def test_pages_in_the_groups_hours_wait_for_its_calendar() -> None:
    office = Calendar(zone="UTC", week=same_hours("tue", "09:00", "17:00"))
    policy = Policy((Step((person(1),), 5),), calendar=office)
    assert run(policy, 3) == [(21 * 60, 1), (21 * 60 + 5, "exhausted")]
    never = Policy((Step((person(1),), 5),), calendar=Calendar(zone="UTC"))
    assert run(never, 3)[0] == (0, 1)


def test_round_robin_takes_the_next_who_can_be_reached() -> None:
    step = Step((person(1), Target("schedule", 9), person(2)), 5, round_robin=True)
    turns: dict[int, int] = {}
    seen = []
    for _ in range(4):
        move = advance(Policy((step,)), Cursor(), now=NOON, priority=1, reach=reach, turns=turns)
        turns |= move.turns
        seen += [recipient.person for recipient in move.recipients]
    assert seen == [1, 2, 1, 2]


def test_nobody_is_paged_twice_by_one_step() -> None:
    move = advance(
        Policy(
            (
                Step(
                    (person(1), person(2), person(1)),
                ),
            )
        ),
        Cursor(),
        now=NOON,
        priority=1,
        reach=reach,
    )
    assert [recipient.person for recipient in move.recipients] == [1, 2]


def test_all_must_acknowledge_where_the_step_says_so() -> None:
    every = Step((person(1), person(2)), must_acknowledge="all")
    assert not all_acknowledged(every, [1, 2], [1])
    assert all_acknowledged(every, [1, 2], [2, 1])
    assert all_acknowledged(Step((person(1), person(2))), [1, 2], [2])
    assert not all_acknowledged(every, [], [])


def test_resuming_pages_the_last_step_again() -> None:
    assert resumed(Cursor(2, 1, True)) == Cursor(1, 1, True, 1)
    assert resumed(Cursor()) == Cursor(resumes=1)


@pytest.mark.parametrize(
    "document",
    [
        {"steps": []},
        {"steps": [{"targets": [], "delay": 0}]},
        {"steps": [{"targets": [{"kind": "person"}]}]},
        {"steps": [{"targets": [{"kind": "webhook"}]}]},
        {"steps": [{"targets": []}], "repeat": -1},
        {"steps": [{"targets": [], "hours": {"zone": "Mars", "window": {}}}]},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(document: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(document, Policy)


PUSH, SMS, MAIL = (
    Method(1, "apprise", "ntfy://x"),
    Method(2, "apprise", "sms://y"),
    Method(3, "email", "a@b.c"),
)


def test_rules_give_deliveries_with_their_delays_and_fallbacks() -> None:
    rules = [Rule("high", SMS, 5), Rule("high", PUSH, 0), Rule("low", MAIL, 0)]
    notices = plan(rules, [PUSH, SMS, MAIL], urgency="high", at=NOON)
    assert [(notice.at - NOON, notice.method, notice.fallback) for notice in notices] == [
        (0 * MINUTE, PUSH, (SMS, MAIL)),
        (5 * MINUTE, SMS, (PUSH, MAIL)),
    ]


def test_a_method_that_is_not_verified_is_not_used_and_nothing_usable_is_nothing() -> None:
    assert [n.method for n in plan([Rule("high", SMS, 0)], [MAIL], urgency="high", at=NOON)] == [MAIL]
    assert plan([Rule("high", SMS, 0)], [], urgency="high", at=NOON) == []


def test_low_urgency_waits_for_the_end_of_quiet_hours() -> None:
    quiet = Quiet("UTC", Window("22:00", "07:00"))
    night = NOON.replace(hour=23)
    assert plan([], [MAIL], urgency="low", at=night, quiet=quiet)[0].at == NOON.replace(day=4, hour=7)
    assert plan([], [MAIL], urgency="high", at=night, quiet=quiet)[0].at == night
    assert plan([], [MAIL], urgency="low", at=NOON, quiet=quiet)[0].at == NOON


def test_urgency_follows_the_priority() -> None:
    assert [urgency_of(priority) for priority in (1, 2, 3, 4, 5, None)] == ["high"] * 3 + ["low"] * 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ack INC-000123\n\n> quoted 7a", Reply("acknowledge", 123)),
        ("\n  12D ", Reply("decline", 12)),
        ("resolve #5!", Reply("resolve", 5)),
        ("acked 7", None),
        ("7", None),
        ("", None),
        ("0a", None),
        ("please ack 7", None),
        ("1a 2a", None),
    ],
)
def test_replies(text: str, expected: Reply | None) -> None:
    assert parse(text) == expected


def test_a_simulation_tells_who_gets_what_and_when() -> None:
    policy = Policy((Step((Target("schedule", 9),), 15), Step((person(2),), 10)))
    result = simulate(
        policy,
        at=NOON,
        priority=1,
        reach=lambda target, at: reach(target),
        notices=lambda who, at: plan([Rule("high", SMS, 3)], [SMS], urgency="high", at=at),
    )
    assert [(page.at, page.recipient.person) for page in result.pages] == [(NOON, 2)]
    assert [notice.at for notice in result.pages[0].notices] == [NOON + 3 * MINUTE]
    assert [(at, passed.why) for at, passed in result.passed] == [(NOON, "nobody")]
    assert result.exhausted_at == NOON + 10 * MINUTE


def test_a_simulation_ends_where_it_is_told_to() -> None:
    policy = Policy((Step((person(2),), 1),), repeat=100)
    result = simulate(
        policy, at=NOON, priority=1, reach=lambda t, at: reach(t), notices=lambda w, at: (), limit=7
    )
    assert len(result.pages) == 7
    assert result.exhausted_at is None
