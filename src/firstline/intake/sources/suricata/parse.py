"""Suricata EVE: `alert` events → security signals; events of other types are kept in the inbox and make no alert.

Identity: signature (generator and id), source and destination address; ports and flows don't count. Suricata never
says that something is over: a signal expires `expires_after` seconds (a day by default) after the last one of its
key. Roles are the rule's own where it names its target, else the direction of the packet that matched.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from firstline.intake.entities import ip, observed
from firstline.intake.signal import Entity, EntityKind, Signal
from firstline.intake.sources.parsing import ParseError, Received, bounded_key, digest, instant, text_of
from firstline.intake.sources.security import (
    Place,
    Record,
    alarm,
    each,
    entities_at,
    expiry,
    part_at,
    records,
    text_at,
    texts_at,
)
from firstline.intake.sources.suricata.severity import severity_of

PLACES: tuple[Place, ...] = (
    ("host", EntityKind.HOST, "sensor"),
    ("http.hostname", EntityKind.DOMAIN, "target"),
    ("tls.sni", EntityKind.DOMAIN, "target"),
    ("dns.query.rrname", EntityKind.DOMAIN, "target"),
    ("dns.queries.rrname", EntityKind.DOMAIN, "target"),
    ("dns.rrname", EntityKind.DOMAIN, "target"),
    ("quic.sni", EntityKind.DOMAIN, "target"),
    ("fileinfo.md5", EntityKind.FILE_HASH, ""),
    ("fileinfo.sha1", EntityKind.FILE_HASH, ""),
    ("fileinfo.sha256", EntityKind.FILE_HASH, ""),
    ("files.sha256", EntityKind.FILE_HASH, ""),
    ("files.md5", EntityKind.FILE_HASH, ""),
)
ATTACK = tuple(
    f"alert.metadata.{name}"
    for name in ("mitre_tactic_id", "mitre_tactic_name", "mitre_technique_id", "mitre_sub_technique_id")
)


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """One signal per alert event, none for the others. Raises ParseError where nothing is an event of EVE."""
    found = records(row, is_event, "an event with event_type")
    return each(found, lambda position, record: _signals(row, settings, position, record))


def is_event(record: Record) -> bool:
    """Whether this is an event of eve.json."""
    return isinstance(record.get("event_type"), str)


def _signals(row: Received, settings: Mapping[str, Any], position: int, event: Record) -> Iterator[Signal]:
    if event.get("event_type") != "alert":
        return
    alert = part_at(event, "alert")
    title = text_of(alert.get("signature"))
    if not title:
        raise ParseError("the alert has no signature", f"$[{position}].alert.signature")
    source, target = _ends(event)
    yield alarm(
        row,
        key=_key(alert, title, source, target),
        title=title,
        texts=[text_of(alert.get("category")), *_request(event)],
        severity=severity_of(text_of(alert.get("severity")), text_at(alert, "metadata.signature_severity")),
        ci=target,
        found=_entities(event, source, target),
        attack=texts_at(event, *ATTACK),
        labels={
            "signature": alert.get("signature_id"),
            "category": alert.get("category"),
            "action": alert.get("action"),
            "priority": alert.get("severity"),
            "proto": event.get("proto"),
            "app_proto": event.get("app_proto"),
            "src_port": event.get("src_port"),
            "dest_port": event.get("dest_port"),
            "flow": event.get("flow_id"),
            "community": event.get("community_id"),
            "sensor": event.get("host"),
        },
        happened=instant(event.get("timestamp")),
        ends_at=expiry(row, settings),
        position=position,
    )


def _key(alert: Record, title: str, source: str, target: str) -> str:
    number = text_of(alert.get("signature_id")) or digest(title)
    generator = text_of(alert.get("gid"))
    rule = number if generator in ("", "1") else f"{generator}:{number}"
    return bounded_key("/".join(part for part in (rule, source, target) if part))


def _ends(event: Record) -> tuple[str, str]:
    """Attacker and target: as the rule says, else sender and receiver."""
    source = text_at(event, "alert.source.ip", "src_ip")
    target = text_at(event, "alert.target.ip", "dest_ip")
    return ip(source) or source, ip(target) or target


def _request(event: Record) -> list[str]:
    http = part_at(event, "http")
    line = " ".join(text_of(http.get(name)) for name in ("http_method", "hostname", "url", "status"))
    return [line.strip(), text_of(event.get("payload_printable"))[:2000]]


def _entities(event: Record, source: str, target: str) -> Iterator[Entity]:
    yield from observed(EntityKind.IP, source, "source")
    yield from observed(EntityKind.IP, target, "target")
    yield from entities_at(event, PLACES)
    host, path = text_at(event, "http.hostname"), text_at(event, "http.url")
    if host and path.startswith("/"):
        yield from observed(EntityKind.URL, f"http://{host}{path}", "target")
    elif "://" in path:
        yield from observed(EntityKind.URL, path, "target")
