"""Which alerts a rule of noise, or a subscription, means: conditions over the fields of a signal. Pure.

Rules are compiled once, and indexed by a value that a signal must have to match (a label, an item, a service, a
source): of hundreds of rules a signal is held against the few that could mean it, and a rule without such a value is
tried through the quickest thing that it asks. Upper and lower case never matter.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Generic, TypeVar

import msgspec

from firstline.classification.pattern import BadPattern, compiled
from firstline.intake.signal import Severity

LONGEST_TEXT = 4000  # characters of title and description that rules look at
MOST_CONDITIONS = 20
MOST_VALUES = 500


class Field(StrEnum):
    """What a condition may look at; `label` has a name beside it."""

    TITLE = "title"
    DESCRIPTION = "description"
    TEXT = "text"  # title and description
    LABEL = "label"
    SEVERITY = "severity"
    ENTITY = "entity"  # its value, or kind:value
    SOURCE_KIND = "source_kind"
    KEY = "key"
    GROUP = "group"
    TECHNIQUE = "technique"  # tactics as well


class Op(StrEnum):
    """How it looks. Several values: any of them (the negated ones: none of them)."""

    EQUALS = "equals"
    NOT_EQUALS = "not_equals"
    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    MATCHES = "matches"
    NOT_MATCHES = "not_matches"
    PRESENT = "present"
    ABSENT = "absent"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


NEGATED = {Op.NOT_EQUALS: Op.EQUALS, Op.NOT_CONTAINS: Op.CONTAINS, Op.NOT_MATCHES: Op.MATCHES}
WITHOUT_VALUE = frozenset({Op.PRESENT, Op.ABSENT})
BY_RANK = frozenset({Op.AT_LEAST, Op.AT_MOST})


class Condition(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One question to a signal."""

    field: Field
    op: Op = Op.EQUALS
    values: tuple[str, ...] = ()
    label: str = ""

    def __post_init__(self) -> None:
        if (self.field is Field.LABEL) is not bool(self.label):
            raise ValueError("A condition on a label, and no other, names the label.")
        if bool(self.values) is (self.op in WITHOUT_VALUE):
            raise ValueError(f"“{self.op}” needs {'no value' if self.values else 'a value'}.")
        if len(self.values) > MOST_VALUES or any(not value.strip() for value in self.values):
            raise ValueError(f"At most {MOST_VALUES} values, none of them empty.")
        self._check_kind()

    def _check_kind(self) -> None:
        if self.field is Field.SEVERITY:
            known = [value in set(Severity) for value in self.values]
            if self.op in (Op.CONTAINS, Op.MATCHES) or not all(known):
                raise ValueError("A severity is critical, error, warning or info.")
        elif self.op in BY_RANK:
            raise ValueError("Only severities have an order.")
        if NEGATED.get(self.op, self.op) is Op.MATCHES:
            for pattern in self.values:
                compiled(pattern)


