"""The dependency graph as pairs (service, upstream). Pure."""

from collections import defaultdict
from collections.abc import Iterable


def reach(start: int, edges: Iterable[tuple[int, int]], *, limit: int = 500) -> dict[int, int]:
    """Everything that `start` needs, directly or through others: {service: steps away}, nearest first.

    A circle in the data ends where it began. At most `limit` are returned.
    """
    onward: dict[int, list[int]] = defaultdict(list)
    for service, upstream in edges:
        onward[service].append(upstream)
    found: dict[int, int] = {}
    front, steps = [start], 0
    while front and len(found) < limit:
        steps += 1
        following = []
        for at in front:
            for upstream in sorted(onward[at]):
                if upstream != start and upstream not in found:
                    found[upstream] = steps
                    following.append(upstream)
        front = following
    return dict(list(found.items())[:limit])


def turned(edges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The edges the other way round, for what depends on a service."""
    return [(upstream, service) for service, upstream in edges]
