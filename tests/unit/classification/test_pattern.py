"""The linear-time matcher against Python's own engine, and against patterns that stop that one."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.classification.pattern import BadPattern, Pattern

ATOMS = st.sampled_from(
    ["a", "b", "1", "_", ".", r"\d", r"\w", r"\s", "[ab]", "[^a]", "[0-9x]", " ", r"\b", "A", r"\W"]
)


def patterns() -> st.SearchStrategy[str]:
    return st.recursive(
        ATOMS,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
            st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?"])).map(
                lambda pair: f"(?:{pair[0]}){pair[1]}"
            ),
        ),
        max_leaves=6,
    )


@settings(max_examples=1500, deadline=None)
@given(
    patterns(), st.text("abAB1_ x\n-", max_size=12), st.sampled_from(["", "^"]), st.sampled_from(["", r"\Z"])
)
def test_it_finds_what_python_finds(pattern: str, text: str, start: str, end: str) -> None:
    whole = f"{start}(?:{pattern}){end}"
    assert Pattern(whole).found(text) is (re.search(whole, text, re.IGNORECASE) is not None)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(a*)*c", "a.*a.*a.*a.*a.*b", r"(\w+\s?)+$#"])
def test_patterns_that_explode_elsewhere_end_here(pattern: str) -> None:
    assert Pattern(pattern).found("a" * 4000) is (pattern == "(a+)+$")


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", "(?=a)b", "(?<!a)b", "(", "a{1000}{1000}", "x" * 301, "(?P<n>a)(?(n)b)"]
)
def test_what_it_can_not_do_it_refuses(pattern: str) -> None:
    with pytest.raises(BadPattern):
        Pattern(pattern)


def test_case_does_not_matter_in_any_script() -> None:
    assert Pattern("ПРИНТЕР[а-я]*").found("Наші принтери стоять")
