"""CloudEvents 1.0 → signals: one per event.

The data is read like generic JSON: a title, a severity, a state, a key are looked for. What it doesn't say comes
from the attributes: the title from `type` and `subject`; resolve, acknowledge or trigger from the last word of
`type` (`…alert.resolved`, `…check.ok`); the identity from `source` with `subject`, or with the type without that last
word. An event's `id` is of one event and never an identity. Resolve therefore needs the same source and subject.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from firstline.intake.signal import Signal
from firstline.intake.sources.building import built
from firstline.intake.sources.cloudevents.severity import severity_of
from firstline.intake.sources.generic.guess import guessed
from firstline.intake.sources.generic.mapping import ACKNOWLEDGED, RESOLVED, kind_of_word
from firstline.intake.sources.generic.mapping import Mapping as Places
from firstline.intake.sources.generic.paths import render
from firstline.intake.sources.parsing import ParseError, Received, decode_json, instant, text_of

STATES = (
    *RESOLVED,
    *ACKNOWLEDGED,
    "triggered",
    "trigger",
    "firing",
    "opened",
    "open",
    "created",
    "raised",
    "failed",
)
OWN = frozenset({"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"})


class Event(msgspec.Struct, frozen=True):
    """One event in the structured mode; extensions are whatever else stands beside these."""

    source: Any = None
    type: Any = None
    id: Any = None
    specversion: Any = None
    subject: Any = None
    time: Any = None
    datacontenttype: Any = None
    data: Any = None
    data_base64: Any = None
    severitynumber: Any = None
    severitytext: Any = None


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """One signal per event. Raises ParseError for an element that is none, naming its place."""
    if "ce-specversion" in row.headers:
        return [_signal(row, _binary(row), _data_of_body(row), 0)]
    document = decode_json(row.body)
    events = document if isinstance(document, list) else [document]
    return [_structured(row, event, position) for position, event in enumerate(events)]


def _structured(row: Received, value: object, position: int) -> Signal:
    place = f"$[{position}]"
    if not isinstance(value, dict):
        raise ParseError("expected an event as an object", place)
    data = value.get("data")
    if data is None and isinstance(value.get("data_base64"), str):
        try:
            data = _read(base64.b64decode(value["data_base64"], validate=True))
        except (binascii.Error, ValueError):
            raise ParseError("data_base64 is not base64", f"{place}.data_base64") from None
    return _signal(row, value, data, position)


def _binary(row: Received) -> dict[str, Any]:
    """The attributes in the headers, whose values are percent-encoded where they aren't printable ASCII."""
    return {
        name.removeprefix("ce-"): unquote(text)
        for name, text in row.headers.items()
        if name.startswith("ce-")
    }


def _data_of_body(row: Received) -> Any:
    return _read(row.body) if row.body else None


def _read(raw: bytes) -> Any:
    """JSON where it is, else the text."""
    try:
        return decode_json(raw)
    except ParseError:
        return raw.decode("utf-8", "replace")


def _signal(row: Received, attributes: Mapping[str, Any], data: Any, position: int) -> Signal:
    event = msgspec.convert({name: attributes[name] for name in attributes if isinstance(name, str)}, Event)
    kind_of_event, source = text_of(event.type), text_of(event.source)
    if not kind_of_event or not source:
        raise ParseError("an event needs a type and a source", f"$[{position}]")
    places = guessed(data) if isinstance(data, dict) else Places()
    subject = text_of(event.subject)
    stem, state = _split(kind_of_event)
    said = {
        name: render(data, getattr(places, name))
        for name in ("title", "description", "state", "severity", "key")
    }
    kind = kind_of_word(said["state"] or state, places)
    return built(
        row,
        kind=kind,
        key=said["key"] or "/".join(each for each in (source, subject or stem) if each),
        title=said["title"] or ": ".join(each for each in (kind_of_event, subject) if each),
        happened=instant(render(data, places.occurred_at)) or instant(event.time),
        texts=(said["description"], data if isinstance(data, str) else ""),
        severity=severity_of(text_of(event.severitynumber), text_of(event.severitytext), said["severity"]),
        service=render(data, places.service),
        ci=render(data, places.ci) or subject,
        labels={
            "type": kind_of_event,
            "source": source,
            "subject": subject,
            **{
                name: value
                for name, value in attributes.items()
                if name not in OWN and not name.startswith("data")
            },
        },
        links=[(render(data, places.link), "event"), (source, "source")],
        position=position,
    )


def _split(name: str) -> tuple[str, str]:
    """The type without its last word, and that word, where it says a state."""
    stem, dot, last = name.rpartition(".")
    return (stem, last.lower()) if dot and last.lower() in STATES else (name, "")
