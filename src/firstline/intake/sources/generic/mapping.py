"""A mapping: how the JSON of a tool that Firstline doesn't know becomes signals.

Each field is a path, a template or plain text (see `paths`). What a mapping leaves empty has a
documented default, so the smallest useful one is `{"title": "$.subject"}`.
"""

import re
from collections.abc import Mapping as Values
from typing import Any

import msgspec

from firstline.intake.entities import gathered, observed
from firstline.intake.mitre import tactics, techniques
from firstline.intake.signal import Entity, EntityKind, Link, Signal, SignalKind
from firstline.intake.sources.generic.paths import PathError, check, find, render, steps_of
from firstline.intake.sources.generic.severity import severity_of
from firstline.intake.sources.parsing import (
    ParseError,
    Received,
    bounded_key,
    clamped,
    digest,
    headline,
    instant,
    joined,
    text_of,
    unique,
)

RESOLVED = (
    "resolved", "resolve", "ok", "closed", "close", "recovered", "recovery", "up", "normal", "cleared",
    "clear", "success", "succeeded", "fixed", "inactive", "green", "good", "dismissed", "passed", "healthy",
    "complete", "completed", "deactivated", "auto_dismissed", "auto_resolved", "operational",
)  # fmt: skip
ACKNOWLEDGED = (
    "acknowledged",
    "acknowledge",
    "ack",
    "acked",
    "acknowledgement",
    "in_progress",
    "investigating",
)


NOTHING = ("", "0", "false", "null", "none", "0001-01-01t00:00:00z")
UNFILLED = re.compile(r"\$\{?[A-Z_0-9]+\}?|\*insert .*\*|\{\{.*\}\}|%\{?[\w.]+\}?|\{[A-Z][A-Z0-9._]*\}")