class Match(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Everything that is given must hold; what is empty asks nothing.

    `dependents`: of a service that needs one of these, directly or through others, as well. `security`: `no` means
    ordinary alerts alone, so that no rule mutes a security signal without naming it; `yes` security ones alone.
    """

    sources: tuple[int, ...] = ()
    services: tuple[int, ...] = ()
    dependents: bool = False
    cis: tuple[int, ...] = ()
    conditions: tuple[Condition, ...] = ()
    security: str = "no"

    def __post_init__(self) -> None:
        if self.security not in ("no", "yes", "both"):
            raise ValueError("Security signals: no, yes or both.")
        if len(self.conditions) > MOST_CONDITIONS:
            raise ValueError(f"At most {MOST_CONDITIONS} conditions.")

    @property
    def is_empty(self) -> bool:
        """Whether it means every alert (of its side of security)."""
        return not (self.sources or self.services or self.cis or self.conditions)


@dataclass(slots=True, kw_only=True)
class Facts:
    """What is known of one alert when it is judged. Texts as the sender wrote them."""

    title: str = ""
    description: str = ""
    severity: Severity = Severity.ERROR
    security: bool = False
    source_id: int = 0
    source_kind: str = ""
    service_id: int | None = None
    ci_id: int | None = None
    key: str = ""
    group: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    entities: Sequence[tuple[str, str]] = ()
    techniques: Sequence[str] = ()
    _kept: dict[tuple[Field, str], tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)

    def texts(self, what: Field, label: str = "") -> tuple[str, ...]:
        """The values of a field, in lower case; made once, however many rules ask."""
        found = self._kept.get((what, label))
        if found is None:
            found = self._kept[what, label] = self._texts(what, label)
        return found

    def _texts(self, what: Field, label: str) -> tuple[str, ...]:
        if what is Field.LABEL:
            value = self.labels.get(label)
            return () if value is None else (str(value).lower(),)
        if what is Field.TITLE:
            return (self.title.lower(),)
        if what is Field.TEXT:
            return (f"{self.title}\n{self.description}"[:LONGEST_TEXT].lower(),)
        if what is Field.ENTITY:
            return tuple(
                text for kind, value in self.entities for text in (value.lower(), f"{kind}:{value}".lower())
            )
        if what is Field.TECHNIQUE:
            return tuple(value.lower() for value in self.techniques)
        plain = {
            Field.DESCRIPTION: self.description[:LONGEST_TEXT],
            Field.SEVERITY: self.severity.value,
            Field.SOURCE_KIND: self.source_kind,
            Field.KEY: self.key,
            Field.GROUP: self.group,
        }[what].lower()
        return (plain,) if plain else ()


Predicate = Callable[[Facts], bool]
Handle = tuple[str, str, object]  # field, label name, the value that must be there


@dataclass(frozen=True, slots=True)
class Compiled:
    """A match ready to be asked. `handles`: a signal has one of these, or the match fails; empty: no such thing.
    `words`: the same for a part of a text: (field, label name, what must stand in it).
    """

    holds: Predicate
    handles: tuple[Handle, ...]
    words: tuple[tuple[Field, str, str], ...] = ()


def compile_match(match: Match, dependents: Callable[[int], Iterable[int]] | None = None) -> Compiled:
    """`dependents` tells which services need one, for matches that ask for them."""
    services = frozenset(match.services)
    if match.dependents and dependents is not None:
        services |= {below for service in match.services for below in dependents(service)}
    sources, cis = frozenset(match.sources), frozenset(match.cis)
    predicates = [predicate_of(condition) for condition in sorted(match.conditions, key=_cost)]
    security = match.security

    def holds(facts: Facts) -> bool:
        if security != "both" and facts.security is not (security == "yes"):
            return False
        if sources and facts.source_id not in sources:
            return False
        if services and facts.service_id not in services:
            return False
        if cis and facts.ci_id not in cis:
            return False
        return all(predicate(facts) for predicate in predicates)

    return Compiled(holds, _handles(match, services), _words(match))


def _words(match: Match) -> tuple[tuple[Field, str, str], ...]:
    """What must stand in a text: the values of a *contains*, or what patterns cannot do without."""
    for condition in match.conditions:
        needles: list[str] = []
        if condition.op is Op.CONTAINS:
            needles = [value.strip().lower() for value in condition.values]
        elif condition.op is Op.MATCHES:
            needles = [compiled(value).needed for value in condition.values]
        if needles and all(needles):
            return tuple((condition.field, condition.label, needle) for needle in needles)
    return ()


def _handles(match: Match, services: frozenset[int]) -> tuple[Handle, ...]:
    """The rarest thing first: the value of a label, an item, a service, a source."""
    for condition in match.conditions:
        if condition.op is Op.EQUALS and condition.field in (Field.LABEL, Field.KEY, Field.TITLE):
            return tuple(
                (condition.field.value, condition.label, value.strip().lower()) for value in condition.values
            )
    for name, ids in (("ci", match.cis), ("service", services), ("source", match.sources)):
        if ids:
            return tuple((name, "", each) for each in ids)
    return ()


def _cost(condition: Condition) -> int:
    """Patterns last, texts before them, single values first."""
    if NEGATED.get(condition.op, condition.op) is Op.MATCHES:
        return 2
    return 1 if condition.field in (Field.TEXT, Field.DESCRIPTION, Field.ENTITY) else 0


def predicate_of(condition: Condition) -> Predicate:
    """The condition as a function."""
    what, label, op = condition.field, condition.label, condition.op
    if op in NEGATED:
        asked = predicate_of(msgspec.structs.replace(condition, op=NEGATED[op]))
        return lambda facts: not asked(facts)
    if op in WITHOUT_VALUE:
        wanted = op is Op.PRESENT
        return lambda facts: any(facts.texts(what, label)) is wanted
    if op in BY_RANK:
        return _by_rank(op, [Severity(value).rank for value in condition.values])
    values = frozenset(value.strip().lower() for value in condition.values)
    if op is Op.EQUALS:
        return lambda facts: not values.isdisjoint(facts.texts(what, label))
    if op is Op.CONTAINS:
        return lambda facts: any(value in text for text in facts.texts(what, label) for value in values)
    found = [_pattern(pattern) for pattern in condition.values]
    return lambda facts: any(matches(text) for text in facts.texts(what, label) for matches in found)


def _by_rank(op: Op, ranks: list[int]) -> Predicate:
    if op is Op.AT_LEAST:
        bound = max(ranks)
        return lambda facts: facts.severity.rank <= bound
    bound = min(ranks)
    return lambda facts: facts.severity.rank >= bound


def _pattern(source: str) -> Callable[[str], bool]:
    """The pattern behind the words that it cannot do without, and with its last answers kept."""
    pattern = compiled(source)
    needed = pattern.needed
    kept = lru_cache(maxsize=4096)(pattern.found)
    return lambda text: needed in text and kept(text)


T = TypeVar("T")


class Index(Generic[T]):
    """Rules by what a signal must have to be meant by them."""

    def __init__(self, rules: Iterable[tuple[T, Compiled]]) -> None:
        self._ids: dict[str, dict[object, list[tuple[T, Compiled]]]] = {}
        self._texts: dict[tuple[Field, str], dict[object, list[tuple[T, Compiled]]]] = {}
        self._words: dict[tuple[Field, str], list[tuple[str, tuple[T, Compiled]]]] = {}
        self._others: list[tuple[T, Compiled]] = []
        self.size = 0
        for entry in rules:
            self.size += 1
            if not entry[1].handles and not entry[1].words:
                self._others.append(entry)
            for what, label, needle in entry[1].words if not entry[1].handles else ():
                self._words.setdefault((what, label), []).append((needle, entry))
            for name, label, value in entry[1].handles:
                if name in ("ci", "service", "source"):
                    self._ids.setdefault(name, {}).setdefault(value, []).append(entry)
                else:
                    self._texts.setdefault((Field(name), label), {}).setdefault(value, []).append(entry)

    def meaning(self, facts: Facts) -> list[T]:
        """The rules that mean this alert, each once, in no order."""
        found: dict[int, T] = {}
        for name, ids in self._ids.items():
            value = {"ci": facts.ci_id, "service": facts.service_id, "source": facts.source_id}[name]
            self._ask(ids.get(value, ()), facts, found)
        for (what, label), by_value in self._texts.items():
            for text in facts.texts(what, label):
                self._ask(by_value.get(text, ()), facts, found)
        for (what, label), needles in self._words.items():
            for text in facts.texts(what, label):
                self._ask([entry for needle, entry in needles if needle in text], facts, found)
        self._ask(self._others, facts, found)
        return list(found.values())

    @staticmethod
    def _ask(entries: Iterable[tuple[T, Compiled]], facts: Facts, found: dict[int, T]) -> None:
        for rule, match in entries:
            if id(rule) not in found and match.holds(facts):
                found[id(rule)] = rule


__all__ = ["BadPattern", "Compiled", "Condition", "Facts", "Field", "Index", "Match", "Op", "compile_match"]
