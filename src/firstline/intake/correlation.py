"""Which incident an alert belongs to: ordered rules, each with the reason that is kept on the edge.

Pure: arrivals and candidates in, decisions out. An arrival joins the candidate that the first matching
rule names (the one with the latest signal, if several match) or opens an incident, which the arrivals
behind it may join. Security signals join only security incidents and ordinary ones never do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

MINUTE = timedelta(minutes=1)


class Ground(StrEnum):
    """What two things must have in common to belong together."""

    ALERT = "same_alert"
    GROUP = "same_group"
    CI = "same_ci"
    SERVICE = "same_service"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ordered list.

    `window`: minutes since the candidate's last signal within which it still counts (0: without limit).
    `age`: minutes since it was opened (0: without limit). `limit`: alerts that one incident takes.
    `reopens`: whether an incident that is resolved, and not yet closed, is reopened by a new alert.
    """

    ground: Ground
    window: int = 30
    age: int = 24 * 60
    limit: int = 10_000
    reopens: bool = False


DEFAULT_RULES: tuple[Rule, ...] = (
    Rule(ground=Ground.ALERT, window=0, age=0, limit=1_000_000, reopens=True),
    Rule(ground=Ground.GROUP, window=24 * 60, age=7 * 24 * 60, reopens=True),
    Rule(ground=Ground.CI, window=30),
    Rule(ground=Ground.SERVICE, window=30),
)


@dataclass(slots=True, kw_only=True)
class Candidate:
    """An incident that isn't closed, with what its alerts have in common. Ids below 0: opened by this
    batch.
    """

    id: int
    security: bool
    resolved: bool
    opened_at: datetime
    last_signal_at: datetime
    alerts: set[int] = field(default_factory=set)
    groups: set[tuple[int, str]] = field(default_factory=set)
    cis: set[int] = field(default_factory=set)
    services: set[int] = field(default_factory=set)
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A span that needs an incident."""

    alert_id: int
    source_id: int
    group: str
    seen_at: datetime
    service_id: int | None = None
    ci_id: int | None = None
    security: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Join `incident` (below 0: the one that an earlier decision of the batch opens), or open one with
    that id.

    `why` holds ids, numbers and instants only: the ground, the value in common, and how old the other's
    last signal was, in seconds.
    """

    arrival: Arrival
    incident: int
    opens: bool
    reopens: bool = False
    ground: Ground | None = None
    why: dict[str, str | int] = field(default_factory=dict)


def correlate(
    arrivals: Iterable[Arrival], candidates: Iterable[Candidate], rules: Sequence[Rule] = DEFAULT_RULES
) -> list[Decision]:
    """A decision for each arrival, in order. `candidates` is changed in place and grows by what is opened."""
    index = _Index(candidates)
    decisions = []
    for arrival in arrivals:
        decision = _joining(arrival, index, rules) or _opening(arrival, index)
        index.add(decision.incident, arrival, reopened=decision.reopens)
        decisions.append(decision)
    return decisions


