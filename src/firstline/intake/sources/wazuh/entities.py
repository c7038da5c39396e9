"""Where observables stand in a Wazuh alert; decoders name the same thing differently."""

from collections.abc import Iterator, Mapping
from typing import Any

from firstline.intake.signal import Entity, EntityKind
from firstline.intake.sources.parsing import text_of, unique

# dotted place, kind, role
PLACES: tuple[tuple[str, EntityKind, str], ...] = (
    ("agent.name", EntityKind.HOST, "target"),
    ("agent.ip", EntityKind.IP, "target"),
    ("predecoder.hostname", EntityKind.HOST, "target"),
    ("data.srcip", EntityKind.IP, "source"),
    ("data.src_ip", EntityKind.IP, "source"),
    ("data.dstip", EntityKind.IP, "target"),
    ("data.dest_ip", EntityKind.IP, "target"),
    ("data.srcuser", EntityKind.USER, "source"),
    ("data.dstuser", EntityKind.USER, "target"),
    ("data.user", EntityKind.USER, ""),
    ("data.win.eventdata.targetUserName", EntityKind.USER, "target"),
    ("data.win.eventdata.subjectUserName", EntityKind.USER, "source"),
    ("data.win.eventdata.ipAddress", EntityKind.IP, "source"),
    ("data.win.eventdata.image", EntityKind.PROCESS, ""),
    ("data.win.eventdata.parentImage", EntityKind.PROCESS, "parent"),
    ("data.audit.exe", EntityKind.PROCESS, ""),
    ("data.process.name", EntityKind.PROCESS, ""),
    ("syscheck.sha256_after", EntityKind.FILE_HASH, ""),
    ("syscheck.md5_after", EntityKind.FILE_HASH, ""),
    ("data.virustotal.source.md5", EntityKind.FILE_HASH, ""),
    ("data.url", EntityKind.URL, ""),
    ("data.http.hostname", EntityKind.DOMAIN, "target"),
    ("data.hostname", EntityKind.HOST, ""),
)
MEANINGLESS = {"", "-", "?", "any", "(null)", "0.0.0.0"}  # noqa: S104 - a value that is left out, nothing is bound


def entities_of(alert: Mapping[str, Any]) -> tuple[Entity, ...]:
    """The observables of one alert, each once."""
    return unique(_found(alert))


def _found(alert: Mapping[str, Any]) -> Iterator[Entity]:
    for place, kind, role in PLACES:
        value = _at(alert, place)
        if kind is EntityKind.IP:
            value = _without_port(value)
        if value not in MEANINGLESS:
            yield Entity(kind, value, role)


def _at(values: Mapping[str, Any], place: str) -> str:
    part: Any = values
    for name in place.split("."):
        if not isinstance(part, dict):
            return ""
        part = part.get(name)
    return "" if isinstance(part, dict | list) else text_of(part)


def _without_port(address: str) -> str:
    """`192.0.2.1:80` → `192.0.2.1`; IPv6 addresses are left alone."""
    host, _, port = address.partition(":")
    return host if port.isdigit() and "." in host else address
