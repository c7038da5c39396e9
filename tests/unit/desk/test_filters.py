from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.desk import filters
from firstline.desk.filters import Filter, Term, parse

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("is:open priority:p1 group:First-Line vpn", "is:open priority:P1 group:first-line vpn"),
        ("priority:P1,2 is:mine", "priority:P1 priority:P2 is:mine"),
        ("state:on-hold", "state:on_hold"),
        ('category:"Network › VPN" slow', 'category:"Network › VPN" slow'),
        ("http://example.org down", "http://example.org down"),
        ("is:open is:open", "is:open"),
        ("", ""),
    ],
)
def test_a_typed_line_has_one_canonical_form(typed: str, canonical: str) -> None:
    assert str(parse(typed)) == canonical
    assert str(parse(canonical)) == canonical


@pytest.mark.parametrize(
    "typed", ["is:purple", "priority:9x", "state:broken", "opened:yesterday", "opened:.."]
)
def test_a_value_that_means_nothing_is_reported(typed: str) -> None:
    found = parse(typed)
    assert found.terms == ()
    assert found.wrong == (typed,)
    assert found.text == ""


@pytest.mark.parametrize(
    ("typed", "number"),
    [("INC-000123", 123), ("inc123", 123), ("000123", 123), ("123 vpn", None), ("vpn", None)],
)
def test_a_number_is_recognised(typed: str, number: int | None) -> None:
    assert parse(typed).number == number


@pytest.mark.parametrize(
    ("typed", "only_open"),
    [
        ("is:open", True),
        ("is:mine", True),
        ("", True),
        ("group:mail", True),
        ("vpn", False),
        ("is:open vpn", True),
        ("is:any", False),
        ("state:resolved", False),
        ("state:new,assigned", True),
        ("resolved:7d", False),
    ],
)
def test_what_is_open_only(typed: str, only_open: bool) -> None:
    assert parse(typed).only_open is only_open


def test_parameters_and_a_typed_line_are_the_same_thing() -> None:
    found = filters.from_parameters(
        {"f": ["is:open"], "q": ["vpn"], "priority": ["P1"], "category": ["Network › VPN"]}
    )
    assert str(found) == 'is:open priority:P1 category:"Network › VPN" vpn'


def test_a_chip_can_be_taken_away() -> None:
    found = parse("is:open group:mail vpn").without(Term("group", "mail"))
    assert str(found) == "is:open vpn"


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("24h", NOW - timedelta(hours=24), None),
        ("2w", NOW - timedelta(days=14), None),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
        ("2026-11-01..2026-11-30", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
        ("..2026-11-30", None, datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-11-01..", datetime(2026, 11, 1, tzinfo=UTC), None),
    ],
)
def test_stretches_of_time(value: str, start: datetime | None, end: datetime | None) -> None:
    assert filters.span(value, now=NOW) == (start, end)


@given(st.text(max_size=200))
def test_whatever_is_typed_settles_after_one_reading(text: str) -> None:
    once = str(parse(text))
    assert parse(str(parse(once))).terms == parse(once).terms


@given(
    st.lists(st.sampled_from(["is:open", "priority:P2", "group:mail", "owner:me", "opened:7d"]), unique=True)
)
def test_without_undoes_plus(terms: list[str]) -> None:
    base = parse(" ".join(terms))
    for term in base.terms:
        assert base.without(term).plus(term.key, term.value).terms == (*base.without(term).terms, term)
    assert isinstance(base, Filter)
