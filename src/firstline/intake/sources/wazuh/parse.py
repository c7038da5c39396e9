"""Wazuh alerts, as its integrator posts them → security signals.

Accepts the alert itself, a list of alerts or one a line, the alert inside the integrations' usual wrappers
(`all_fields`, `_source`, `alert`), the short form of scripts (`message`, `severity`, `description`), and what
`syslog_output` writes in its JSON format. Wazuh never says that something is over: a signal expires `expires_after`
seconds (a day by default) after the last one of its key.
"""

import re
from collections.abc import Mapping
from typing import Any

from firstline.intake.entities import ip
from firstline.intake.signal import Signal
from firstline.intake.sources.parsing import ParseError, Received, bounded_key, digest, instant, text_of
from firstline.intake.sources.security import (
    Record,
    alarm,
    each,
    expiry,
    part_at,
    records,
    text_at,
    texts_at,
)
from firstline.intake.sources.wazuh.entities import entities_of
from firstline.intake.sources.wazuh.severity import severity_of

AGENT = re.compile(r"\((?P<name>[^)]+)\) (?P<ip>[^-\s]+)")  # "(web1) 10.0.0.1->/var/log/auth.log"


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """One signal per alert. Raises ParseError where there is neither a rule nor a message."""
    found = records(row, _fits, "an alert with rule.description or message")
    return each(found, lambda position, alert: [_signal(row, settings, position, _common(alert))])


def is_alert(record: Record) -> bool:
    """Whether this is Wazuh's own shape: a rule with description or id, or that of `syslog_output`."""
    rule = record.get("rule")
    return (isinstance(rule, dict) and ("description" in rule or "id" in rule)) or (
        "crit" in record and "component" in record
    )


def _fits(record: Record) -> bool:
    """Scripts send the bare minimum: a text with a severity. Their wrapper loses to the alert within it."""
    if is_alert(record):
        return True
    wrapped = any(isinstance(record.get(name), dict) for name in ("all_fields", "_source", "alert"))
    return not wrapped and bool(text_of(record.get("message")) or text_of(record.get("title")))


def _common(alert: Record) -> Record:
    """`syslog_output`'s JSON in the words of an alert."""
    if "crit" not in alert or "rule" in alert:
        return alert
    match = AGENT.match(text_of(alert.get("component")))
    agent = match.groupdict() if match else {"name": text_of(alert.get("hostname"))}
    rule = {"level": alert["crit"], "id": alert.get("id"), "description": alert.get("description")}
    return {**alert, "rule": rule, "agent": agent, "full_log": alert.get("message"), "description": None}


def _signal(row: Received, settings: Mapping[str, Any], position: int, alert: Record) -> Signal:
    rule = part_at(alert, "rule")
    title = text_of(rule.get("description")) or text_of(alert.get("message") or alert.get("title"))
    if not title:
        raise ParseError("neither rule.description nor message", f"$[{position}].rule.description")
    return alarm(
        row,
        key=_key(alert, rule, title),
        title=title,
        texts=texts_at(alert, "description", "full_log"),
        severity=severity_of(text_of(rule.get("level")) or text_of(alert.get("severity"))),
        ci=text_at(alert, "agent.name"),
        found=entities_of(alert),
        attack=texts_at(alert, "rule.mitre.tactic", "rule.mitre.id"),
        labels={
            "rule": rule.get("id"),
            "level": rule.get("level"),
            "groups": rule.get("groups"),
            "technique": ", ".join(texts_at(alert, "rule.mitre.technique")),
            "agent": text_at(alert, "agent.name"),
            "manager": text_at(alert, "manager.name"),
            "decoder": text_at(alert, "decoder.name"),
            "location": alert.get("location"),
        },
        happened=instant(alert.get("timestamp") or alert.get("@timestamp") or alert.get("created_at")),
        ends_at=expiry(row, settings),
        position=position,
    )


def _key(alert: Record, rule: Record, title: str) -> str:
    """Rule, agent and where it came from: the same attacker on the same machine by the same rule is
    one alert.
    """
    if not rule.get("id"):
        return digest(title, text_at(alert, "agent.name"))
    origin = text_at(alert, "data.srcip", "data.src_ip")
    where = text_at(alert, "agent.id", "agent.name")
    return bounded_key("/".join(part for part in (text_of(rule["id"]), where, ip(origin) or origin) if part))
