"""Wazuh alerts, as its integrator posts them → security signals.

Accepts the alert itself, the alert inside the integrations' usual wrappers (`all_fields`, `_source`,
`alert`), a list of alerts, and the short form of scripts (`message`, `severity`, `description`). Wazuh
never says that something is over: a signal expires `expires_after` seconds (a day by default) after the
last one of its key.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from firstline.intake.signal import Signal, SignalKind
from firstline.intake.sources.parsing import (
    ParseError,
    Received,
    bounded_key,
    clamped,
    decode_json,
    digest,
    headline,
    instant,
    joined,
    string_map,
    text_of,
)
from firstline.intake.sources.wazuh.entities import entities_of
from firstline.intake.sources.wazuh.severity import severity_of

WRAPPERS = ("all_fields", "_source", "alert")
EXPIRES_AFTER = 24 * 3600


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """One signal per alert. Raises ParseError where there is neither a rule nor a message."""
    document = decode_json(row.body)
    items = document if isinstance(document, list) else [document]
    return [
        _signal(row, settings, position, _unwrapped(item, position)) for position, item in enumerate(items)
    ]


def _unwrapped(item: object, position: int) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise ParseError("expected an alert as an object", f"$[{position}]")
    for name in WRAPPERS:
        inner = item.get(name)
        if isinstance(inner, dict) and isinstance(inner.get("rule"), dict):
            return inner
    return item


def _signal(row: Received, settings: Mapping[str, Any], position: int, alert: Mapping[str, Any]) -> Signal:
    rule, agent, data = _part(alert, "rule"), _part(alert, "agent"), _part(alert, "data")
    title, rest = headline(
        text_of(rule.get("description")) or text_of(alert.get("message") or alert.get("title"))
    )
    if not title:
        raise ParseError("neither rule.description nor message", "$.rule.description")
    happened = instant(alert.get("timestamp") or alert.get("@timestamp") or alert.get("created_at"))
    occurred_at, ahead = clamped(happened, row.received_at)
    mitre = _part(rule, "mitre")
    return Signal(
        kind=SignalKind.TRIGGER,
        key=_key(alert, rule, agent, data, title),
        title=title,
        description=joined(rest, text_of(alert.get("description")), text_of(alert.get("full_log"))),
        severity=severity_of(text_of(rule.get("level")) or text_of(alert.get("severity"))),
        ci=text_of(agent.get("name")),
        security=True,
        entities=entities_of(alert),
        tactics=tuple(_texts(mitre.get("tactic"))),
        techniques=tuple(_texts(mitre.get("id"))),
        labels=_labels(alert, rule, agent),
        occurred_at=occurred_at,
        clock_ahead=ahead,
        ends_at=row.received_at + _lifetime(settings),
        row=row.id,
        position=position,
    )


def _key(
    alert: Mapping[str, Any],
    rule: Mapping[str, Any],
    agent: Mapping[str, Any],
    data: Mapping[str, Any],
    title: str,
) -> str:
    """Rule, agent and where it came from: the same attacker on the same machine by the same rule is
    one alert.
    """
    if not rule.get("id"):
        return digest(title, text_of(agent.get("name")))
    where = text_of(agent.get("id")) or text_of(agent.get("name"))
    origin = text_of(data.get("srcip") or data.get("src_ip"))
    return bounded_key("/".join(part for part in (text_of(rule.get("id")), where, origin) if part))


def _labels(alert: Mapping[str, Any], rule: Mapping[str, Any], agent: Mapping[str, Any]) -> dict[str, str]:
    return string_map(
        {
            "rule": rule.get("id"),
            "level": rule.get("level"),
            "groups": rule.get("groups"),
            "technique": _part(rule, "mitre").get("technique"),
            "agent": agent.get("name"),
            "manager": _part(alert, "manager").get("name"),
            "decoder": _part(alert, "decoder").get("name"),
            "location": alert.get("location"),
        }
    )


def _lifetime(settings: Mapping[str, Any]) -> timedelta:
    seconds = settings.get("expires_after")
    usable = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 1e8
    return timedelta(seconds=seconds if usable else EXPIRES_AFTER)  # type: ignore[arg-type]


def _part(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = values.get(name)
    return part if isinstance(part, dict) else {}


def _texts(values: object) -> Iterator[str]:
    for value in values if isinstance(values, list) else [values]:
        if text := text_of(value):
            yield text
