"""Similar incidents: which words to search for, and how to order what was found. Pure.

A full-text search for every word of a report would read half the table. So only the telling words are asked for:
the rarest ones, as many as together are expected to hit a bounded number of rows (the planner's own statistics say
how often each common word occurs). What they hit is ordered by how much of the report's information it shares.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

MOST_WORDS = 12
EXPECTED_HITS = 4000
SHOWN_FROM = 0.22
SHOWN = 8
_SAYS_NOTHING = frozenset(
    re.findall(
        r"\w+",
        "the and for with not that this from have has was are but can cannot you your our they there when what since "
        "please hello hi dear regards thanks thank der die das und ist nicht ein eine mit von für auf wir ich",
    )
)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the planner knows: the share of rows that hold each common word, the share below which a word is not
    listed, and about how many rows there are."""

    common: Mapping[str, float] = field(default_factory=dict)
    rarest_listed: float = 0.0
    rows: int = 0

    def share(self, word: str) -> float:
        return self.common.get(word, self.rarest_listed / 2)

    def information(self, word: str) -> float:
        """How telling a word is: the logarithm of one in how many rows has it (at least a little)."""
        return math.log((self.rows + 2) / (self.share(word) * self.rows + 1)) + 0.1


def telling_words(words: Sequence[str], statistics: Statistics) -> dict[str, float]:
    """{word: its information} to search for, at most `MOST_WORDS`, expected to hit at most `EXPECTED_HITS` rows.

    At least one word is kept, however common.
    """
    usable = [word for word in dict.fromkeys(words) if len(word) > 2 and word not in _SAYS_NOTHING]
    usable.sort(key=lambda word: (statistics.share(word), -len(word), word))
    chosen: dict[str, float] = {}
    expected = 0.0
    for word in usable[: MOST_WORDS * 4]:
        expected += statistics.share(word) * statistics.rows
        if chosen and expected > EXPECTED_HITS:
            break
        chosen[word] = statistics.information(word)
        if len(chosen) == MOST_WORDS:
            break
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A row that the search found, with the information of the words that it shares."""

    id: int
    shared: float
    service_id: int | None
    category_id: int | None
    resolved: bool
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class Similar:
    id: int
    score: float
    same_service: bool
    same_category: bool


def rank(
    candidates: Sequence[Candidate],
    *,
    asked: float,
    service_id: int | None,
    category_id: int | None,
    now: datetime,
) -> list[Similar]:
    """The best candidates. `asked` is the information of all words that were searched for.

    1. The share of information is the base, 0 to 1; under `SHOWN_FROM` a candidate is not shown.
    2. The same service adds 0.15, the same category 0.1, a resolution to learn from 0.1.
    3. Up to 0.05 for being recent, halved every 90 days.
    """
    found = []
    for candidate in candidates:
        base = candidate.shared / asked if asked else 0.0
        if base < SHOWN_FROM:
            continue
        same_service = service_id is not None and candidate.service_id == service_id
        same_category = category_id is not None and candidate.category_id == category_id
        days = max((now - candidate.registered_at).days, 0)
        score = base + 0.15 * same_service + 0.1 * same_category + 0.1 * candidate.resolved
        score += 0.05 * 0.5 ** (days / 90)
        found.append(Similar(candidate.id, round(score, 4), same_service, same_category))
    return sorted(found, key=lambda similar: (-similar.score, -similar.id))[:SHOWN]
