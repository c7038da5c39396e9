"""Ordered rules that categorise: the first whose conditions all hold decides, and says by which. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from firstline.classification.pattern import BadPattern, compiled

LONGEST_TEXT = 4000  # characters of title and description that rules look at


class Condition(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """All that are given must hold; an empty one asks nothing.

    `contains`: any of these phrases stands in the text, in whatever case, as whole words. `pattern`: a
    regular expression (`classification.pattern`). `labels`: each has this value, `*` for any value at all.
    """

    source_kinds: tuple[str, ...] = ()
    sources: tuple[int, ...] = ()
    channels: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    pattern: str = ""
    services: tuple[int, ...] = ()
    units: tuple[int, ...] = ()
    labels: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.pattern:
            compiled(self.pattern)
        if any(not phrase.strip() for phrase in self.contains):
            raise BadPattern("A phrase to look for can't be empty.")

    @property
    def is_empty(self) -> bool:
        return self == Condition()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What rules look at: an incident being registered, an earlier one, or a signal in a dry-run."""

    title: str
    description: str = ""
    channel: str = ""
    source_id: int | None = None
    source_kind: str = ""
    service_id: int | None = None
    unit_id: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return f"{self.title}\n{self.description}"[:LONGEST_TEXT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule as it is evaluated. What it leaves None it doesn't set."""

    id: int
    name: str
    condition: Condition
    category_id: int | None = None
    group_id: int | None = None
    service_id: int | None = None
    security: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """The rule that decided, and each condition with what it found: [("contains", "printer")]."""

    rule: Rule
    because: tuple[tuple[str, Any], ...]

    def why(self) -> dict[str, Any]:
        """The form that the event log keeps. It holds no text of the report: of a phrase or pattern only that
        it matched."""
        kept = [
            [what, found] for what, found in self.because if what not in ("contains", "pattern", "labels")
        ]
        asked = [what for what, _ in self.because]
        return {"rule": self.rule.id, "asked": asked, "found": kept}


def first_match(rules: Iterable[Rule], subject: Subject) -> Match | None:
    """The first rule whose condition holds. A rule that asks nothing catches all that reach it."""
    text = " ".join(subject.text.lower().split())
    for rule in rules:
        because = matched(rule.condition, subject, text)
        if because is not None:
            return Match(rule, because)
    return None


def matched(
    condition: Condition, subject: Subject, text: str | None = None
) -> tuple[tuple[str, Any], ...] | None:
    """What each given condition found, if all of them hold; None as soon as one does not."""
    found: list[tuple[str, Any]] = []
    for name, wanted, value in (
        ("source kind", condition.source_kinds, subject.source_kind),
        ("source", condition.sources, subject.source_id),
        ("channel", condition.channels, subject.channel),
        ("service", condition.services, subject.service_id),
        ("unit", condition.units, subject.unit_id),
    ):
        if wanted:
            if value not in wanted:
                return None
            found.append((name, value))
    for label, wanted_value in condition.labels.items():
        value = subject.labels.get(label)
        if value is None or wanted_value not in ("*", value):
            return None
        found.append(("labels", f"{label}={value}"))
    if condition.contains:
        phrase = _first_phrase(condition.contains, text or " ".join(subject.text.lower().split()))
        if phrase is None:
            return None
        found.append(("contains", phrase))
    if condition.pattern:
        if not compiled(condition.pattern).found(subject.text):
            return None
        found.append(("pattern", condition.pattern))
    return tuple(found)


def _first_phrase(phrases: Sequence[str], text: str) -> str | None:
    """The first phrase that stands in `text` (lower-case, single blanks) as whole words."""
    for phrase in phrases:
        wanted = " ".join(phrase.lower().split())
        at = text.find(wanted)
        while at >= 0:
            end = at + len(wanted)
            if not (_joins(text[at - 1 : at], wanted[0]) or _joins(text[end : end + 1], wanted[-1])):
                return phrase
            at = text.find(wanted, at + 1)
    return None


def _joins(outside: str, inside: str) -> bool:
    """Whether a character beside a phrase makes it part of a longer word."""
    return outside.isalnum() and inside.isalnum()
