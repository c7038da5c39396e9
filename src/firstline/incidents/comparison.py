"""Comparing a new incident with what is in progress. Pure; the candidates come from a query."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

NEAR = timedelta(minutes=30)
DUPLICATE_FROM = 0.6
_WORD = re.compile(r"\w{2,}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open incident that a new one is compared with. `distance`: 0 same service, 1+ steps upstream, None neither."""

    id: int
    title: str
    service_id: int | None
    registered_at: datetime
    priority: int | None
    caller_id: int | None
    distance: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`duplicates`: (candidate id, score 0..1), best first; `neighbours`: same or upstream service."""

    duplicates: tuple[tuple[int, float], ...]
    neighbours: tuple[int, ...]
    recent_on_service: int
    originals_priority: tuple[int, ...]


def words(text: str) -> frozenset[str]:
    return frozenset(match.lower() for match in _WORD.findall(text))


def similarity(a: frozenset[str], b: frozenset[str]) -> float:
    """Dice's coefficient of two word sets: 2·|a∩b| / (|a|+|b|)."""
    if not a or not b:
        return 0.0
    return 2 * len(a & b) / (len(a) + len(b))


def compare(
    title: str,
    service_id: int | None,
    candidates: Sequence[Candidate],
    *,
    now: datetime,
    near: timedelta = NEAR,
) -> Comparison:
    """Probable duplicates by words of the title (a same service adds 0.15 when at least a third of the words agree),
    neighbours, and how many reports the service had in the last `near`."""
    own = words(title)
    scored: list[tuple[int, float]] = []
    for candidate in candidates:
        score = similarity(own, words(candidate.title))
        if score >= 1 / 3 and candidate.distance == 0:
            score = min(1.0, score + 0.15)
        if score >= DUPLICATE_FROM and candidate.distance is not None:
            scored.append((candidate.id, round(score, 3)))
    scored.sort(key=lambda pair: (-pair[1], pair[0]))
    duplicates = tuple(scored[:5])
    named = {id for id, _score in duplicates}
    return Comparison(
        duplicates=duplicates,
        neighbours=tuple(c.id for c in candidates if c.distance is not None and c.id not in named)[:20],
        recent_on_service=sum(1 for c in candidates if c.distance == 0 and now - c.registered_at <= near),
        originals_priority=tuple(_priorities(candidates, named)),
    )


def _priorities(candidates: Iterable[Candidate], named: set[int]) -> Iterable[int]:
    return (c.priority for c in candidates if c.id in named and c.priority is not None)


def is_burst(recent: int, *, threshold: int) -> bool:
    """Whether so many fresh incidents on one service (this one included) propose a major incident."""
    return recent + 1 >= threshold
