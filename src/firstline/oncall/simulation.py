"""What would happen: a policy run to its end over the schedules as they are, without touching anything."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firstline.oncall.policy import Cursor, Passed, Policy, Recipient, Target, advance
from firstline.oncall.rules import Notice

ReachAt = Callable[[Target, datetime], Sequence[Recipient]]
NoticesAt = Callable[[int, datetime], Sequence[Notice]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPage:
    """Who would be paged, when, by which step and because of what, and what they would get if they don't
    answer.
    """

    at: datetime
    step: int
    cycle: int
    recipient: Recipient
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    pages: tuple[SimulatedPage, ...]
    passed: tuple[tuple[datetime, Passed], ...]
    waits: tuple[tuple[datetime, datetime], ...]
    exhausted_at: datetime | None


def simulate(
    policy: Policy,
    *,
    at: datetime,
    priority: int,
    reach: ReachAt,
    notices: NoticesAt,
    turns: Mapping[int, int] | None = None,
    limit: int = 1000,
) -> Simulation:
    """Everything that `policy` would do for an incident of `priority` that starts it at `at` and nobody
    answers.

    `limit` bounds the number of steps taken; `exhausted_at` is None when it was reached.
    """
    pages: list[SimulatedPage] = []
    passed: list[tuple[datetime, Passed]] = []
    waits: list[tuple[datetime, datetime]] = []
    cursor, now, robin = Cursor(), at, dict(turns or {})
    for _ in range(limit):
        here = now
        move = advance(
            policy,
            cursor,
            now=here,
            priority=priority,
            reach=lambda target: reach(target, here),  # noqa: B023  used up within this round
            turns=robin,
        )
        passed += [(here, step) for step in move.passed]
        robin |= move.turns
        pages += [_page(move.step, move.cycle, here, recipient, notices) for recipient in move.recipients]
        if move.next_at is None:
            return Simulation(pages=tuple(pages), passed=tuple(passed), waits=tuple(waits), exhausted_at=here)
        if not move.recipients:
            waits.append((here, move.next_at))
        cursor, now = move.cursor, move.next_at
    return Simulation(pages=tuple(pages), passed=tuple(passed), waits=tuple(waits), exhausted_at=None)


def _page(
    step: int | None, cycle: int, at: datetime, recipient: Recipient, notices: NoticesAt
) -> SimulatedPage:
    planned = notices(recipient.person, at) if recipient.person is not None else ()
    return SimulatedPage(at=at, step=step or 0, cycle=cycle, recipient=recipient, notices=tuple(planned))
