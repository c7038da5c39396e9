"""Uptime checks by form fields → signals: StatusCake (`Name`, `Status`, `StatusCode`, `URL`, `IP`, `Tags`),
UptimeRobot (`monitorID`, `monitorFriendlyName`, `alertType`, `alertDetails`) and services that use the same words.

The identity is the monitor's id, else its name and address. A status of up resolves, down triggers (critical); any
other word is a notice (warning) of its own key, so that an up does not end it.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from firstline.intake.entities import observed
from firstline.intake.signal import EntityKind, Signal, SignalKind
from firstline.intake.sources.building import built
from firstline.intake.sources.parsing import ParseError, Received, decode_json, instant, text_of
from firstline.intake.sources.statuscake.severity import DOWN, NOTICE

NAME = (
    "name",
    "monitorfriendlyname",
    "monitorname",
    "testname",
    "checkname",
    "checkdisplayname",
    "title",
    "host",
)
IDENTITY = ("monitorid", "testid", "checkid", "id")
STATE = ("status", "alerttypefriendlyname", "state", "event", "action")
ADDRESS = ("url", "monitorurl", "websiteurl", "checkurl", "target")
DETAILS = ("alertdetails", "details", "message", "reason", "msg")
TIME = ("alertdatetime", "time", "timestamp", "date")
UP = ("up", "ok", "online", "recovered", "resolved", "success", "2")
DOWN_WORDS = ("down", "offline", "failed", "failure", "critical", "error", "1")
NUMBERS = {"1": "down", "2": "up", "3": "certificate notice"}  # UptimeRobot's alertType


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """The one signal of a call. Raises ParseError when nothing names the monitor or its state."""
    fields = _fields(row)
    name, identity, address = _first(fields, NAME), _first(fields, IDENTITY), _first(fields, ADDRESS)
    state = (_first(fields, STATE) or NUMBERS.get(fields.get("alerttype", ""), "")).lower()
    if not state:
        raise ParseError("no field says Status, alertTypeFriendlyName or state", "$.Status")
    monitor = name or address
    if not monitor:
        raise ParseError("no field names the monitor", "$.Name")
    told = state in UP or state in DOWN_WORDS
    key = identity or "/".join(each for each in (name, address) if each)
    code = fields.get("statuscode", "")
    return [
        built(
            row,
            kind=SignalKind.RESOLVE if state in UP else SignalKind.TRIGGER,
            key=key if told else f"{key}/{state}",
            title=f"{monitor} is {state}" if told else f"{monitor}: {state}",
            happened=instant(_first(fields, TIME)),
            texts=(_first(fields, DETAILS), f"Status code {code}" if code else "", address),
            severity=DOWN if told else NOTICE,
            ci=name,
            entities=tuple(observed(EntityKind.IP, fields.get("ip", ""), "target")),
            labels={field: text for field, text in fields.items() if field != "token"},
            links=[(address, "what is watched")],
        )
    ]


def _fields(row: Received) -> dict[str, str]:
    """The fields by their names in lower case, without what separates words."""
    text = row.headers.get("query", "") if not row.body else row.body.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        document = decode_json(row.body)
        pairs = (
            [(str(name), text_of(value)) for name, value in document.items()]
            if isinstance(document, dict)
            else []
        )
    else:
        pairs = parse_qsl(text)
    found = {name.lower().replace("_", "").replace(" ", ""): text_of(value) for name, value in pairs}
    if not found:
        raise ParseError("expected form fields", "$")
    return found


def _first(fields: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((fields[name] for name in names if fields.get(name)), "")
