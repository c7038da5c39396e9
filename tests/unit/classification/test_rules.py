"""First match of an ordered list, with what it matched on."""

from typing import Any

import msgspec
import pytest

from firstline.classification.rules import Condition, Rule, Subject, first_match

MAIL = Subject(
    title="Printer on floor 3",
    description="It says PC LOAD LETTER.\nReprinting does not help.",
    channel="e-mail",
    service_id=4,
    unit_id=9,
    source_id=2,
    source_kind="mail",
    labels={"severity": "warning", "host": "p3"},
)


def rule(number: int, **condition: Any) -> Rule:
    return Rule(id=number, name=f"Rule {number}", condition=Condition(**condition), category_id=number)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({}, True),
        ({"channels": ("e-mail", "phone")}, True),
        ({"channels": ("phone",)}, False),
        ({"services": (4,)}, True),
        ({"services": (5,)}, False),
        ({"units": (9,)}, True),
        ({"units": (8,)}, False),
        ({"sources": (2,), "source_kinds": ("mail",)}, True),
        ({"sources": (3,)}, False),
        ({"source_kinds": ("wazuh",)}, False),
        ({"labels": {"severity": "warning"}}, True),
        ({"labels": {"severity": "critical"}}, False),
        ({"labels": {"host": "*"}}, True),
        ({"labels": {"pod": "*"}}, False),
        ({"contains": ("scanner", "printer")}, True),
        ({"contains": ("print",)}, False),  # part of longer words only
        ({"contains": ("load  letter",)}, True),
        ({"contains": ("letter. reprinting",)}, True),  # across a line break
        ({"pattern": r"floor \d"}, True),
        ({"pattern": r"^floor"}, False),
        ({"contains": ("printer",), "channels": ("phone",)}, False),  # all must hold
    ],
)
def test_each_condition_alone_and_together(condition: dict[str, Any], expected: bool) -> None:
    assert (first_match([rule(1, **condition)], MAIL) is not None) is expected


def test_the_first_of_the_list_decides_and_names_what_it_found() -> None:
    rules = [rule(1, contains=("toner",)), rule(2, contains=("toner", "printer")), rule(3)]
    found = first_match(rules, MAIL)
    assert found is not None
    assert (found.rule.id, found.because) == (2, (("contains", "printer"),))


def test_the_log_gets_no_text_of_the_report() -> None:
    found = first_match([rule(7, contains=("printer",), pattern="load", channels=("e-mail",))], MAIL)
    assert found is not None
    assert found.why() == {
        "rule": 7,
        "asked": ["channel", "contains", "pattern"],
        "found": [["channel", "e-mail"]],
    }


def test_a_broken_pattern_never_becomes_a_condition() -> None:
    with pytest.raises(msgspec.ValidationError, match="regular expression"):
        msgspec.convert({"pattern": "("}, Condition)
