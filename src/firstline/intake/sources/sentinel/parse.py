"""Microsoft Sentinel incidents and Defender alerts → security signals.

Understands what Sentinel's incident trigger gives a Logic App (`object.properties`, or the incident alone), Defender's
alerts as Microsoft Graph lists them, and the streamed tables AlertInfo and AlertEvidence; the latter is evidence of
an alert that is sent by itself, so it is kept and makes no alert.

Identity: the incident's name (a GUID), or the alert's id. Closed and resolved resolve, active and in progress
acknowledge as well. An incident lives until it is closed there.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from firstline.intake.signal import Entity, Signal, SignalKind
from firstline.intake.sources.parsing import ParseError, Received, bounded_key, digest, instant, text_of
from firstline.intake.sources.security import (
    Record,
    alarm,
    each,
    objects_at,
    part_at,
    records,
    text_at,
    texts_at,
)
from firstline.intake.sources.sentinel.evidence import entities_of
from firstline.intake.sources.sentinel.severity import severity_of

STREAMED = "AdvancedHunting-"
OVER = frozenset({"closed", "resolved", "dismissed"})
AT_IT = frozenset({"active", "inprogress", "in progress"})


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """The signals of all incidents and alerts. Raises ParseError where there is neither."""
    found = records(row, _fits, "an incident of Sentinel or an alert of Defender with title and severity")
    return each(found, lambda position, record: _signals(row, position, record))


def _fits(record: Record) -> bool:
    return (
        isinstance(_properties(record).get("title"), str)
        or text_of(record.get("category")).startswith(STREAMED)
        or ("alertDisplayName" in record and "severity" in record)
    )


def _properties(record: Record) -> Record:
    """The fields: of an incident in ARM's form within `properties`, of an alert of Graph at the top."""
    inner = record.get("properties")
    return inner if isinstance(inner, dict) and "title" in inner else record


def _signals(row: Received, position: int, record: Record) -> Iterator[Signal]:
    if text_of(record.get("category")).startswith(STREAMED):
        yield from _streamed(row, position, record)
        return
    fields = _properties(record)
    title = text_at(fields, "title", "alertDisplayName")
    if not title:
        raise ParseError("no title", f"$[{position}].properties.title")
    status = text_at(fields, "status").lower()
    kind = SignalKind.RESOLVE if status in OVER else SignalKind.TRIGGER
    signal = alarm(
        row,
        kind=kind,
        key=_key(record, fields, title),
        title=title,
        texts=texts_at(fields, "description", "recommendedActions", "classificationComment"),
        severity=severity_of(text_at(fields, "severity")),
        ci=_machine(fields),
        found=_entities(fields),
        attack=_attack(fields),
        labels=_labels(record, fields),
        links=[
            (text_at(fields, "incidentUrl", "alertWebUrl"), "Microsoft"),
            (text_at(fields, "incidentWebUrl"), "incident"),
        ],
        happened=instant(
            text_at(
                fields,
                "lastActivityTimeUtc",
                "lastActivityDateTime",
                "lastEventTime",
                "lastUpdateDateTime",
                "createdTimeUtc",
                "createdDateTime",
                "alertCreationTime",
            )
        ),
        position=position,
    )
    yield signal
    if status in AT_IT and kind is SignalKind.TRIGGER:
        yield alarm(row, kind=SignalKind.ACKNOWLEDGE, key=signal.key, title=title, position=position)


def _streamed(row: Received, position: int, record: Record) -> Iterator[Signal]:
    """A row of a table that Defender streams to an event hub; only AlertInfo is an alert."""
    fields = part_at(record, "properties")
    title = text_at(fields, "Title")
    if text_of(record.get("category")) != f"{STREAMED}AlertInfo" or not title:
        return
    yield alarm(
        row,
        key=bounded_key(text_at(fields, "AlertId") or digest(title)),
        title=title,
        severity=severity_of(text_at(fields, "Severity")),
        attack=texts_at(fields, "Category", "AttackTechniques"),
        labels={"product": text_at(fields, "ServiceSource"), "detector": text_at(fields, "DetectionSource")},
        happened=instant(text_at(fields, "Timestamp") or text_of(record.get("time"))),
        position=position,
    )


def _key(record: Record, fields: Record, title: str) -> str:
    name = text_at(record, "name") if fields is not record else ""
    return bounded_key(
        name
        or text_at(record, "id", "alertId").rpartition("/")[2]
        or text_at(fields, "incidentNumber", "systemAlertId", "providerAlertId")
        or digest(title, text_at(fields, "incidentUrl"))
    )


def _evidence(fields: Record) -> Iterator[Record]:
    for place in ("relatedEntities", "evidence", "entities"):
        yield from objects_at(fields, place)


def _entities(fields: Record) -> Iterator[Entity]:
    for one in _evidence(fields):
        yield from entities_of(one)
    yield from entities_of(
        {"computerDnsName": text_at(fields, "computerDnsName"), "evidenceRole": "impacted"}
    )


def _machine(fields: Record) -> str:
    """The first machine that is named."""
    named = text_at(fields, "computerDnsName")
    hosts = (
        entity.value for one in _evidence(fields) for entity in entities_of(one) if entity.kind == "host"
    )
    return named or next(hosts, "")


def _attack(fields: Record) -> list[str]:
    return texts_at(
        fields, "additionalData.tactics", "additionalData.techniques", "alerts.properties.tactics", "mitreTechniques",
        "category", "tactics", "techniques",
    )  # fmt: skip


def _labels(record: Record, fields: Record) -> dict[str, Any]:
    return {
        "number": text_at(fields, "incidentNumber", "incidentId"),
        "status": text_at(fields, "status"),
        "classification": text_at(fields, "classification", "classificationReason"),
        "owner": text_at(fields, "owner.userPrincipalName", "owner.email", "assignedTo"),
        "product": ", ".join(
            texts_at(fields, "additionalData.alertProductNames", "serviceSource", "productName")
        ),
        "detector": text_at(fields, "detectionSource", "providerName"),
        "category": text_at(fields, "category"),
        "rule": text_at(fields, "relatedAnalyticRuleIds").rpartition("/")[2],
        "workspace": text_at(record, "workspaceInfo.WorkspaceName"),
    }
