"""Hierarchical escalation: who is told when how much of the resolution target is gone. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

LEAD_SHARE = 0.9
MANAGED = (1, 2)


@dataclass(frozen=True, slots=True)
class Chain:
    """Whom an incident has above it."""

    assignee: int | None
    leads: tuple[int, ...]
    manager: int | None


def told(chain: Chain, *, target: str, share: float, priority: int | None) -> tuple[int, ...]:
    """The people to tell at a share of a target (1.0 = breached), in the order of the chain.

    Resolution: the assignee from the first warn point (the leads where there is none), the leads from 90 %,
    at 100 % the manager as well, upward only for P1 and P2. The next update: its assignee, else the leads. A
    response target is told by paging, not here.
    """
    if target == "response":
        return ()
    people: list[int] = [chain.assignee] if chain.assignee is not None else list(chain.leads)
    if target == "resolution":
        if share >= LEAD_SHARE:
            people += chain.leads
        if share >= 1 and priority in MANAGED and chain.manager is not None:
            people.append(chain.manager)
    return _once(people)


def _once(people: Sequence[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(people))
