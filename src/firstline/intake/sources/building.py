"""What most parsers end with: a signal made of foreign texts, bounded and cleaned in one place."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from firstline.intake.signal import Entity, Link, Severity, Signal, SignalKind
from firstline.intake.sources.generic.paths import find
from firstline.intake.sources.parsing import (
    Received,
    bounded_key,
    clamped,
    headline,
    joined,
    string_map,
    text_of,
)


def built(
    row: Received,
    *,
    kind: SignalKind,
    key: str,
    title: str,
    happened: datetime | None = None,
    texts: Iterable[str] = (),
    severity: Severity = Severity.ERROR,
    service: str = "",
    ci: str = "",
    group: str = "",
    security: bool = False,
    entities: tuple[Entity, ...] = (),
    labels: Mapping[str, Any] | None = None,
    links: Iterable[tuple[object, str]] = (),
    ends_at: datetime | None = None,
    position: int = 0,
) -> Signal:
    """A signal of `row`. `texts` are the paragraphs of the description; `links` pairs of address and text, of which
    only http addresses are kept; `happened` is clamped to the moment of receipt, which it is when None.
    """
    first, rest = headline(title)
    occurred_at, ahead = clamped(happened, row.received_at)
    return Signal(
        kind=kind,
        key=bounded_key(key),
        title=first,
        description=joined(rest, *texts),
        severity=severity,
        service=text_of(service),
        ci=text_of(ci),
        group=bounded_key(group),
        security=security,
        entities=entities,
        labels=string_map(labels or {}),
        links=tuple(Link(href, text) for each, text in links if (href := web_address(each))),
        occurred_at=occurred_at,
        clock_ahead=ahead,
        ends_at=ends_at,
        row=row.id,
        position=position,
    )


def web_address(value: object) -> str:
    """An http address; nothing for anything else."""
    text = text_of(value)
    return text if text.startswith(("https://", "http://")) else ""


def at(document: Any, *paths: str) -> str:
    """The text at the first of `paths` (of `generic.paths`) that has any."""
    for path in paths:
        if text := text_of(find(document, path)):
            return text
    return ""


def part(document: Any, path: str) -> dict[str, Any]:
    """The object at `path`; an empty one when there is none, or something else stands there."""
    found = find(document, path)
    return found if isinstance(found, dict) else {}


def paired(text: str, *, between: str = ",", within: str = ":") -> dict[str, str]:
    """`host:web-1,env:prod` as a mapping; words without a value are left out, and the first of a name counts."""
    found: dict[str, str] = {}
    for word in text.split(between):
        name, sign, value = word.strip().partition(within)
        if sign and name.strip() and value.strip():
            found.setdefault(name.strip(), value.strip())
    return found
