"""Which alerts a rule means: each operator, and the index held against asking every rule."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.classification.pattern import Pattern
from firstline.intake.matching import Condition, Facts, Field, Index, Match, Op, compile_match
from firstline.intake.signal import Severity
from tests.effort import cases

FACTS = Facts(
    title="Disk /var is 97 % full",
    description="on Web1",
    severity=Severity.WARNING,
    source_id=1,
    source_kind="alertmanager",
    service_id=7,
    ci_id=9,
    key="k1",
    group="g",
    labels={"alertname": "DiskFull", "env": "prod", "empty": ""},
    entities=[("ip", "10.0.0.1"), ("host", "web1")],
    techniques=("TA0006", "T1110"),
)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (("title", "equals", ["disk /VAR is 97 % full"]), True),
        (("title", "contains", ["/var", "/tmp"]), True),
        (("title", "not_contains", ["/var", "/tmp"]), False),
        (("text", "matches", [r"\d{2} %.*web\d"]), False),  # . is no line break
        (("text", "matches", [r"web\d$"]), True),
        (("description", "not_matches", ["web9"]), True),
        (("severity", "at_least", ["error"]), False),
        (("severity", "at_least", ["info"]), True),
        (("severity", "at_most", ["error"]), True),
        (("severity", "equals", ["warning", "info"]), True),
        (("entity", "equals", ["10.0.0.1"]), True),
        (("entity", "equals", ["host:WEB1"]), True),
        (("entity", "equals", ["user:web1"]), False),
        (("technique", "equals", ["t1110"]), True),
        (("source_kind", "equals", ["alertmanager"]), True),
        (("group", "present", []), True),
        (("label:env", "equals", ["staging", "PROD"]), True),
        (("label:env", "not_equals", ["staging"]), True),
        (("label:zone", "not_equals", ["a"]), True),
        (("label:zone", "absent", []), True),
        (("label:empty", "present", []), False),
        (("label:alertname", "present", []), True),
    ],
)
def test_operators(condition: tuple[str, str, list[str]], holds: bool) -> None:
    what, op, values = condition
    name, _colon, label = what.partition(":")
    made = Match(conditions=(Condition(Field(name), Op(op), tuple(values), label),))
    assert compile_match(made).holds(FACTS) is holds


@pytest.mark.parametrize(
    "wrong",
    [
        {"field": "label", "values": ["x"]},
        {"field": "title", "label": "x", "values": ["x"]},
        {"field": "title"},
        {"field": "title", "op": "present", "values": ["x"]},
        {"field": "title", "op": "at_least", "values": ["error"]},
        {"field": "severity", "values": ["fatal"]},
        {"field": "title", "op": "matches", "values": ["("]},
        {"field": "title", "op": "matches", "values": ["(?=x)"]},
        {"field": "title", "values": ["  "]},
        {"field": "nothing", "values": ["x"]},
        {"field": "title", "values": ["x"], "more": 1},
    ],
)
def test_conditions_that_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((msgspec.ValidationError, ValueError)):
        msgspec.convert({"conditions": [wrong]}, Match)


def test_security_is_meant_only_by_name() -> None:
    ordinary, security = Facts(source_id=1), Facts(source_id=1, security=True)
    found = {
        value: [
            compile_match(Match(sources=(1,), security=value)).holds(each) for each in (ordinary, security)
        ]
        for value in ("no", "yes", "both")
    }
    assert found == {"no": [True, False], "yes": [False, True], "both": [True, True]}


def test_dependents_are_meant_where_asked() -> None:
    needs = {7: (8, 9)}
    for asked, meant in ((True, [7, 8, 9]), (False, [7])):
        match = compile_match(Match(services=(7,), dependents=asked), lambda service: needs.get(service, ()))
        assert [service for service in range(5, 12) if match.holds(Facts(service_id=service))] == meant


few = st.sampled_from(["a", "B", "ab", "c1"])
facts = st.builds(
    Facts,
    title=st.text("abB1 ", max_size=6),
    description=few,
    severity=st.sampled_from(list(Severity)),
    security=st.booleans(),
    source_id=st.integers(1, 3),
    service_id=st.one_of(st.none(), st.integers(1, 3)),
    ci_id=st.one_of(st.none(), st.integers(1, 3)),
    key=few,
    labels=st.dictionaries(st.sampled_from(["x", "y"]), few),
    entities=st.lists(st.tuples(st.just("host"), few), max_size=2),
)
values = st.lists(few, min_size=1, max_size=2).map(tuple)
conditions = st.one_of(
    st.builds(
        Condition,
        st.sampled_from([Field.TITLE, Field.TEXT, Field.KEY, Field.ENTITY]),
        st.sampled_from([Op.EQUALS, Op.NOT_EQUALS, Op.CONTAINS, Op.NOT_CONTAINS, Op.MATCHES]),
        values,
    ),
    st.builds(
        Condition,
        st.just(Field.LABEL),
        st.sampled_from([Op.EQUALS, Op.NOT_EQUALS]),
        values,
        st.sampled_from(["x", "y"]),
    ),
    st.builds(Condition, st.just(Field.SEVERITY), st.just(Op.AT_LEAST), st.just(("error",))),
)
ids = st.sets(st.integers(1, 3), max_size=2).map(tuple)
matches = st.builds(
    Match,
    sources=ids,
    services=ids,
    cis=ids,
    conditions=st.lists(conditions, max_size=2).map(tuple),
    security=st.sampled_from(["no", "yes", "both"]),
)


@given(st.lists(matches, max_size=8), st.lists(facts, min_size=1, max_size=8))
@settings(max_examples=cases(300, 50_000), deadline=None)
def test_the_index_finds_what_asking_every_rule_finds(rules: list[Match], alerts: list[Facts]) -> None:
    entries = [(number, compile_match(match)) for number, match in enumerate(rules)]
    numbered = [([number], compiled) for number, compiled in entries]  # values with an identity of their own
    index = Index(numbered)
    for alert in alerts:
        expected = [number for number, compiled in entries if compiled.holds(alert)]
        assert sorted(each[0] for each in index.meaning(alert)) == expected


@given(st.text("ab1c.|?*+()", max_size=10), st.text("abc1 ", max_size=12))
@settings(max_examples=cases(400, 50_000), deadline=None)
def test_no_text_matches_without_the_words_that_a_pattern_needs(source: str, text: str) -> None:
    try:
        pattern = Pattern(source)
    except ValueError:
        return
    if pattern.found(text):
        assert pattern.needed in text.lower()
