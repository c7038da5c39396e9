"""What a CEF or LEEF event means → a security signal.

Identity: product, signature, what was hit and where it came from. Neither format says that something is over: a
signal expires `expires_after` seconds (a day by default) after the last one of its key.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from firstline.intake.entities import observed
from firstline.intake.signal import Entity, EntityKind, Severity, Signal
from firstline.intake.sources.alertmanager.severity import SEVERITIES as WORDS
from firstline.intake.sources.cef.event import Event
from firstline.intake.sources.cef.severity import severity_of
from firstline.intake.sources.parsing import ParseError, Received, bounded_key, instant
from firstline.intake.sources.security import Place, account, alarm, entities_at, expiry

# CEF's full names and LEEF's names → CEF's short ones
ALIASES = {
    "sourceAddress": "src",
    "sourceHostName": "shost",
    "sourceUserName": "suser",
    "sourceNtDomain": "sntdom",
    "sourceProcessName": "sproc",
    "destinationAddress": "dst",
    "destinationHostName": "dhost",
    "destinationUserName": "duser",
    "destinationNtDomain": "dntdom",
    "destinationProcessName": "dproc",
    "deviceAddress": "dvc",
    "deviceHostName": "dvchost",
    "deviceReceiptTime": "rt",
    "endTime": "end",
    "startTime": "start",
    "deviceAction": "act",
    "deviceEventCategory": "cat",
    "message": "msg",
    "requestUrl": "request",
    "devTime": "rt",
    "usrName": "suser",
    "identHostName": "shost",
    "url": "request",
    "action": "act",
}
PLACES: tuple[Place, ...] = (
    ("src", EntityKind.IP, "source"),
    ("c6a2", EntityKind.IP, "source"),
    ("srcPreNAT", EntityKind.IP, "source"),
    ("identSrc", EntityKind.IP, "source"),
    ("shost", EntityKind.HOST, "source"),
    ("dst", EntityKind.IP, "target"),
    ("c6a3", EntityKind.IP, "target"),
    ("dhost", EntityKind.HOST, "target"),
    ("dvc", EntityKind.IP, "sensor"),
    ("dvchost", EntityKind.HOST, "sensor"),
    ("sproc", EntityKind.PROCESS, "actor"),
    ("dproc", EntityKind.PROCESS, "target"),
    ("fileHash", EntityKind.FILE_HASH, ""),
    ("oldFileHash", EntityKind.FILE_HASH, ""),
    ("md5", EntityKind.FILE_HASH, ""),
    ("sha1", EntityKind.FILE_HASH, ""),
    ("sha256", EntityKind.FILE_HASH, ""),
    ("request", EntityKind.URL, ""),
    ("destinationDnsDomain", EntityKind.DOMAIN, "target"),
    ("sourceDnsDomain", EntityKind.DOMAIN, "source"),
)
ATTACK = re.compile(r"mitre|att&?ck|tactic|technique", re.IGNORECASE)
TITLES = ("eventName", "name", "title", "desc", "msg", "reason", "cat")
MOST_LABELS = 60


def signal_of(
    event: Event,
    row: Received,
    settings: Mapping[str, Any],
    *,
    position: int = 0,
    host: str = "",
    at: object = None,
) -> Signal:
    """The signal of an event. `host` and `at` are those of the syslog header around it, where it says less."""
    fields = dict(event.fields)
    for name, short in ALIASES.items():
        if name in fields:
            fields.setdefault(short, fields[name])
    title = event.name or next((fields[name] for name in TITLES if fields.get(name)), "") or event.signature
    if not title.replace("\x00", "").strip():
        raise ParseError("the event has no name", "$")
    target = fields.get("dhost") or fields.get("dst") or ""
    device = fields.get("dvchost") or fields.get("dvc") or host
    return alarm(
        row,
        key=_key(event, fields, target or device),
        title=title,
        texts=[fields.get("msg", ""), fields.get("reason", ""), fields.get("act", "")],
        severity=_severity(event, fields),
        ci=target or device,
        found=_entities(fields, host),
        attack=[value for name, value in fields.items() if ATTACK.search(name)] + [fields.get("cat", "")],
        labels=_labels(event),
        links=[(fields.get("deviceFacilityUrl", ""), "source")],
        happened=instant(fields.get("rt") or fields.get("end") or fields.get("start")) or instant(at),
        ends_at=expiry(row, settings),
        position=position,
    )


def _severity(event: Event, fields: Mapping[str, str]) -> Severity:
    """The device's own word, where it sends one beside CEF's number, is what the device meant."""
    own = WORDS.get(fields.get("deviceSeverity", "").strip().lower())
    return own or severity_of(event.severity or fields.get("sev") or fields.get("severity") or "")


def _key(event: Event, fields: Mapping[str, str], target: str) -> str:
    what = event.signature or event.name or fields.get("cat", "")
    source = fields.get("src") or fields.get("shost") or ""
    parts = (event.product or event.vendor, what, target.lower(), source.lower())
    return bounded_key("/".join(part for part in parts if part) or event.format)


def _labels(event: Event) -> dict[str, str]:
    first = {
        "vendor": event.vendor,
        "product": event.product,
        "signature": event.signature,
        "severity": event.severity or event.fields.get("sev", ""),
    }
    return first | dict(list(event.fields.items())[:MOST_LABELS])


def _entities(fields: Mapping[str, str], host: str) -> Iterator[Entity]:
    yield from entities_at(fields, PLACES)
    actor = account(fields.get("suser", ""), fields.get("sntdom", ""))
    yield from observed(EntityKind.USER, actor, "actor")
    target = account(fields.get("duser", ""), fields.get("dntdom", ""))
    yield from observed(EntityKind.USER, target, "target")
    if host and not fields.get("dvchost"):
        yield from observed(EntityKind.HOST, host, "sensor")
