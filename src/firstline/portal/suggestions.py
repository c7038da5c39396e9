"""What is offered while a caller types: published incidents and published solutions, never a colleague's words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firstline.incidents.models import Incident
from firstline.incidents.queries import published
from firstline.problems.matching import KnownError, match
from firstline.problems.models import Problem
from firstline.problems.queries import public_known_errors

SHOWN = 3
READ = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An incident that an agent published: its public title and status, since when, how many are affected."""

    id: int
    title: str
    status: str
    service: str
    since: datetime
    affected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    id: int
    title: str
    text: str
    service: str


@dataclass(frozen=True, slots=True)
class Suggestions:
    known: Sequence[Known]
    solutions: Sequence[Solution]

    def __bool__(self) -> bool:
        return bool(self.known or self.solutions)


def suggest(text: str, service_id: int | None) -> Suggestions:
    """What fits these words and this service, best first; without words, what is known of the service."""
    incidents = {row.id: row for row in published()[:READ]}
    problems = {row.id: row for row in public_known_errors()[:READ]}
    open_ones = [
        KnownError(problem_id=row.id, title=row.public_title, service_id=row.service_id)
        for row in incidents.values()
    ]
    solved = [
        KnownError(problem_id=row.id, title=row.title, phrases=_phrases(row), service_id=row.service_id)
        for row in problems.values()
    ]
    return Suggestions(
        [known(incidents[i]) for i in _best(text, service_id, open_ones)],
        [solution(problems[i]) for i in _best(text, service_id, solved)],
    )


def known(row: Incident) -> Known:
    assert row.published_at is not None
    return Known(
        id=row.id,
        title=row.public_title,
        status=row.public_status,
        service=row.service.name if row.service else "",
        since=row.published_at,
        affected=row.affected_users,
    )


def solution(row: Problem) -> Solution:
    return Solution(
        id=row.id, title=row.title, text=row.workaround, service=row.service.name if row.service else ""
    )


def _best(text: str, service_id: int | None, candidates: Sequence[KnownError]) -> list[int]:
    services = [service_id] if service_id is not None else []
    fits = [found.problem_id for found in match(text, "", candidates, service_ids=services, limit=SHOWN)]
    same = [c.problem_id for c in candidates if service_id is not None and c.service_id == service_id]
    return list(dict.fromkeys([*fits, *same]))[:SHOWN]


def _phrases(row: Problem) -> tuple[str, ...]:
    parts = (" ".join(part.lower().split()) for part in row.match_words.split(","))
    return tuple(part for part in parts if part)
