"""Agreements: first match wins, and what is promised."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from firstline.catalog.calendar import Calendar, same_hours
from firstline.sla.agreement import (
    DEFAULT,
    Agreement,
    Candidate,
    Conditions,
    Duration,
    Facts,
    Promise,
    choose,
    matched,
    working_amount,
)

FACTS = Facts(
    service=3, priority=2, categories=(10, 1), unit=7, group=4, channel="phone", vip=True, major=False
)


def under(**conditions: object) -> Agreement:
    return Agreement(promises={"*": Promise()}, conditions=msgspec.convert(conditions, Conditions))


def test_the_first_agreement_whose_conditions_match_wins_and_says_why() -> None:
    candidates = [
        Candidate(1, 11, under(services=[9])),
        Candidate(2, 12, under(services=[3], vip=True)),
        Candidate(3, 13, under()),
    ]
    match = choose(candidates, FACTS)
    assert match is not None
    assert match.candidate.agreement_id == 2
    assert match.conditions == ("services", "vip")
    other = choose(candidates, replace(FACTS, vip=False))
    assert other is not None
    assert (other.candidate.agreement_id, other.conditions) == (3, ())
    assert choose(candidates[:2], Facts()) is None


@pytest.mark.parametrize(
    ("holds", "fails"),
    [
        ({"services": [3]}, {"services": [4]}),
        ({"priorities": [1, 2]}, {"priorities": [3]}),
        ({"categories": [1]}, {"categories": [2]}),
        ({"units": [7]}, {"units": [8]}),
        ({"groups": [4]}, {"groups": [5]}),
        ({"channels": ["phone"]}, {"channels": ["portal"]}),
        ({"kinds": ["incident"]}, {"kinds": ["request"]}),
        ({"vip": True}, {"vip": False}),
        ({"major": False}, {"major": True}),
    ],
)
def test_each_condition_alone(holds: dict[str, object], fails: dict[str, object]) -> None:
    assert matched(under(**holds).conditions, FACTS) == tuple(holds)
    assert matched(under(**fails).conditions, FACTS) is None


def test_an_unknown_priority_is_promised_what_any_other_is() -> None:
    assert DEFAULT.promise(None) == Promise()
    fallback = Agreement(promises={"1": Promise(), "*": Promise(response=Duration(minutes=5))})
    assert fallback.target("response", 4) == Duration(minutes=5)
    assert fallback.target("response", None) == Duration(minutes=5)


def test_higher_priorities_are_promised_more() -> None:
    for target in ("response", "resolution"):
        amounts = [getattr(DEFAULT.promise(priority), target).minutes for priority in range(1, 6)]
        assert amounts == sorted(set(amounts))


def test_a_working_day_becomes_the_time_it_amounts_to() -> None:
    office = Calendar(zone="UTC", week=same_hours("mon tue wed thu fri", "09:00", "17:00"))
    friday = datetime(2024, 6, 7, 15, tzinfo=UTC)
    assert working_amount(Duration(days=1), office, friday) == timedelta(hours=8)
    assert working_amount(Duration(minutes=90), office, friday) == timedelta(minutes=90)


@pytest.mark.parametrize(
    "document",
    [
        {"promises": {"*": {"response": {"minutes": 0}}}},
        {"promises": {"*": {"response": {"minutes": 5, "days": 1}}}},
        {"promises": {"*": {"response": {}}}},
        {"promises": {"high": {}}},
        {"promises": {}, "warn": [100]},
        {"promises": {}, "condition": {}},
    ],
)
def test_a_wrong_agreement_is_refused(document: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(document, Agreement)
