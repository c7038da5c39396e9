"""Elastic detection alerts: documents in ECS with `kibana.alert.*` (or the `signal.*` of 7.x) → security signals.

Identity: rule, host (else user) and source address, as an analyst would count them; each document has an id of its
own, which is kept as a label. A document whose workflow is closed, or whose status is recovered, resolves;
acknowledged acknowledges. What is never closed expires `expires_after` seconds after the last one (a day).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from firstline.intake.entities import observed
from firstline.intake.signal import Entity, EntityKind, Signal, SignalKind
from firstline.intake.sources.elastic_security.severity import severity_of
from firstline.intake.sources.parsing import ParseError, Received, bounded_key, digest, instant
from firstline.intake.sources.security import (
    Place,
    Record,
    account,
    alarm,
    each,
    entities_at,
    expiry,
    records,
    text_at,
    texts_at,
)

PLACES: tuple[Place, ...] = (
    ("host.name", EntityKind.HOST, "target"),
    ("host.hostname", EntityKind.HOST, "target"),
    ("host.ip", EntityKind.IP, "target"),
    ("source.ip", EntityKind.IP, "source"),
    ("source.domain", EntityKind.DOMAIN, "source"),
    ("client.ip", EntityKind.IP, "source"),
    ("destination.ip", EntityKind.IP, "target"),
    ("destination.domain", EntityKind.DOMAIN, "target"),
    ("server.ip", EntityKind.IP, "target"),
    ("user.target.name", EntityKind.USER, "target"),
    ("process.parent.executable", EntityKind.PROCESS, "parent"),
    ("file.hash.md5", EntityKind.FILE_HASH, ""),
    ("file.hash.sha1", EntityKind.FILE_HASH, ""),
    ("file.hash.sha256", EntityKind.FILE_HASH, ""),
    ("process.hash.md5", EntityKind.FILE_HASH, ""),
    ("process.hash.sha1", EntityKind.FILE_HASH, ""),
    ("process.hash.sha256", EntityKind.FILE_HASH, ""),
    ("dll.hash.sha256", EntityKind.FILE_HASH, ""),
    ("url.full", EntityKind.URL, ""),
    ("url.original", EntityKind.URL, ""),
    ("url.domain", EntityKind.DOMAIN, "target"),
    ("dns.question.name", EntityKind.DOMAIN, "target"),
)
ATTACK = tuple(
    f"{prefix}.{part}"
    for prefix in (
        "kibana.alert.rule.threat",
        "kibana.alert.rule.parameters.threat",
        "signal.rule.threat",
        "threat",
    )
    for part in ("tactic.id", "tactic.name", "technique.id", "technique.subtechnique.id")
)
RULE = ("kibana.alert.rule.name", "signal.rule.name", "rule.name", "rule_name")
RULE_ID = (
    "kibana.alert.rule.rule_id", "signal.rule.rule_id", "kibana.alert.rule.uuid", "signal.rule.id", "rule.id",
)  # fmt: skip


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """One signal per alert document. Raises ParseError where none has the name of a rule."""
    found = records(row, is_alert, "a detection alert with kibana.alert.rule.name")
    return each(found, lambda position, record: [_signal(row, settings, position, record)])


def is_alert(record: Record) -> bool:
    """Whether the document names a detection rule."""
    return bool(text_at(record, *RULE[:2])) or bool(
        text_at(record, "rule.name") and text_at(record, "@timestamp", "kibana.alert.uuid")
    )


def _signal(row: Received, settings: Mapping[str, Any], position: int, alert: Record) -> Signal:
    title = text_at(alert, *RULE)
    if not title:
        raise ParseError("the alert names no rule", "$.kibana.alert.rule.name")
    kind = _kind(alert)
    return alarm(
        row,
        kind=kind,
        key=_key(alert, title),
        title=title,
        texts=texts_at(
            alert,
            "kibana.alert.reason",
            "signal.reason",
            "kibana.alert.rule.description",
            "signal.rule.description",
            "process.command_line",
        ),
        severity=severity_of(
            text_at(alert, "kibana.alert.severity", "kibana.alert.rule.severity", "signal.rule.severity"),
            text_at(
                alert, "kibana.alert.risk_score", "kibana.alert.rule.risk_score", "signal.rule.risk_score"
            ),
        ),
        ci=text_at(alert, "host.name", "host.hostname"),
        found=_entities(alert),
        attack=texts_at(alert, *ATTACK),
        labels={
            "rule": text_at(alert, *RULE_ID),
            "alert": text_at(alert, "kibana.alert.uuid", "_id"),
            "risk_score": text_at(alert, "kibana.alert.risk_score", "signal.rule.risk_score"),
            "module": text_at(alert, "event.module", "event.dataset"),
            "action": text_at(alert, "event.action"),
            "space": text_at(alert, "kibana.space_ids"),
        },
        links=[(text_at(alert, "kibana.alert.url"), "Kibana")],
        happened=instant(text_at(alert, "kibana.alert.original_time", "signal.original_time", "@timestamp")),
        ends_at=expiry(row, settings) if kind is SignalKind.TRIGGER else None,
        position=position,
    )


def _kind(alert: Record) -> SignalKind:
    workflow = text_at(alert, "kibana.alert.workflow_status", "signal.status").lower()
    if workflow == "closed" or text_at(alert, "kibana.alert.status").lower() == "recovered":
        return SignalKind.RESOLVE
    return SignalKind.ACKNOWLEDGE if workflow in ("acknowledged", "in-progress") else SignalKind.TRIGGER


def _key(alert: Record, title: str) -> str:
    rule = text_at(alert, *RULE_ID) or digest(title)
    where = text_at(alert, "host.name", "host.id", "host.hostname", "user.name", "cloud.account.id")
    return bounded_key("/".join(part for part in (rule, where.lower(), text_at(alert, "source.ip")) if part))


def _entities(alert: Record) -> Iterator[Entity]:
    yield from entities_at(alert, PLACES)
    user = account(text_at(alert, "user.name"), text_at(alert, "user.domain"))
    yield from observed(EntityKind.USER, user, "actor")
    program = text_at(alert, "process.executable", "process.name")
    yield from observed(EntityKind.PROCESS, program, "actor")
