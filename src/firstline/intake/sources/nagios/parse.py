"""Notifications of Nagios, Icinga and their kin → signals.

A problem belongs to a host, or to a service of a host: `host` or `host!service` is the identity (neither
program lets a name hold an exclamation mark). Acknowledgements acknowledge; flapping, downtime and custom
notifications are notes on what is there, for they say nothing about the state.
"""

from collections.abc import Mapping
from typing import Any

from firstline.intake.entities import observed
from firstline.intake.signal import EntityKind, Link, Signal, SignalKind
from firstline.intake.sources.nagios.log import LINE, event_of
from firstline.intake.sources.nagios.severity import GOOD, NUMBERS, severity_of
from firstline.intake.sources.parsing import (
    ParseError,
    Received,
    bounded_key,
    clamped,
    decode_json,
    headline,
    instant,
    joined,
    string_map,
    text_of,
)

NOTES = {
    "FLAPPINGSTART": "started to flap",
    "FLAPPINGSTOP": "stopped flapping",
    "FLAPPINGEND": "stopped flapping",
    "FLAPPINGDISABLED": "is no longer watched for flapping",
    "DOWNTIMESTART": "entered a scheduled downtime",
    "DOWNTIMEEND": "left its scheduled downtime",
    "DOWNTIMECANCELLED": "had its scheduled downtime cancelled",
    "DOWNTIMEREMOVED": "had its scheduled downtime removed",
    "CUSTOM": "has a notification sent by hand",
}
LABELS = ("host", "service", "address", "state", "state_type", "attempt", "group", "check", "type")


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """The signals of one event, of a list of events, or of lines of the log. Raises ParseError.

    With `ignore_soft` in the source's settings, states that are still being retried are left out.
    """
    soft = not settings.get("ignore_soft")
    events = _events(row)
    return [
        signal
        for position, event in enumerate(events)
        if soft or text_of(event.get("state_type")).upper() != "SOFT"
        for signal in _signals(row, event, position)
    ]


def _events(row: Received) -> list[Mapping[str, Any]]:
    text = row.body.decode("utf-8", "replace").lstrip("\ufeff \r\n\t")
    if LINE.match(text):
        events = [event for line in text.splitlines() if (event := event_of(line)) is not None]
        found = [event for event in events if text_of(event.get("host"))]
        if not found:
            raise ParseError("no line of Nagios' log that is about a state", "line 1")
        return list(found)
    document = decode_json(row.body)
    items = document if isinstance(document, list) else [document]
    for position, item in enumerate(items):
        if not isinstance(item, dict) or not text_of(item.get("host")):
            raise ParseError("expected an event with a host", f"$[{position}].host")
    return items


def _signals(row: Received, event: Mapping[str, Any], position: int) -> list[Signal]:
    state = _state(event)
    kind = "".join(text_of(event.get("type")).upper().split()) or ("RECOVERY" if state in GOOD else "PROBLEM")
    if kind in NOTES:
        return [_signal(row, event, position, SignalKind.NOTE, state, _sentence(event, NOTES[kind]))]
    if kind == "ACKNOWLEDGEMENT":
        said = _sentence(event, "was acknowledged")
        note = [_signal(row, event, position, SignalKind.NOTE, state, said)] if _words(event) else []
        return [_signal(row, event, position, SignalKind.ACKNOWLEDGE, state), *note]
    if kind not in ("PROBLEM", "RECOVERY"):
        raise ParseError(f"unknown notification type {kind!r}", "$.type")
    over = kind == "RECOVERY" or state in GOOD
    return [_signal(row, event, position, SignalKind.RESOLVE if over else SignalKind.TRIGGER, state)]


def _signal(
    row: Received,
    event: Mapping[str, Any],
    position: int,
    kind: SignalKind,
    state: str,
    description: str | None = None,
) -> Signal:
    host, service = text_of(event.get("host")), text_of(event.get("service"))
    output = text_of(event.get("output"))
    about = f"{service} on {host}" if service else host
    title, rest = headline(f"{about} is {state}" + (f": {output}" if output else ""))
    occurred_at, ahead = clamped(instant(event.get("time")), row.received_at)
    url = text_of(event.get("link"))
    return Signal(
        kind=kind,
        key=bounded_key(f"{host}!{service}" if service else host),
        title=title,
        description=joined(rest, text_of(event.get("long_output"))) if description is None else description,
        severity=severity_of(state),
        service=text_of(event.get("business_service")),
        ci=host,
        entities=tuple(observed(EntityKind.HOST, host)),
        labels=string_map({name: event.get(name) for name in LABELS}),
        links=(Link(url, "monitoring"),) if url.startswith(("http://", "https://")) else (),
        occurred_at=occurred_at,
        clock_ahead=ahead,
        row=row.id,
        position=position,
    )


def _state(event: Mapping[str, Any]) -> str:
    """The state in capitals. Numbers are the exit status of a plugin; Icinga's hosts have 0 and 1 only."""
    text = text_of(event.get("state")).upper()
    if text not in NUMBERS:
        return text or "UNKNOWN"
    if text_of(event.get("service")):
        return NUMBERS[text]
    return "UP" if text == "0" else "DOWN"


def _words(event: Mapping[str, Any]) -> str:
    return text_of(event.get("comment"))


def _sentence(event: Mapping[str, Any], happened: str) -> str:
    host, service = text_of(event.get("host")), text_of(event.get("service"))
    by = f" by {author}" if (author := text_of(event.get("author"))) else ""
    what = f"{service} on {host}" if service else host
    return joined(f"{what} {happened}{by}.", _words(event))
