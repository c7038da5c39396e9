"""Ownership: who gets it, by the first of person, rule, category, service, source, catch-all."""

from typing import Any

import pytest

from firstline.classification.routing import Directory, Known, decide
from firstline.classification.rules import Condition, Rule, Subject

FIRST, NETWORK, APPS, SECURITY = 1, 2, 3, 9
GROUPS = Directory(
    category_groups={10: NETWORK},
    service_groups={20: APPS},
    security_groups=frozenset({SECURITY}),
    active_groups=frozenset({FIRST, NETWORK, APPS, SECURITY}),
    catch_all=FIRST,
)
VPN = Subject(title="VPN drops")


def rule(**sets: Any) -> Rule:
    return Rule(id=5, name="vpn", condition=Condition(contains=("vpn",)), **sets)


@pytest.mark.parametrize(
    ("rules", "known", "group", "came_from"),
    [
        ([rule(group_id=APPS)], {"group_id": NETWORK}, NETWORK, "given"),
        ([rule(group_id=APPS)], {"category_id": 10}, APPS, "rule"),
        ([], {"category_id": 10, "service_id": 20}, NETWORK, "category"),
        ([rule(category_id=10)], {}, NETWORK, "category"),
        ([], {"service_id": 20, "source_group_id": NETWORK}, APPS, "service"),
        ([], {"source_group_id": NETWORK}, NETWORK, "source"),
        ([], {}, FIRST, "catch_all"),
        ([rule(group_id=77)], {}, FIRST, "catch_all"),  # a group switched off
    ],
)
def test_the_first_that_names_an_active_group(
    rules: list[Rule], known: dict[str, Any], group: int, came_from: str
) -> None:
    decision = decide(rules, Known(subject=VPN, **known), GROUPS)
    assert (decision.group_id, decision.why["group_from"]) == (group, came_from)


def test_a_security_incident_never_leaves_the_security_groups() -> None:
    decision = decide([rule(group_id=APPS, security=True)], Known(subject=VPN, category_id=10), GROUPS)
    assert (decision.group_id, decision.security, decision.why["group_from"]) == (SECURITY, True, "security")


def test_a_category_that_a_person_chose_is_kept() -> None:
    decision = decide([rule(category_id=11)], Known(subject=VPN, category_id=10), GROUPS)
    assert (decision.category_id, decision.why["by"]) == (10, "given")


def test_without_a_match_it_says_so() -> None:
    decision = decide([], Known(subject=VPN), GROUPS)
    assert (decision.category_id, decision.rule_id, decision.why["by"]) == (None, None, "none")
