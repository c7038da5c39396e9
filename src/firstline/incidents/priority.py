"""Impact, urgency and priority. Pure: values in, a decision with its evidence out.

Impact is *extent limited by criticality*: who is hit and how badly, never more than the service can matter. Money and
reputation scale with extent; security counts on its own and can only raise. Levels are 1 = highest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from firstline.core.errors import Invalid

HIGH, MEDIUM, LOW = 1, 2, 3
EXTENTS = ("one", "several", "site", "all")
_EXTENT_IMPACT = {"one": LOW, "several": MEDIUM, "site": MEDIUM, "all": HIGH}
_CRITICALITY_CAP = {"low": LOW, "medium": MEDIUM, "high": HIGH, "critical": HIGH}
_SEVERITY_URGENCY = {"critical": HIGH, "error": MEDIUM, "warning": LOW, "info": LOW}
MONEY_HIGH, MONEY_MEDIUM = 10_000, 1_000
DEADLINE_NEAR = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Matrix:
    """`cells[i][u]` for impact `i` and urgency `u`, both 1 = highest in row and column order; any size."""

    impacts: tuple[str, ...]
    urgencies: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]

    def priority(self, impact: int, urgency: int) -> int:
        row = min(max(impact, 1), len(self.impacts)) - 1
        column = min(max(urgency, 1), len(self.urgencies)) - 1
        return self.cells[row][column]


DEFAULT_MATRIX = Matrix(
    ("high", "medium", "low"), ("high", "medium", "low"), ((1, 2, 3), (2, 3, 4), (3, 4, 5))
)


def check_matrix(matrix: Matrix) -> None:
    """`Invalid` unless every cell is 1..5 and less impact or urgency never gives a higher priority."""
    rows, columns = len(matrix.impacts), len(matrix.urgencies)
    if not rows or not columns or len(matrix.cells) != rows or any(len(r) != columns for r in matrix.cells):
        raise Invalid("Every impact needs one cell per urgency.", {"cells": "wrong shape"})
    for i in range(rows):
        for u in range(columns):
            cell = matrix.cells[i][u]
            if not 1 <= cell <= 5:
                raise Invalid("Priorities are 1 to 5.", {f"cell-{i}-{u}": "1 to 5"})
            if (i and matrix.cells[i - 1][u] > cell) or (u and matrix.cells[i][u - 1] > cell):
                raise Invalid(
                    f"{matrix.impacts[i]} impact with {matrix.urgencies[u]} urgency gives P{cell}, a higher priority "
                    "than a cell with more impact or urgency: the matrix must not rise to the right or downward.",
                    {f"cell-{i}-{u}": "higher than its neighbour above or to the left"},
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an incident when it is assessed."""

    extent: str = "one"
    affected_users: int = 1
    degradation: str = "degraded"
    can_work: str = "difficulty"
    severity: str = ""
    security: bool = False
    deadline: datetime | None = None
    workaround: bool = False
    criticality: str = "medium"
    several_from: int = 2
    site_from: int = 10
    all_from: int = 50
    downstream_services: int = 0
    cost_per_hour: float = 0.0
    public_facing: bool = False
    in_business_hours: bool = True
    from_machine: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """One piece of evidence: what was looked at, what it said, the level that follows."""

    what: str
    value: Any
    level: int


@dataclass(frozen=True, slots=True)
class Assessment:
    impact: int
    urgency: int
    priority: int
    extent: str
    impact_reasons: tuple[Reason, ...] = ()
    urgency_reasons: tuple[Reason, ...] = ()

    def why(self) -> dict[str, Any]:
        """The form that the event log keeps."""
        return {
            "impact": self.impact,
            "urgency": self.urgency,
            "extent": self.extent,
            "impact_reasons": [[r.what, r.value, r.level] for r in self.impact_reasons],
            "urgency_reasons": [[r.what, r.value, r.level] for r in self.urgency_reasons],
        }


def extent_of(facts: Facts) -> str:
    """The wider of what was said and what is counted against the service's thresholds."""
    counted = "one"
    if facts.affected_users >= facts.all_from:
        counted = "all"
    elif facts.affected_users >= facts.site_from:
        counted = "site"
    elif facts.affected_users >= facts.several_from:
        counted = "several"
    said = facts.extent if facts.extent in EXTENTS else "one"
    return max(said, counted, key=EXTENTS.index)


