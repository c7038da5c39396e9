"""Opsgenie's alert requests → signals.

The alias is the identity; an alert created without one has the id of its request as alias, which Opsgenie's
answer tells. A note beside an action is a signal of its own, and comes first: an incident that ends by the
action still gets it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from firstline.intake.signal import Signal, SignalKind
from firstline.intake.sources.alertmanager.severity import SEVERITIES as BY_NAME
from firstline.intake.sources.opsgenie.calls import BASE, Call, call_of
from firstline.intake.sources.opsgenie.severity import severity_of
from firstline.intake.sources.parsing import (
    ParseError,
    Received,
    bounded_key,
    decode_as,
    headline,
    joined,
    string_map,
    text_of,
)

KINDS = {"acknowledge": SignalKind.ACKNOWLEDGE, "close": SignalKind.RESOLVE}
SERVICES = ("service", "Service", "app", "application", "job")
ITEMS = ("host", "hostname", "Host", "instance", "node", "device")


class Alert(msgspec.Struct):
    """Only what decides; a slip in a detail must not lose the alert."""

    message: Any = None
    alias: Any = None
    description: Any = None
    entity: Any = None
    source: Any = None
    priority: Any = None
    tags: Any = None
    details: Any = None
    responders: Any = None
    user: Any = None
    note: Any = None


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """The signals of one request. Raises ParseError for an operation or a body that isn't one of the API's."""
    call = call_of(
        row.headers.get(":method", "POST"), row.headers.get(":path") or BASE, row.headers.get(":query", "")
    )
    if not call.sends:
        raise ParseError("this operation of Opsgenie's API sends nothing", "path")
    alert = decode_as(row.body, Alert) if row.body.strip() else Alert()
    if call.action == "create":
        return _created(row, alert)
    if call.by != "alias":
        raise ParseError("the alert is named by an id that was not translated", "identifierType")
    key = alias_key(call.identifier)
    if not key:
        raise ParseError("no alias", "path")
    return [*_note(row, alert, key), *_action(row, alert, call, key)]


def alias_key(alias: str) -> str:
    """The dedup key of an alias."""
    return bounded_key(alias)


def _created(row: Received, alert: Alert) -> list[Signal]:
    title, rest = headline(text_of(alert.message))
    if not title:
        raise ParseError("an alert needs a message", "$.message")
    key = alias_key(text_of(alert.alias) or row.dedup_key or f"request-{row.id}")
    details = alert.details if isinstance(alert.details, dict) else {}
    labels = string_map(
        {
            **{name: value for name, value in details.items() if not isinstance(value, dict | list)},
            "tags": alert.tags,
            "source": alert.source,
            "entity": alert.entity,
            "responders": _responders(alert.responders),
        }
    )
    severity = severity_of(text_of(alert.priority))
    if not text_of(alert.priority):
        severity = BY_NAME.get(labels.get("severity", "").lower(), severity)
    created = Signal(
        kind=SignalKind.TRIGGER,
        key=key,
        title=title,
        description=joined(rest, text_of(alert.description)),
        severity=severity,
        service=_first(labels, SERVICES),
        ci=_first(labels, ITEMS) or text_of(alert.entity),
        security=labels.get("security", "").lower() == "true",
        labels=labels,
        occurred_at=row.received_at,
        row=row.id,
    )
    return [created, *_note(row, alert, key)]


def _action(row: Received, alert: Alert, call: Call, key: str) -> list[Signal]:
    kind = KINDS.get(call.action)
    if kind is None:
        return []
    return [Signal(kind=kind, key=key, title=key, occurred_at=row.received_at, row=row.id)]


def _note(row: Received, alert: Alert, key: str) -> list[Signal]:
    note = text_of(alert.note)
    if not note:
        return []
    author = text_of(alert.user)
    return [
        Signal(
            kind=SignalKind.NOTE,
            key=key,
            title=key,
            description=note,
            labels={"author": author} if author else {},
            occurred_at=row.received_at,
            row=row.id,
        )
    ]


def _responders(responders: object) -> list[str]:
    found = [each for each in responders if isinstance(each, dict)] if isinstance(responders, list) else []
    return [text_of(each.get("name") or each.get("username") or each.get("id")) for each in found]


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")
