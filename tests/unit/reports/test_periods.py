"""Pieces of a period: each day lies in exactly one."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.core.errors import Invalid
from firstline.reports.periods import LONGEST, Period

DAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@given(DAYS, st.integers(0, LONGEST - 1))
def test_the_pieces_cover_the_period_once_and_nothing_else(first: date, length: int) -> None:
    period = Period(first, first + timedelta(days=length))
    covered = []
    for bucket in period.buckets():
        low, high = period.within(bucket)
        days = [low + timedelta(days=n) for n in range((high - low).days + 1)]
        assert {period.bucket(day) for day in days} == {bucket}
        covered += days
    assert covered == [first + timedelta(days=n) for n in range(length + 1)]
    assert len(period.buckets()) <= 40


def test_a_period_backwards_or_too_long_is_refused() -> None:
    with pytest.raises(Invalid):
        Period(date(2026, 2, 1), date(2026, 1, 1))
    with pytest.raises(Invalid):
        Period(date(2020, 1, 1), date(2026, 1, 1))
