"""Which known errors are offered beside an incident."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.problems.matching import KnownError, match, phrases, words

VPN = KnownError(problem_id=1, title="VPN drops every hour", phrases=("error 809", "vpn drops"), service_id=7)
PRINTER = KnownError(problem_id=2, title="Printers print blank pages", category_id=3)


@pytest.mark.parametrize(
    ("title", "description", "found"),
    [
        ("Cannot connect", "Windows says Error 809 again", [1]),
        ("The VPN drops", "", [1]),
        ("Error 8090", "", []),  # part of a longer number
        ("Printer prints a blank page", "", [2]),
        ("My printer is loud", "", []),  # one word of four
        ("Coffee machine", "", []),
    ],
)
def test_it_finds_by_phrase_or_by_the_words_of_the_title(
    title: str, description: str, found: list[int]
) -> None:
    assert [result.problem_id for result in match(title, description, [VPN, PRINTER])] == found


def test_the_same_service_counts_and_another_one_counts_against() -> None:
    def score(*services: int) -> float:
        return match("error 809", "", [VPN], service_ids=services)[0].score

    assert score(7) > score(9, 7) - 0.001 > score() > score(9)


def test_it_says_because_of_what() -> None:
    (found,) = match("VPN drops", "", [VPN], service_ids=[7])
    assert found.because == (("phrase", "vpn drops"), ("words", "drop vpn"), ("service", "same"))


def test_phrases_are_entered_with_commas_or_lines() -> None:
    assert phrases("Error 809,  vpn   Drops\n\nerror 809") == ("error 809", "vpn drops")


def test_plural_and_singular_are_one_word() -> None:
    assert words("Printers") == words("printer")
    assert words("addresses access") == words("address access")


@given(st.text(max_size=60), st.text(max_size=60))
def test_scores_lie_between_zero_and_one(title: str, description: str) -> None:
    for result in match(title, description, [VPN, PRINTER], service_ids=[7], category_id=3):
        assert 0 < result.score <= 1
