"""Which words are asked for, and what counts as similar."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from firstline.diagnosis.similar import (
    EXPECTED_HITS,
    MOST_WORDS,
    SHOWN,
    Candidate,
    Statistics,
    rank,
    telling_words,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)
MILLION = Statistics({"printer": 0.2, "vpn": 0.01, "slow": 0.1, "toner": 0.002}, 0.0005, 1_000_000)


def candidate(id: int, shared: float, **fields: Any) -> Candidate:
    values = {"service_id": None, "category_id": None, "resolved": True, "registered_at": NOW, **fields}
    return Candidate(id=id, shared=shared, **values)


def test_the_rarest_words_are_asked_for_as_long_as_they_hit_few_rows() -> None:
    assert list(telling_words(["printer", "slow", "toner", "pcl809"], MILLION)) == ["pcl809", "toner"]


def test_one_word_is_always_asked_for() -> None:
    assert list(telling_words(["printer", "slow"], MILLION)) == ["slow"]


def test_words_that_say_nothing_are_not() -> None:
    assert telling_words(["the", "und", "is", "ab"], MILLION) == {}


def test_a_rare_word_says_more_than_a_common_one() -> None:
    assert MILLION.information("pcl809") > MILLION.information("vpn") > MILLION.information("printer")


@given(
    st.lists(st.text("abcdefgh", min_size=3, max_size=6)),
    st.dictionaries(st.text("abcdefgh"), st.floats(0, 1)),
)
def test_the_expected_cost_is_bounded_whatever_is_written(words: list[str], common: dict[str, float]) -> None:
    statistics = Statistics(common, min(common.values(), default=0.0), 1_000_000)
    chosen = telling_words(words, statistics)
    assert len(chosen) <= MOST_WORDS
    if len(chosen) > 1:
        assert sum(statistics.share(word) for word in chosen) * 1_000_000 <= EXPECTED_HITS


def test_the_order_is_by_information_then_service_category_and_resolution() -> None:
    found = rank(
        [
            candidate(1, 5.0),
            candidate(2, 5.0, service_id=7),
            candidate(3, 9.0),
            candidate(4, 5.0, resolved=False),
            candidate(5, 1.0, service_id=7, category_id=3),
        ],
        asked=10.0,
        service_id=7,
        category_id=3,
        now=NOW,
    )
    assert [similar.id for similar in found] == [3, 2, 1, 4]


def test_the_more_recent_of_two_equals_comes_first_and_there_are_few() -> None:
    rows = [candidate(n, 8.0, registered_at=NOW - timedelta(days=n)) for n in range(1, 30)]
    found = rank(rows, asked=10.0, service_id=None, category_id=None, now=NOW)
    assert [similar.id for similar in found] == list(range(1, SHOWN + 1))
