"""What the parsers of security tools share: finding their records in whatever a shipper wrapped them in, reading
fields that are nested or flat with dots, observables, severities by words, and how long an alert lives.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from firstline.intake.entities import gathered, observed
from firstline.intake.mitre import tactics, techniques
from firstline.intake.signal import Entity, EntityKind, Severity, Signal, SignalKind
from firstline.intake.sources.alertmanager.severity import SEVERITIES as BY_WORD
from firstline.intake.sources.building import built
from firstline.intake.sources.parsing import ParseError, Received, decode_json, text_of

EXPIRES_AFTER = 24 * 3600
DEEPEST = 5  # wrappers within wrappers
MOST_ELEMENTS = 64  # of one list of values within a record
MOST_RECORDS = 10_000
WRAPPERS = (
    "alerts", "findings", "records", "events", "results", "value", "hits", "_source", "event", "alert", "alarm",
    "detail", "object", "context", "properties", "all_fields", "payload", "body", "data", "message", "log", "Message",
)  # fmt: skip

Place = tuple[str, EntityKind, str]  # dotted place, kind, role
Record = Mapping[str, Any]
Ways = tuple[tuple[tuple[str, int], ...], ...]


def records(row: Received, fits: Callable[[Record], bool], expected: str) -> list[Record]:
    """The tool's records in the request: one object, an array, a line of JSON each, or any of it within the
    envelope of a shipper, even as text.

    Raises ParseError when none of the objects `fits`; `expected` says what was looked for.
    """
    found: list[Record] = []
    for document in _documents(row.body):
        for record in _unwrapped(document, fits, DEEPEST):
            found.append(record)
            if len(found) > MOST_RECORDS:
                raise ParseError(f"more than {MOST_RECORDS} records in one request")
    if not found:
        raise ParseError(f"expected {expected}", "$")
    return found


def _documents(body: bytes) -> Iterator[Any]:
    try:
        yield decode_json(body)
        return
    except ParseError as error:
        lines = [line for line in body.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        reason = error
    read = 0
    for line in lines:
        try:
            yield decode_json(line)
            read += 1
        except ParseError:
            continue
    if not read:
        raise reason


def _unwrapped(value: Any, fits: Callable[[Record], bool], depth: int) -> Iterator[Record]:
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            value = decode_json(value.encode("utf-8", "replace"))
        except ParseError:
            return
    if isinstance(value, dict) and fits(value):
        yield value
    elif depth and isinstance(value, list):
        for each in value:
            yield from _unwrapped(each, fits, depth - 1)
    elif depth and isinstance(value, dict):
        for name in WRAPPERS:
            if name in value:
                yield from _unwrapped(value[name], fits, depth - 1)


def texts_at(record: Any, *places: str) -> list[str]:
    """The texts at the dotted `places`, in their order, from every element of lists on the way."""
    found: list[Any] = []
    for place in places:
        _collect(record, _ways(place), 0, found)
    return [text for value in found if (text := text_of(value))]


def text_at(record: Any, *places: str) -> str:
    """The first of them; `""` when there is none."""
    for place in places:
        found: list[Any] = []
        _collect(record, _ways(place), 0, found)
        for value in found:
            if text := text_of(value):
                return text
    return ""


def part_at(record: Any, place: str) -> Record:
    """The object at a dotted place; an empty one when something else stands there."""
    for name in _parts(place):
        record = record.get(name) if isinstance(record, dict) else None
    return record if isinstance(record, dict) else {}


def objects_at(record: Any, place: str) -> Iterator[Record]:
    """The objects in the list at a dotted place, or the one object there."""
    *way, last = _parts(place)
    holder = part_at(record, ".".join(way)) if way else record
    value = holder.get(last) if isinstance(holder, dict) else None
    for each in value[:MOST_ELEMENTS] if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            yield each


@lru_cache(maxsize=2048)
def _parts(place: str) -> tuple[str, ...]:
    return tuple(place.split("."))


@lru_cache(maxsize=2048)
def _ways(place: str) -> Ways:
    """For each part of a place, the keys that may stand there: it alone, or joined with those behind it."""
    parts = _parts(place)
    return tuple(
        tuple((".".join(parts[start:end]), end) for end in range(start + 1, len(parts) + 1))
        for start in range(len(parts))
    )


def _collect(value: Any, ways: Ways, start: int, found: list[Any]) -> None:
    """Append the leaves below `value`. Not a generator: a parser asks for dozens of places that are not there."""
    if isinstance(value, dict):
        if start < len(ways):
            for name, end in ways[start]:
                if name in value:
                    _collect(value[name], ways, end, found)
    elif isinstance(value, list):
        for each in value[:MOST_ELEMENTS]:
            if not isinstance(
                each, list
            ):  # lists of lists are no tool's, and would be walked for every place
                _collect(each, ways, start, found)
    elif start == len(ways) and value is not None:
        found.append(value)


def entities_at(record: Record, places: Iterable[Place]) -> Iterator[Entity]:
    """The observables at `places`. A template's field that was never filled in (its own name) is none."""
    flat = any("." in name for name in record)
    for place, kind, role in places:
        if flat or _parts(place)[0] in record:
            for text in texts_at(record, place):
                if text != place:
                    yield from observed(kind, text, role)


def account(name: str, domain: str) -> str:
    """A user with the domain that stands in another field."""
    return f"{domain}\\{name}" if name and domain and "\\" not in name and "@" not in name else name


def by_word(word: str, otherwise: Severity = Severity.WARNING) -> Severity:
    """critical, high, medium, low, informational; security tools have them in common."""
    return BY_WORD.get(word.strip().lower(), otherwise)


def banded(number: float, bands: Iterable[tuple[float, Severity]]) -> Severity:
    """The severity of the first band whose lowest number is reached; the least one below all."""
    return next((severity for lowest, severity in bands if number >= lowest), Severity.INFO)


def expiry(row: Received, settings: Mapping[str, Any]) -> datetime:
    """When an alert counts as expired unless it comes again: `expires_after` seconds of the source's settings, a day
    by default. Most security tools never say that something is over.
    """
    seconds = settings.get("expires_after")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 1e8:
        seconds = EXPIRES_AFTER
    return row.received_at + timedelta(seconds=seconds)


def alarm(
    row: Received,
    *,
    kind: SignalKind = SignalKind.TRIGGER,
    found: Iterable[Entity] = (),
    attack: Iterable[str] = (),
    **fields: Any,
) -> Signal:
    """A security signal; `fields` as `building.built` takes them. `found`: observables as they were met; `attack`:
    texts in which tactics and techniques of ATT&CK are named.
    """
    named = list(attack)
    signal = built(row, kind=kind, security=True, entities=gathered(found), **fields)
    return msgspec.structs.replace(signal, tactics=tactics(named), techniques=techniques(named))


def each(found: Iterable[Record], make: Callable[[int, Record], Iterable[Signal]]) -> list[Signal]:
    """The signals of all records; a record that can't be read doesn't hold up the others.

    Raises the first ParseError where no record could be read.
    """
    signals: list[Signal] = []
    wrong: list[ParseError] = []
    read = 0
    for position, record in enumerate(found):
        try:
            signals += make(position, record)
            read += 1
        except ParseError as error:
            wrong.append(error)
    if wrong and not read:
        raise wrong[0]
    return signals
