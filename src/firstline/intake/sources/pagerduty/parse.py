"""PagerDuty Events v1 and v2 → signals.

One request is one event. A trigger without `dedup_key` is always a new alert: the gateway invented a
key, answered it, and stored it with the row. Change events become change signals.
"""

from collections.abc import Mapping
from typing import Any

from firstline.intake.signal import Link, Signal, SignalKind
from firstline.intake.sources.pagerduty.severity import severity_of
from firstline.intake.sources.pagerduty.wire import Event, Payload
from firstline.intake.sources.parsing import (
    ParseError,
    Received,
    bounded_key,
    clamped,
    decode_as,
    headline,
    instant,
    joined,
    string_map,
    text_of,
)

ACTIONS = {
    "trigger": SignalKind.TRIGGER,
    "acknowledge": SignalKind.ACKNOWLEDGE,
    "resolve": SignalKind.RESOLVE,
}


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """The one signal of an event. Raises ParseError for an action that PagerDuty doesn't know."""
    event = decode_as(row.body, Event)
    if row.kind == "change":
        return [_change(row, event)]
    words = ""
    if event.is_v1:
        words, event = text_of(event.description), event.as_v2()
    kind = ACTIONS.get(event.event_action.strip().lower())
    if kind is None:
        raise ParseError(f"unknown event_action {event.event_action!r}", "$.event_action")
    key = bounded_key(text_of(event.dedup_key) or row.dedup_key or "")
    if not key:
        raise ParseError("an acknowledge or resolve needs its dedup_key", "$.dedup_key")
    signal = _signal(row, event, kind, key)
    if words and kind is not SignalKind.TRIGGER:  # of version 1: a text for the incident's log
        return [_note(row, key, words), signal]
    return [signal]


def _note(row: Received, key: str, words: str) -> Signal:
    return Signal(
        kind=SignalKind.NOTE,
        key=key,
        title=key,
        description=words,
        occurred_at=row.received_at,
        row=row.id,
    )


def _signal(row: Received, event: Event, kind: SignalKind, key: str) -> Signal:
    payload = event.payload or Payload()
    title, rest = headline(text_of(payload.summary) or key)
    occurred_at, ahead = clamped(instant(payload.timestamp), row.received_at)
    return Signal(
        kind=kind,
        key=key,
        title=title,
        description=joined(rest, _details(payload.custom_details)),
        severity=severity_of(text_of(payload.severity)),
        service=_detail(payload.custom_details, "service"),
        ci=text_of(payload.source),
        occurred_at=occurred_at,
        clock_ahead=ahead,
        labels=_labels(event, payload),
        links=_links(event),
        security=_detail(payload.custom_details, "security").lower() == "true",
        row=row.id,
    )


def _change(row: Received, event: Event) -> Signal:
    payload = event.payload or Payload()
    summary = text_of(payload.summary)
    if not summary:
        raise ParseError("a change event needs a summary", "$.payload.summary")
    title, rest = headline(summary)
    occurred_at, ahead = clamped(instant(payload.timestamp), row.received_at)
    return Signal(
        kind=SignalKind.CHANGE,
        key=f"change-{row.id}",
        title=title,
        description=joined(rest, _details(payload.custom_details)),
        service=_detail(payload.custom_details, "service"),
        ci=text_of(payload.source),
        occurred_at=occurred_at,
        clock_ahead=ahead,
        labels=_labels(event, payload),
        links=_links(event),
        row=row.id,
    )


def _labels(event: Event, payload: Payload) -> dict[str, str]:
    named = {"component": payload.component, "group": payload.group, "class": payload.class_}
    return string_map({**_scalars(payload.custom_details), **named, "client": event.client})


def _scalars(details: object) -> dict[str, Any]:
    if not isinstance(details, dict):
        return {}
    return {name: value for name, value in details.items() if not isinstance(value, dict | list)}


def _detail(details: object, name: str) -> str:
    return text_of(details.get(name)) if isinstance(details, dict) else ""


def _details(details: object) -> str:
    if isinstance(details, dict):
        return "\n".join(f"{name}: {text}" for name, value in details.items() if (text := text_of(value)))
    return text_of(details)


def _links(event: Event) -> tuple[Link, ...]:
    found = [Link(text_of(event.client_url), text_of(event.client))] if text_of(event.client_url) else []
    for items, place in ((event.links, "href"), (event.images, "src")):
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict) and (href := text_of(item.get(place))):
                found.append(Link(href, text_of(item.get("text") or item.get("alt"))))
    return tuple(found)