def assess_impact(facts: Facts) -> tuple[int, str, tuple[Reason, ...]]:
    """(impact, extent, reasons).

    1. Extent, one level more when a wide extent is *down*. 2. Money and reputation: only from several on.
    3. Criticality caps. 4. Security raises above the cap.
    """
    extent = extent_of(facts)
    level = _EXTENT_IMPACT[extent]
    reasons = [Reason("extent", extent, level), Reason("affected_users", facts.affected_users, level)]
    if facts.degradation == "down" and extent in ("several", "site"):
        level = HIGH if extent == "site" else level
        reasons.append(Reason("degradation", "down", level))
    if facts.from_machine and facts.degradation == "down" and facts.severity == "critical":
        level = min(level, HIGH if facts.criticality == "critical" else MEDIUM)
        reasons.append(Reason("severity", "critical", level))
    if facts.downstream_services and facts.degradation == "down":
        level = min(level, MEDIUM)
        reasons.append(Reason("downstream_services", facts.downstream_services, level))
    if extent != "one":
        level = _scaled(facts, extent, level, reasons)
    cap = _CRITICALITY_CAP.get(facts.criticality, MEDIUM)
    reasons.append(Reason("criticality", facts.criticality, cap))
    level = max(level, cap)
    if facts.security:
        raised = HIGH if facts.severity in ("critical", "error") else MEDIUM
        level = min(level, raised)
        reasons.append(Reason("security", facts.severity or "reported", raised))
    return level, extent, tuple(reasons)


def _scaled(facts: Facts, extent: str, level: int, reasons: list[Reason]) -> int:
    share = {"several": 0.25, "site": 0.5, "all": 1.0}[extent]
    cost = facts.cost_per_hour * share
    if cost >= MONEY_MEDIUM:
        money = HIGH if cost >= MONEY_HIGH else MEDIUM
        level = min(level, money)
        reasons.append(Reason("cost_per_hour", round(cost), money))
    if facts.public_facing and extent in ("site", "all"):
        level = HIGH
        reasons.append(Reason("public_facing", True, HIGH))
    return level


def assess_urgency(facts: Facts, *, now: datetime) -> tuple[int, tuple[Reason, ...]]:
    """(urgency, reasons): how fast it gets worse. The agreement's remaining time plays no part, on purpose."""
    if facts.from_machine:
        level = _SEVERITY_URGENCY.get(facts.severity, MEDIUM)
        reasons = [Reason("severity", facts.severity or "unknown", level)]
        if facts.degradation == "down" and level > MEDIUM:
            level = MEDIUM
            reasons.append(Reason("degradation", "down", MEDIUM))
    else:
        level = {"no": HIGH, "difficulty": MEDIUM, "yes": LOW}.get(facts.can_work, MEDIUM)
        reasons = [Reason("can_work", facts.can_work, level)]
    if facts.workaround and level < LOW:
        level += 1
        reasons.append(Reason("workaround", True, level))
    if not facts.in_business_hours and level < LOW and facts.criticality != "critical" and not facts.security:
        level += 1
        reasons.append(Reason("outside_business_hours", True, level))
    if facts.deadline is not None:
        near = facts.deadline - now <= DEADLINE_NEAR
        level = HIGH if near else min(level, MEDIUM)
        reasons.append(Reason("deadline", facts.deadline.isoformat(), level))
    return level, tuple(reasons)


def assess(facts: Facts, matrix: Matrix, *, now: datetime) -> Assessment:
    """Impact, urgency and the matrix cell, with the evidence for each."""
    impact, extent, impact_reasons = assess_impact(facts)
    urgency, urgency_reasons = assess_urgency(facts, now=now)
    priority = matrix.priority(impact, urgency)
    return Assessment(impact, urgency, priority, extent, impact_reasons, urgency_reasons)


@dataclass(frozen=True, slots=True)
class Reassessment:
    """What an automatic re-assessment does: raise at once, only propose to lower, or nothing."""

    apply: int | None = None
    propose: int | None = None
    why: Mapping[str, Any] = field(default_factory=dict)


def reassess(current: int | None, assessed: int, *, fixed: bool) -> Reassessment:
    """A person's override stays until a person lifts it; otherwise raising applies and lowering is proposed."""
    if current is None:
        return Reassessment(apply=assessed)
    if fixed:
        return Reassessment(propose=assessed if assessed < current else None)
    if assessed < current:
        return Reassessment(apply=assessed)
    if assessed > current:
        return Reassessment(propose=assessed)
    return Reassessment()


def like_original(own: int, originals: Sequence[int]) -> int:
    """A probable duplicate takes the original's priority when that is higher."""
    return min([own, *originals])
