"""Which incident an alert belongs to: ordered rules, each with the reason that is kept on the edge.

Pure: arrivals and candidates in, decisions out. An arrival joins the candidate that the first matching
rule names or opens an incident, which the arrivals behind it may join. Where several match, the one with
the most in common wins, then the one with the latest signal. Security signals join only security incidents
and ordinary ones never do. What a person took out of an incident never joins it again by itself.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from firstline.intake import template
from firstline.intake.entities import same
from firstline.intake.grounds import (
    DEFAULT_RULES,
    MINUTE,
    Ground,
    Key,
    KeyKind,
    Rule,
    bounded,
    compared,
    entity_key,
    group_key,
    reach_back,
    weight_of,
)
from firstline.intake.signal import Entity
from firstline.intake.template import Template

LOCKS = 64  # entities share so many locks, whatever their number


@dataclass(slots=True)
class Held:
    """Something that an incident is found by: when an alert with it joined last, and its text in full."""

    at: datetime
    detail: str = ""


@dataclass(slots=True, kw_only=True)
class Candidate:
    """An incident that isn't closed, with what its alerts have in common with the arrivals. Ids below 0:
    opened by this batch.
    """

    id: int
    security: bool
    resolved: bool
    opened_at: datetime
    last_signal_at: datetime
    keys: dict[Key, Held] = field(default_factory=dict)
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A span that needs an incident.

    `near`: services within reach in the dependency graph with their steps, positive for what this one needs
    ("below"), negative for what needs it. `apart`: incidents that a person took this span out of.
    """

    alert_id: int
    source_id: int
    group: str
    seen_at: datetime
    service_id: int | None = None
    ci_id: int | None = None
    security: bool = False
    entities: tuple[Entity, ...] = ()
    template: Template = ()
    near: Mapping[int, int] = field(default_factory=dict)
    apart: frozenset[int] = frozenset()
    keys: dict[Key, str] | None = field(default=None, init=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Join `incident` (below 0: the one that an earlier decision of the batch opens), or open one with
    that id.

    `why` holds enums, ids and numbers only: the ground, the rule's id, and how old the other's last signal
    was, in seconds. `common` are the keys in common, whose text is kept apart from the log.
    """

    arrival: Arrival
    incident: int
    opens: bool
    reopens: bool = False
    rule: Rule | None = None
    why: dict[str, str | int] = field(default_factory=dict)
    common: tuple[Key, ...] = ()

    @property
    def ground(self) -> Ground | None:
        return self.rule.ground if self.rule else None


def correlate(
    arrivals: Iterable[Arrival],
    candidates: Iterable[Candidate],
    rules: Sequence[Rule] = DEFAULT_RULES,
    *,
    frequency: Mapping[Key, int] | None = None,
) -> list[Decision]:
    """A decision for each arrival, in order. `candidates` is changed in place and grows by what is opened.

    `frequency`: in how many incidents an entity was within the last week.
    """
    index = _Index(candidates, frequency or {})
    decisions = []
    for arrival in arrivals:
        decision = _joining(arrival, index, rules) or _opening(arrival, index)
        index.add(decision.incident, arrival, reopened=decision.reopens)
        decisions.append(decision)
    return decisions


class _Index:
    """Candidates by each thing that may be in common, so that a storm costs one look per alert."""

    def __init__(self, candidates: Iterable[Candidate], frequency: Mapping[Key, int]) -> None:
        self.opened = 0
        self.frequency = frequency
        self.by_id = {candidate.id: candidate for candidate in candidates}
        self.places: dict[Key, dict[int, None]] = {}  # in the order in which they came to have it
        for candidate in self.by_id.values():
            for key in candidate.keys:
                self.places.setdefault(key, {})[candidate.id] = None

    def having(self, key: Key) -> list[Candidate]:
        return [self.by_id[found] for found in self.places.get(key, ())]

    def latest(self, key: Key) -> list[Candidate]:
        """The same, those that came last first, and no more than `MOST_COMPARED`."""
        return [self.by_id[found] for found in islice(reversed(self.places.get(key, {})), MOST_COMPARED)]

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
        for key, detail in keys_of(arrival).items():
            held = candidate.keys.get(key)
            if held is None:
                candidate.keys[key] = Held(arrival.seen_at, detail)
                self.places.setdefault(key, {})[incident] = None
            else:
                held.at = max(held.at, arrival.seen_at)
                held.detail = detail_of(key, held.detail, detail)


def keys_of(arrival: Arrival) -> Mapping[Key, str]:
    """What the arrival is found by, each with its text in full; what it doesn't know is left out. Made once."""
    if arrival.keys is None:
        object.__setattr__(arrival, "keys", _keys(arrival))
    assert arrival.keys is not None
    return arrival.keys


def _keys(arrival: Arrival) -> dict[Key, str]:
    found: dict[Key, str] = {(KeyKind.ALERT, str(arrival.alert_id)): ""}
    if arrival.group:
        found[group_key(arrival.source_id, arrival.group)] = arrival.group
    if arrival.ci_id is not None:
        found[KeyKind.CI, str(arrival.ci_id)] = ""
    if arrival.service_id is not None:
        found[KeyKind.SERVICE, str(arrival.service_id)] = ""
    for entity in compared(arrival.entities):
        found.setdefault(entity_key(entity), entity.value)
    if arrival.template:
        found[template_key(arrival)] = template.text_of(arrival.template)
    return found


def detail_of(key: Key, known: str, other: str) -> str:
    """What a key's text becomes when another alert with it joins: the template of both, the longer name."""
    if key[0] is KeyKind.TEMPLATE:
        both = template.merged(template.from_text(known), template.from_text(other))
        return template.text_of(both) if template.constants(both) >= LEAST_WORDS else known
    return max(known, other, key=len) if key[0] is KeyKind.ENTITY else known


MOST_COMPARED = 100  # incidents whose wording is compared with an alert's: of thousands, the latest
LEAST_WORDS = 3  # "x is down" says too little to join by


def template_key(arrival: Arrival) -> Key:
    return KeyKind.TEMPLATE, bounded(f"{arrival.source_id}:{template.leaf(arrival.template)}")


@dataclass(frozen=True, slots=True)
class _Match:
    candidate: Candidate
    since: datetime
    score: int = 0
    common: tuple[Key, ...] = ()
    facts: tuple[tuple[str, str | int], ...] = ()


def _joining(arrival: Arrival, index: _Index, rules: Sequence[Rule]) -> Decision | None:
    for rule in rules:
        if not in_scope(rule, arrival):
            continue
        matching = [
            found for found in _LOOKS[rule.ground](rule, arrival, index) if admits(rule, found, arrival)
        ]
        if matching:
            best = max(matching, key=lambda m: (m.score, m.candidate.last_signal_at, -abs(m.candidate.id)))
            return Decision(
                arrival=arrival,
                incident=best.candidate.id,
                opens=False,
                reopens=best.candidate.resolved,
                rule=rule,
                why=_why(rule, best, arrival),
                common=best.common,
            )
    return None


def in_scope(rule: Rule, arrival: Arrival) -> bool:
    """Whether the rule speaks about this alert at all."""
    return (
        (rule.security is None or rule.security == arrival.security)
        and (not rule.sources or arrival.source_id in rule.sources)
        and (not rule.services or arrival.service_id in rule.services)
    )


def admits(rule: Rule, found: _Match, arrival: Arrival) -> bool:
    """Whether the rule's bounds let `arrival` into what has the rule's ground in common with it."""
    candidate = found.candidate
    return (
        candidate.security == arrival.security
        and candidate.id not in arrival.apart
        and (rule.reopens or not candidate.resolved)
        and candidate.size < rule.limit
        and _within(rule.window, found.since, arrival.seen_at)
        and _within(rule.age, candidate.opened_at, arrival.seen_at)
    )


def _within(minutes: int, since: datetime, until: datetime) -> bool:
    return minutes == 0 or until - since <= minutes * MINUTE


def _by(kind: KeyKind, value: str, index: _Index, name: str = "", id: int = 0) -> list[_Match]:
    facts: tuple[tuple[str, str | int], ...] = ((name, id),) if name else ()
    common = () if name else ((kind, value),)
    return [_Match(each, each.last_signal_at, 0, common, facts) for each in index.having((kind, value))]


def _same_alert(rule: Rule, arrival: Arrival, index: _Index) -> list[_Match]:
    return _by(KeyKind.ALERT, str(arrival.alert_id), index, "alert", arrival.alert_id)


def _same_group(rule: Rule, arrival: Arrival, index: _Index) -> list[_Match]:
    return _by(*group_key(arrival.source_id, arrival.group), index) if arrival.group else []


def _same_ci(rule: Rule, arrival: Arrival, index: _Index) -> list[_Match]:
    at = arrival.ci_id
    return [] if at is None else _by(KeyKind.CI, str(at), index, "ci", at)


def _same_service(rule: Rule, arrival: Arrival, index: _Index) -> list[_Match]:
    at = arrival.service_id
    return [] if at is None else _by(KeyKind.SERVICE, str(at), index, "service", at)


def _dependency(rule: Rule, arrival: Arrival, index: _Index) -> list[_Match]:
    """Incidents of services within `hops`, the nearer the better."""
    found = []
    for other, steps in arrival.near.items():
        if abs(steps) > rule.hops:
            continue
        facts = (("service", arrival.service_id or 0), ("other", other), ("steps", steps))
        for each in index.having((KeyKind.SERVICE, str(other))):
            found.append(_Match(each, each.last_signal_at, -abs(steps), (), facts))
    return found


def _shared_entity(rule: Rule, arrival: Arrival, index: _Index) -> list[_Match]:
    """Incidents whose entities, seen within the window, weigh enough together; what is in too many of them
    weighs nothing.
    """
    sums: dict[int, list[tuple[Key, int, datetime]]] = {}
    for entity in compared(arrival.entities):
        key = entity_key(entity)
        if index.frequency.get(key, 0) > rule.common:
            continue
        for candidate in index.having(key):
            held = candidate.keys[key]
            if _within(rule.window, held.at, arrival.seen_at) and same(
                entity, Entity(entity.kind, held.detail or entity.value)
            ):
                sums.setdefault(candidate.id, []).append((key, weight_of(entity), held.at))
    found = []
    for incident, parts in sums.items():
        total = sum(weight for _, weight, _ in parts)
        if total >= rule.weight:
            latest = max(at for _, _, at in parts)
            keys = tuple(key for key, _, _ in parts)
            facts = (("weight", total), ("needed", rule.weight))
            found.append(_Match(index.by_id[incident], latest, total, keys, facts))
    return found


def _same_template(rule: Rule, arrival: Arrival, index: _Index) -> list[_Match]:
    """Incidents with an alert of nearly the same words, unless both know their service and it differs."""
    if template.constants(arrival.template) < LEAST_WORDS:
        return []
    key = template_key(arrival)
    found = []
    for candidate in index.latest(key):
        if _elsewhere(arrival, candidate):
            continue
        held = candidate.keys[key]
        alike = round(100 * template.similarity(template.from_text(held.detail), arrival.template))
        if alike >= rule.similarity:
            facts = (("similarity", alike), ("needed", rule.similarity))
            found.append(_Match(candidate, held.at, alike, (key,), facts))
    return found


def _elsewhere(arrival: Arrival, candidate: Candidate) -> bool:
    if arrival.service_id is None or (KeyKind.SERVICE, str(arrival.service_id)) in candidate.keys:
        return False
    return any(kind is KeyKind.SERVICE for kind, _ in candidate.keys)


_LOOKS = {
    Ground.ALERT: _same_alert,
    Ground.GROUP: _same_group,
    Ground.ENTITY: _shared_entity,
    Ground.CI: _same_ci,
    Ground.SERVICE: _same_service,
    Ground.DEPENDENCY: _dependency,
    Ground.TEMPLATE: _same_template,
}


def _why(rule: Rule, found: _Match, arrival: Arrival) -> dict[str, str | int]:
    quiet = max(0, int((arrival.seen_at - found.since).total_seconds()))
    facts = {"ground": rule.ground.value, "rule": rule.id, "window": rule.window, "quiet_seconds": quiet}
    return {**facts, **dict(found.facts)}


def _opening(arrival: Arrival, index: _Index) -> Decision:
    return Decision(arrival=arrival, incident=index.open(arrival), opens=True, why={"ground": "first"})


def asked(arrivals: Iterable[Arrival], rules: Sequence[Rule]) -> dict[Key, datetime]:
    """The keys that the rules could compare, each with the oldest instant that may matter."""
    found: dict[Key, datetime] = {}
    far = max((rule.hops for rule in rules if rule.ground is Ground.DEPENDENCY), default=0)
    spans = {kind: reach_back(rules, kind) for kind in KeyKind}
    for arrival in arrivals:
        wanted = [key for key in keys_of(arrival) if key[0] is not KeyKind.ALERT]
        wanted += [(KeyKind.SERVICE, str(at)) for at, steps in arrival.near.items() if abs(steps) <= far]
        for key in wanted:
            since = arrival.seen_at - spans[key[0]]
            found[key] = min(found.get(key, since), since)
    return found


def lock_names(arrivals: Iterable[Arrival]) -> list[str]:
    """What must be locked, in this order, before candidates are read: what two sources could open an
    incident for. Templates and groups are of one source, which has one writer.
    """
    names: set[str] = set()
    for arrival in arrivals:
        side = "security" if arrival.security else "ordinary"
        if arrival.ci_id is not None:
            names.add(f"correlation:{side}:ci:{arrival.ci_id}")
        for service in (arrival.service_id, *arrival.near):
            if service is not None:
                names.add(f"correlation:{side}:service:{service}")
        for entity in compared(arrival.entities):
            number = zlib.crc32(entity_key(entity)[1].encode()) % LOCKS
            names.add(f"correlation:{side}:entity:{number:02d}")
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