class _Index:
    """Candidates by each thing that may be in common, so that a storm costs one look per alert."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self.opened = 0
        self.by_id = {candidate.id: candidate for candidate in candidates}
        self.places: dict[tuple[Ground, object], set[int]] = {}
        for candidate in self.by_id.values():
            self._place(candidate)

    def _place(self, candidate: Candidate) -> None:
        for ground, values in (
            (Ground.ALERT, candidate.alerts),
            (Ground.GROUP, candidate.groups),
            (Ground.CI, candidate.cis),
            (Ground.SERVICE, candidate.services),
        ):
            for value in values:
                self.places.setdefault((ground, value), set()).add(candidate.id)

    def having(self, ground: Ground, value: object) -> list[Candidate]:
        return [self.by_id[found] for found in self.places.get((ground, value), ())]

    def open(self, arrival: Arrival) -> int:
        self.opened += 1
        new = -self.opened
        self.by_id[new] = Candidate(
            id=new,
            security=arrival.security,
            resolved=False,
            opened_at=arrival.seen_at,
            last_signal_at=arrival.seen_at,
        )
        return new

    def add(self, incident: int, arrival: Arrival, *, reopened: bool) -> None:
        candidate = self.by_id[incident]
        candidate.size += 1
        candidate.resolved = candidate.resolved and not reopened
        candidate.last_signal_at = max(candidate.last_signal_at, arrival.seen_at)
        for ground, value in values_of(arrival).items():
            self.places.setdefault((ground, value), set()).add(incident)


def values_of(arrival: Arrival) -> dict[Ground, object]:
    """What the arrival has to be compared by; what it doesn't know is left out."""
    found: dict[Ground, object] = {Ground.ALERT: arrival.alert_id}
    if arrival.group:
        found[Ground.GROUP] = (arrival.source_id, arrival.group)
    if arrival.ci_id is not None:
        found[Ground.CI] = arrival.ci_id
    if arrival.service_id is not None:
        found[Ground.SERVICE] = arrival.service_id
    return found


def _joining(arrival: Arrival, index: _Index, rules: Sequence[Rule]) -> Decision | None:
    values = values_of(arrival)
    for rule in rules:
        if rule.ground not in values:
            continue
        matching = [
            candidate
            for candidate in index.having(rule.ground, values[rule.ground])
            if admits(rule, candidate, arrival)
        ]
        if matching:
            best = max(matching, key=lambda candidate: (candidate.last_signal_at, -abs(candidate.id)))
            return Decision(
                arrival=arrival,
                incident=best.id,
                opens=False,
                reopens=best.resolved,
                ground=rule.ground,
                why=_why(rule, best, arrival, values[rule.ground]),
            )
    return None


def admits(rule: Rule, candidate: Candidate, arrival: Arrival) -> bool:
    """Whether the rule's bounds let `arrival` into `candidate`, which has the rule's ground in common
    with it.
    """
    return (
        candidate.security == arrival.security
        and (rule.reopens or not candidate.resolved)
        and candidate.size < rule.limit
        and _within(rule.window, candidate.last_signal_at, arrival.seen_at)
        and _within(rule.age, candidate.opened_at, arrival.seen_at)
    )


def _within(minutes: int, since: datetime, until: datetime) -> bool:
    return minutes == 0 or until - since <= minutes * MINUTE


def _why(rule: Rule, candidate: Candidate, arrival: Arrival, value: object) -> dict[str, str | int]:
    common = value[1] if isinstance(value, tuple) else value
    quiet = max(0, int((arrival.seen_at - candidate.last_signal_at).total_seconds()))
    return {"ground": rule.ground.value, "value": str(common), "window": rule.window, "quiet_seconds": quiet}


def _opening(arrival: Arrival, index: _Index) -> Decision:
    return Decision(arrival=arrival, incident=index.open(arrival), opens=True, why={"ground": "first"})


def lock_names(arrivals: Iterable[Arrival]) -> list[str]:
    """What must be locked, in this order, before candidates are read: what two sources could open an
    incident for.
    """
    names: set[str] = set()
    for arrival in arrivals:
        side = "security" if arrival.security else "ordinary"
        if arrival.ci_id is not None:
            names.add(f"correlation:{side}:ci:{arrival.ci_id}")
        if arrival.service_id is not None:
            names.add(f"correlation:{side}:service:{arrival.service_id}")
    return sorted(names)


def resolution_due(ends: Sequence[tuple[bool, datetime | None]], soak: timedelta) -> datetime | None:
    """When an incident may be resolved by its alerts: `soak` after the last one resolved.

    `ends` has, for the latest span of each of its alerts, whether it is resolved and when it ended. None
    while any is not resolved (an expired one is not), and when there is none at all.
    """
    if not ends or not all(resolved for resolved, _ in ends):
        return None
    instants = [ended for _, ended in ends if ended is not None]
    return max(instants) + soak if instants else None