class EntityPlace(msgspec.Struct, frozen=True):
    """Where one kind of observable stands."""

    kind: EntityKind
    value: str
    role: str = ""


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The editable definition, as it is kept in the source's settings under `mapping`.

    `items`: path of the array whose elements are one signal each; empty: the whole payload is one.
    `state` decides between trigger, acknowledge and resolve by the value lists (compared without case). With
    `triggering` empty everything else triggers; else only these do, and the rest is kept as a note. `*` among
    `resolved` is any value at all: for an instant that is only there when it is over. `key` empty:
    derived from title, service and CI. `severities`: own words to ours.
    """

    items: str = ""
    key: str = ""
    title: str = ""
    description: str = ""
    severity: str = ""
    severities: dict[str, str] = {}
    state: str = ""
    resolved: tuple[str, ...] = RESOLVED
    acknowledged: tuple[str, ...] = ACKNOWLEDGED
    triggering: tuple[str, ...] = ()
    service: str = ""
    ci: str = ""
    group: str = ""
    occurred_at: str = ""
    link: str = ""
    security: bool = False
    labels: dict[str, str] = {}
    entities: tuple[EntityPlace, ...] = ()
    tactics: str = ""
    techniques: str = ""
    kind: SignalKind = SignalKind.TRIGGER


TEMPLATES = (
    "key",
    "title",
    "description",
    "severity",
    "state",
    "service",
    "ci",
    "group",
    "occurred_at",
    "link",
)


def mapping_from(definition: object) -> Mapping:
    """The mapping in `definition`, checked. Raises ParseError that names the field which is wrong."""
    try:
        mapping = msgspec.convert(definition, Mapping)
    except msgspec.ValidationError as error:
        raise ParseError(f"the mapping cannot be read: {error}") from None
    for name in TEMPLATES:
        _checked(name, getattr(mapping, name))
    for name, template in mapping.labels.items():
        _checked(f"labels.{name}", template)
    for entity in mapping.entities:
        _checked(f"entities.{entity.kind}", entity.value)
    for name in ("items", "tactics", "techniques"):
        try:
            steps_of(getattr(mapping, name))
        except PathError as error:
            raise ParseError(str(error), f"mapping.{name}") from None
    return mapping


def _checked(name: str, template: str) -> None:
    try:
        check(template)
    except PathError as error:
        raise ParseError(str(error), f"mapping.{name}") from None


def elements(document: Any, mapping: Mapping) -> list[Any]:
    """The parts of a payload that are one signal each. Raises ParseError when `items` finds no list."""
    if not mapping.items:
        return document if isinstance(document, list) else [document]
    found = find(document, mapping.items)
    if not isinstance(found, list):
        raise ParseError("expected a list", mapping.items)
    return found


def apply(row: Received, mapping: Mapping, element: Any, position: int = 0) -> Signal:
    """One signal from one element. Raises ParseError when the title stays empty."""
    written = render(element, mapping.title)
    if not written:
        raise ParseError("no title found; name one in the mapping", mapping.title or "$")
    title, rest = headline(written)
    occurred_at, ahead = clamped(instant(render(element, mapping.occurred_at)), row.received_at)
    service, ci = filled(element, mapping.service), filled(element, mapping.ci)
    key = bounded_key(_key(element, mapping.key)) or digest(title, service, ci)
    link = render(element, mapping.link)
    return Signal(
        kind=kind_in(render(element, mapping.state), mapping),
        key=key,
        title=title,
        description=joined(rest, render(element, mapping.description)),
        severity=severity_of(filled(element, mapping.severity), mapping.severities),
        service=service,
        ci=ci,
        group=bounded_key(render(element, mapping.group)),
        security=mapping.security,
        entities=_entities(element, mapping),
        tactics=tactics(found := _several(element, mapping.tactics)) or found,
        techniques=techniques(found := _several(element, mapping.techniques)) or found,
        labels=_labels(element, mapping.labels),
        links=(Link(link),) if link.startswith(("http://", "https://")) else (),
        occurred_at=occurred_at,
        clock_ahead=ahead,
        row=row.id,
        position=position,
    )


def filled(element: Any, template: str) -> str:
    """What stands there; nothing for a placeholder that the sender left unfilled (`$SERVICE`, `{HOST.NAME}`)."""
    text = render(element, template)
    return "" if UNFILLED.fullmatch(text) else text


def _key(element: Any, template: str) -> str:
    """The key; where parts of a template are missing, without the bars between them."""
    text = filled(element, template)
    return text.strip("/") if "}/{" in template else text


def kind_in(state: str, mapping: Mapping) -> SignalKind:
    """What a state's word means under `mapping`; without a place for a state, everything is of the mapping's kind."""
    if mapping.kind is not SignalKind.TRIGGER or not mapping.state:
        return mapping.kind
    return kind_of_word(state, mapping)


def kind_of_word(state: str, mapping: Mapping) -> SignalKind:
    """Trigger, acknowledge, resolve or note, by the mapping's lists of words."""
    word = state.strip().lower()
    if "*" in mapping.resolved and word not in NOTHING:
        return SignalKind.RESOLVE
    if word in (value.lower() for value in mapping.resolved):
        return SignalKind.RESOLVE
    if word in (value.lower() for value in mapping.acknowledged):
        return SignalKind.ACKNOWLEDGE
    if mapping.triggering and word not in (value.lower() for value in mapping.triggering):
        return SignalKind.NOTE
    return SignalKind.TRIGGER


def _labels(element: Any, templates: Values[str, str]) -> dict[str, str]:
    return {name: text for name, template in templates.items() if (text := render(element, template))}


def _several(element: Any, path: str) -> tuple[str, ...]:
    if not path:
        return ()
    found = find(element, path)
    items = found if isinstance(found, list) else [found]
    return unique(text for item in items if (text := text_of(item)))


def _entities(element: Any, mapping: Mapping) -> tuple[Entity, ...]:
    """In the spelling that all tools share; a value that is none of its kind is left out."""
    return gathered(
        entity
        for place in mapping.entities
        for entity in observed(place.kind, render(element, place.value), place.role)
    )
