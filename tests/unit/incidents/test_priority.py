"""Priority: extent limited by criticality; raising applies, lowering is proposed; the matrix is monotone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.core.errors import Invalid
from firstline.incidents.comparison import Candidate, compare, similarity, words
from firstline.incidents.priority import (
    DEFAULT_MATRIX,
    EXTENTS,
    Facts,
    Matrix,
    assess,
    assess_impact,
    check_matrix,
    reassess,
)
from firstline.incidents.queue_order import Order, position

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

facts = st.builds(
    Facts,
    extent=st.sampled_from(EXTENTS),
    affected_users=st.integers(1, 200),
    degradation=st.sampled_from(["down", "degraded"]),
    can_work=st.sampled_from(["yes", "difficulty", "no"]),
    severity=st.sampled_from(["", "info", "warning", "error", "critical"]),
    security=st.booleans(),
    workaround=st.booleans(),
    criticality=st.sampled_from(["low", "medium", "high", "critical"]),
    downstream_services=st.integers(0, 9),
    cost_per_hour=st.floats(0, 100_000),
    public_facing=st.booleans(),
    in_business_hours=st.booleans(),
    from_machine=st.booleans(),
)


def test_the_default_matrix_is_the_tabled_one_and_monotone() -> None:
    check_matrix(DEFAULT_MATRIX)
    assert [[DEFAULT_MATRIX.priority(i, u) for u in (1, 2, 3)] for i in (1, 2, 3)] == [
        [1, 2, 3],
        [2, 3, 4],
        [3, 4, 5],
    ]


@pytest.mark.parametrize("cells", [((2, 1),), ((2,), (1,)), ((1, 6),), ((1,),)])
def test_a_matrix_that_is_not_monotone_or_not_whole_is_refused(cells: tuple[tuple[int, ...], ...]) -> None:
    shape = ("high",) * len(cells), ("high", "low")
    if cells == ((2,), (1,)):
        shape = ("high", "low"), ("high",)
    with pytest.raises(Invalid):
        check_matrix(Matrix(*shape, cells))


def test_criticality_alone_raises_nothing() -> None:
    typo = Facts(extent="one", can_work="yes", criticality="critical")
    assert assess(typo, DEFAULT_MATRIX, now=NOW).priority == 5


def test_criticality_limits() -> None:
    assert assess_impact(Facts(extent="all", degradation="down", criticality="low"))[0] == 3
    assert assess_impact(Facts(extent="all", degradation="down", criticality="critical"))[0] == 1


@given(facts)
def test_security_only_raises(known: Facts) -> None:
    plain = Facts(**{**{f: getattr(known, f) for f in Facts.__slots__}, "security": False})
    secure = Facts(**{**{f: getattr(known, f) for f in Facts.__slots__}, "security": True})
    assert assess_impact(secure)[0] <= assess_impact(plain)[0]


@given(facts, st.integers(1, 100))
def test_more_affected_users_never_lower_the_impact(known: Facts, more: int) -> None:
    wider = Facts(
        **{**{f: getattr(known, f) for f in Facts.__slots__}, "affected_users": known.affected_users + more}
    )
    assert assess_impact(wider)[0] <= assess_impact(known)[0]


@given(facts)
def test_every_assessment_is_in_range_and_has_its_evidence(known: Facts) -> None:
    found = assess(known, DEFAULT_MATRIX, now=NOW)
    assert 1 <= found.impact <= 3
    assert 1 <= found.urgency <= 3
    assert found.priority == DEFAULT_MATRIX.priority(found.impact, found.urgency)
    assert found.urgency == found.urgency_reasons[-1].level
    assert {"extent", "criticality"} <= {reason.what for reason in found.impact_reasons}


def test_a_deadline_near_makes_it_urgent() -> None:
    soon = Facts(can_work="yes", deadline=NOW + timedelta(hours=2))
    assert assess(soon, DEFAULT_MATRIX, now=NOW).urgency == 1


def test_reassessment_raises_proposes_lowering_and_respects_people() -> None:
    assert reassess(3, 2, fixed=False).apply == 2
    assert reassess(2, 3, fixed=False).apply is None
    assert reassess(2, 3, fixed=False).propose == 3
    assert reassess(3, 1, fixed=True).apply is None
    assert reassess(3, 1, fixed=True).propose == 1
    assert reassess(1, 3, fixed=True).propose is None
    assert reassess(None, 4, fixed=False).apply == 4


ORDER = Order.from_settings([1, 4, 12, 48, 120], [240, 60, 0, 0, 0])


def test_work_next_takes_the_nearer_of_target_and_patience_less_the_boost() -> None:
    by_target = position(ORDER, priority=3, registered_at=NOW, targets=[NOW + timedelta(hours=2)])
    assert (by_target.by, by_target.at) == ("target", NOW + timedelta(hours=2))
    by_patience = position(ORDER, priority=2, registered_at=NOW, targets=[NOW + timedelta(hours=9)])
    assert (by_patience.by, by_patience.at) == ("patience", NOW + timedelta(hours=3))
    assert position(ORDER, priority=1, registered_at=NOW, targets=[]).at < by_patience.at


def candidate(id: int, title: str, distance: int | None = 0, minutes: int = 5) -> Candidate:
    return Candidate(id, title, 1, NOW - timedelta(minutes=minutes), 2, None, distance)


def test_comparison_tells_duplicates_from_neighbours() -> None:
    found = compare(
        "mail freezes on send",
        1,
        [
            candidate(1, "Mail freezes on send since 08:40"),
            candidate(2, "Calendar is empty"),
            candidate(3, "Mail freezes on send", None),
            candidate(4, "Switch restarts", 1, 90),
        ],
        now=NOW,
    )
    assert [id for id, _score in found.duplicates] == [1]
    assert found.neighbours == (2, 4)
    assert found.recent_on_service == 2


@given(st.text(), st.text())
def test_similarity_is_symmetric_and_bounded(a: str, b: str) -> None:
    assert 0 <= similarity(words(a), words(b)) == similarity(words(b), words(a)) <= 1
