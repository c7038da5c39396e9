"""The storyline of an attack: what happened step by step, by whom on what, and what connects the steps. Pure.

A step is what one kind of alert says about one tactic, from its first to its last signal; steps stand in the order in
which they began, as the sources tell it. Entities are joined to the steps in whose alerts they occur.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firstline.intake.grounds import Key, compared, entity_key, weight_of
from firstline.intake.mitre import ORDER
from firstline.intake.signal import SEVERITY_ORDER, Entity, Severity
from firstline.intake.template import template_of, text_of

SHOWN_ALERTS = 5
LAST_TACTIC = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A stretch of an alert, as the storyline needs it."""

    span_id: int
    alert_id: int
    title: str
    source: str
    severity: Severity
    started_at: datetime
    last_seen_at: datetime
    count: int
    rule: str = ""
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    entities: tuple[Entity, ...] = ()


@dataclass(slots=True, kw_only=True)
class Step:
    """One step. `alerts` counts stretches, `signals` what the sources sent; `evidence` has the first of them."""

    number: int = 0
    title: str
    begun_at: datetime
    last_at: datetime
    severity: Severity
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    sources: list[str] = field(default_factory=list)
    alerts: int = 0
    signals: int = 0
    evidence: list[Evidence] = field(default_factory=list)
    entities: dict[Key, Entity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shared:
    """An entity with the numbers of the steps that it occurs in; `weight`: how telling it is."""

    entity: Entity
    steps: tuple[int, ...]
    weight: int


@dataclass(frozen=True, slots=True)
class Storyline:
    """Steps in order, entities by how much they connect, tactics in the order of the chain."""

    steps: tuple[Step, ...]
    entities: tuple[Shared, ...]
    tactics: tuple[str, ...]


def told(evidence: Iterable[Evidence]) -> Storyline:
    """The storyline that this evidence tells."""
    steps: dict[tuple[object, ...], Step] = {}
    for each in sorted(evidence, key=lambda e: (e.started_at, e.span_id)):
        kind = each.tactics, each.rule or text_of(template_of(each.title))
        step = steps.get(kind)
        if step is None:
            step = steps[kind] = Step(
                title=each.title,
                begun_at=each.started_at,
                last_at=each.last_seen_at,
                severity=each.severity,
                tactics=each.tactics,
                techniques=each.techniques,
            )
        _add(step, each)
    ordered = sorted(steps.values(), key=lambda step: (step.begun_at, _place(step.tactics), step.title))
    for number, step in enumerate(ordered, 1):
        step.number = number
    tactics = {tactic for step in ordered for tactic in step.tactics}
    return Storyline(
        steps=tuple(ordered),
        entities=_shared(ordered),
        tactics=tuple(sorted(tactics, key=lambda tactic: (ORDER.get(tactic, LAST_TACTIC), tactic))),
    )


def _add(step: Step, each: Evidence) -> None:
    step.last_at = max(step.last_at, each.last_seen_at)
    step.severity = min(step.severity, each.severity, key=SEVERITY_ORDER.index)
    step.techniques = tuple(dict.fromkeys((*step.techniques, *each.techniques)))
    step.alerts += 1
    step.signals += each.count
    if each.source not in step.sources:
        step.sources.append(each.source)
    if len(step.evidence) < SHOWN_ALERTS:
        step.evidence.append(each)
    for entity in compared(each.entities):
        step.entities.setdefault(entity_key(entity), entity)


def _place(tactics: Sequence[str]) -> int:
    return min((ORDER.get(tactic, LAST_TACTIC) for tactic in tactics), default=LAST_TACTIC)


def _shared(steps: Sequence[Step]) -> tuple[Shared, ...]:
    found: dict[Key, tuple[Entity, list[int]]] = {}
    for step in steps:
        for key, entity in step.entities.items():
            found.setdefault(key, (entity, []))[1].append(step.number)
    made = [Shared(entity, tuple(numbers), weight_of(entity)) for entity, numbers in found.values()]
    return tuple(
        sorted(made, key=lambda one: (-len(one.steps), -one.weight, one.entity.kind, one.entity.value))
    )


def related(
    mine: Mapping[Key, str], others: Iterable[tuple[int, Key, str]], weights: Mapping[Key, int], needed: int
) -> list[tuple[int, list[Key], int]]:
    """Incidents that share entities weighing enough together: (id, the keys, the sum), the heaviest first."""
    sums: dict[int, list[Key]] = {}
    for incident, key, _detail in others:
        if key in mine:
            sums.setdefault(incident, []).append(key)
    found = [(incident, keys, sum(weights[key] for key in keys)) for incident, keys in sums.items()]
    return sorted((each for each in found if each[2] >= needed), key=lambda each: (-each[2], -each[0]))
