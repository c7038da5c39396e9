"""Reach in the dependency graph."""

from hypothesis import given
from hypothesis import strategies as st

from firstline.catalog.graph import reach, turned

EDGES = st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8)), max_size=20)


def test_steps_are_the_shortest_way() -> None:
    assert reach(1, [(1, 2), (2, 3), (1, 3), (3, 4)]) == {2: 1, 3: 1, 4: 2}


def test_a_circle_ends() -> None:
    assert reach(1, [(1, 2), (2, 1)]) == {2: 1}


@given(EDGES, st.integers(1, 8), st.integers(1, 8))
def test_needed_and_needing_are_two_sides_of_one_relation(
    edges: list[tuple[int, int]], a: int, b: int
) -> None:
    if a != b:
        assert reach(a, edges).get(b) == reach(b, turned(edges)).get(a)
