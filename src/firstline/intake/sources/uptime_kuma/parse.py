"""Uptime Kuma's webhook → signals.

The identity is the monitor's id. Status 0 (down) triggers, 1 (up) resolves; 2 (pending) and 3 (maintenance) say
nothing yet and give no signal. A notice without a heartbeat (a certificate that runs out, a test) is an alert of its
own, identified by its text without numbers, so that tomorrow's notice about the same certificate is the same alert.
"""

import re
from collections.abc import Mapping
from email import message_from_bytes
from typing import Any

import msgspec

from firstline.intake.signal import Signal, SignalKind
from firstline.intake.sources.building import at, built
from firstline.intake.sources.parsing import (
    ParseError,
    Received,
    decode_as,
    decode_json,
    digest,
    instant,
    text_of,
)
from firstline.intake.sources.uptime_kuma.severity import DOWN, NOTICE

KINDS = {"0": SignalKind.TRIGGER, "1": SignalKind.RESOLVE}


class Notification(msgspec.Struct, frozen=True):
    """What the webhook sends: a beat of a monitor, or only a text."""

    heartbeat: dict[str, Any] | None = None
    monitor: dict[str, Any] | None = None
    msg: Any = None


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """At most one signal. Raises ParseError when there is neither a beat nor a text."""
    body = _json_of_form(row) if row.content_type.lower().startswith("multipart/") else row.body
    said = decode_as(body, Notification)
    text = text_of(said.msg)
    if said.heartbeat is None:
        if not text:
            raise ParseError("expected heartbeat and monitor, or msg", "$")
        return [
            built(
                row,
                kind=SignalKind.TRIGGER,
                key=f"notice/{digest(re.sub(r'[0-9]+', '', text))}",
                title=text,
                severity=NOTICE,
                ci=at(said.monitor, "$.name"),
            )
        ]
    kind = KINDS.get(text_of(said.heartbeat.get("status")))
    return [] if kind is None else [_beat(row, said.heartbeat, said.monitor or {}, text, kind)]


def _beat(
    row: Received, beat: Mapping[str, Any], monitor: Mapping[str, Any], text: str, kind: SignalKind
) -> Signal:
    number = at(monitor, "$.id") or at(beat, "$.monitorID", "$.monitor_id")
    name = at(monitor, "$.pathName", "$.name") or (f"Monitor {number}" if number else text)
    if not name:
        raise ParseError("a monitor needs a name", "$.monitor.name")
    state = "is down" if kind is SignalKind.TRIGGER else "is up"
    return built(
        row,
        kind=kind,
        key=f"monitor/{number or digest(name)}",
        title=f"{name} {state}",
        happened=instant(_when(beat)),
        texts=(at(beat, "$.msg"), text),
        severity=DOWN,
        service=_tags(monitor).get("service", ""),
        ci=at(monitor, "$.hostname", "$.name"),
        labels={**_tags(monitor), "type": monitor.get("type"), "url": monitor.get("url")},
        links=[(monitor.get("url"), "what is watched")],
    )


def _when(beat: Mapping[str, Any]) -> str:
    """`time` is UTC without saying so; with a stated offset, `localDateTime` is the same instant."""
    return text_of(beat.get("time"))


def _tags(monitor: Mapping[str, Any]) -> dict[str, str]:
    found = monitor.get("tags")
    tags = found if isinstance(found, list) else []
    return {
        text_of(tag.get("name")): text_of(tag.get("value")) or "yes"
        for tag in tags
        if isinstance(tag, dict) and text_of(tag.get("name"))
    }


def _json_of_form(row: Received) -> bytes:
    """The field `data` of the multipart preset."""
    message = message_from_bytes(
        b"Content-Type: " + row.content_type.encode("latin-1", "replace") + b"\r\n\r\n" + row.body
    )
    for each in message.walk():
        disposition = str(each.get("content-disposition", ""))
        if 'name="data"' in disposition:
            payload = each.get_payload(decode=True)
            if isinstance(payload, bytes):
                decode_json(payload)
                return payload
    raise ParseError("the form has no field data", "$")
