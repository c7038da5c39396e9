"""Findings in OCSF: the category 2 (security, vulnerability, compliance, detection, incident, data security …) →
security signals. Events of other categories are kept in the inbox and make no alert.

Identity: the finding's own uid, which producers keep over updates. A finding that is resolved, suppressed, archived,
deleted or closed, or whose control passed, resolves; one in progress is acknowledged as well. What is never
resolved expires `expires_after` seconds (a day by default) after the last one of its key.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from firstline.intake.entities import observed
from firstline.intake.signal import Entity, EntityKind, Signal, SignalKind
from firstline.intake.sources.ocsf.severity import severity_of
from firstline.intake.sources.parsing import ParseError, Received, bounded_key, digest, instant, text_of
from firstline.intake.sources.security import (
    Place,
    Record,
    alarm,
    each,
    entities_at,
    expiry,
    objects_at,
    records,
    text_at,
    texts_at,
)

FINDINGS = "2"
# names rather than numbers: 3 is suppressed in every class, but 4 is resolved or something else
OVER = frozenset({"resolved", "suppressed", "archived", "deleted", "closed", "close", "pass", "passed"})
# of status_id in the finding classes and of state_id in the old security finding; 1 is new, 2 in progress
OVER_IDS = frozenset({"3", "4", "5", "6"})
IN_PROGRESS = frozenset({"in progress", "in_progress", "inprogress"})

PLACES: tuple[Place, ...] = tuple(
    (f"{prefix}{place}", kind, role)
    for prefix in ("", "evidences.")
    for place, kind, role in (
        ("src_endpoint.ip", EntityKind.IP, "source"),
        ("src_endpoint.hostname", EntityKind.HOST, "source"),
        ("dst_endpoint.ip", EntityKind.IP, "target"),
        ("dst_endpoint.hostname", EntityKind.HOST, "target"),
        ("dst_endpoint.domain", EntityKind.DOMAIN, "target"),
        ("device.hostname", EntityKind.HOST, "target"),
        ("device.ip", EntityKind.IP, "target"),
        ("actor.user.name", EntityKind.USER, "actor"),
        ("actor.user.email_addr", EntityKind.USER, "actor"),
        ("actor.process.file.path", EntityKind.PROCESS, "actor"),
        ("actor.process.name", EntityKind.PROCESS, "actor"),
        ("process.file.path", EntityKind.PROCESS, "actor"),
        ("process.file.hashes.value", EntityKind.FILE_HASH, ""),
        ("process.parent_process.file.path", EntityKind.PROCESS, "parent"),
        ("user.name", EntityKind.USER, "target"),
        ("file.hashes.value", EntityKind.FILE_HASH, ""),
        ("query.hostname", EntityKind.DOMAIN, "target"),
        ("url.url_string", EntityKind.URL, ""),
        ("resources.hostname", EntityKind.HOST, "target"),
        ("resources.ip", EntityKind.IP, "target"),
        ("resource.hostname", EntityKind.HOST, "target"),
    )
)
# observables by type_id of the schema; 20 and above are whole objects, whose value a producer leaves out
TYPES = {
    "1": EntityKind.HOST,
    "2": EntityKind.IP,
    "4": EntityKind.USER,
    "5": EntityKind.USER,
    "6": EntityKind.URL,
    "8": EntityKind.FILE_HASH,
    "9": EntityKind.PROCESS,
}
NAMES = {"hostname": EntityKind.HOST, "ip": EntityKind.IP, "domain": EntityKind.DOMAIN}
ROLES = (("src_", "source"), ("dst_", "target"), ("device", "target"), ("actor", "actor"))
ATTACK = tuple(
    f"{prefix}attacks.{part}"
    for prefix in ("finding_info.", "finding.", "")
    for part in (
        "tactic.uid",
        "tactic.name",
        "tactics.uid",
        "tactics.name",
        "technique.uid",
        "sub_technique.uid",
    )
)
TYPE_WORDS = re.compile(r"[/:.]")  # "TTPs/Defense Evasion/Stealth:…" of Security Hub


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """The signals of all findings. Raises ParseError where nothing is an event of OCSF."""
    found = records(row, is_event, "an OCSF event with class_uid")
    return each(found, lambda position, record: _signals(row, settings, position, record))


def is_event(record: Record) -> bool:
    """Whether this is an event of OCSF."""
    return "class_uid" in record


def is_finding(event: Record) -> bool:
    """Whether it is of the category findings, which the class's number begins with."""
    category = text_of(event.get("category_uid")) or text_of(event.get("class_uid"))[:1]
    return category == FINDINGS


def _signals(row: Received, settings: Mapping[str, Any], position: int, event: Record) -> Iterator[Signal]:
    if not is_finding(event):
        return
    title = text_at(event, "finding_info.title", "finding.title", "message", "type_name")
    if not title:
        raise ParseError("the finding has no title", f"$[{position}].finding_info.title")
    kind, acknowledged = _state(event)
    signal = alarm(
        row,
        kind=kind,
        key=_key(event, title),
        title=title,
        texts=texts_at(
            event, "finding_info.desc", "finding.desc", "message", "status_detail", "remediation.desc"
        ),
        severity=severity_of(text_of(event.get("severity_id")), text_of(event.get("severity"))),
        ci=text_at(
            event,
            "device.hostname",
            "resources.hostname",
            "resources.name",
            "resources.uid",
            "resource.name",
            "resource.uid",
        ),
        found=_entities(event),
        attack=_attack(event),
        labels=_labels(event),
        links=[(text_at(event, "finding_info.src_url", "finding.src_url"), "source")],
        happened=instant(text_at(event, "time_dt") or event.get("time")),
        ends_at=expiry(row, settings) if kind is SignalKind.TRIGGER else None,
        position=position,
    )
    yield signal
    if acknowledged:
        yield alarm(row, kind=SignalKind.ACKNOWLEDGE, key=signal.key, title=title, position=position)


def _state(event: Record) -> tuple[SignalKind, bool]:
    """What the finding wants, and whether somebody is at it."""
    words = {
        text.lower()
        for text in texts_at(
            event, "status", "state", "activity_name", "compliance.status", "compliance.status_code"
        )
    }
    ids = {text_of(event.get("status_id")), text_of(event.get("state_id"))}
    if words & OVER or ids & OVER_IDS:
        return SignalKind.RESOLVE, False
    return SignalKind.TRIGGER, bool(words & IN_PROGRESS) or "2" in ids


def _key(event: Record, title: str) -> str:
    uid = text_at(event, "finding_info.uid", "finding.uid", "metadata.uid")
    return bounded_key(
        uid or digest(title, text_at(event, "device.hostname", "resources.uid", "resource.uid"))
    )


def _labels(event: Record) -> dict[str, Any]:
    return {
        "class": text_at(event, "class_name", "classname"),
        "type": text_at(event, "finding_info.types", "finding.types"),
        "product": text_at(event, "metadata.product.name"),
        "vendor": text_at(event, "metadata.product.vendor_name"),
        "account": text_at(event, "cloud.account.uid"),
        "region": text_at(event, "cloud.region"),
        "resource": text_at(event, "resources.uid", "resource.uid"),
        "disposition": text_at(event, "disposition"),
        "control": text_at(event, "compliance.control"),
        "cve": ", ".join(texts_at(event, "vulnerabilities.cve.uid")),
    }


def _attack(event: Record) -> list[str]:
    types = texts_at(event, "finding_info.types", "finding.types")
    return [*texts_at(event, *ATTACK), *(word for text in types for word in TYPE_WORDS.split(text))]


def _entities(event: Record) -> Iterator[Entity]:
    yield from entities_at(event, PLACES)
    for observable in objects_at(event, "observables"):
        name, value = text_of(observable.get("name")), text_of(observable.get("value"))
        kind = TYPES.get(text_of(observable.get("type_id"))) or NAMES.get(name.rpartition(".")[2])
        if kind is not None and value != name:
            role = next((role for part, role in ROLES if part in name), "")
            yield from observed(kind, value, role)
