"""Syslog messages → signals.

What is in the message decides: CEF and LEEF are security events; JSON of Wazuh, Suricata, Falco, AMiner, Elastic, AWS
and OCSF goes to the parser of its own kind (`@cee:` before it doesn't matter). Everything else is a plain message:
an alert when its severity reaches the source's `threshold` (warning by default), else kept without one. Identity of
a plain message: host, program, and its MSGID or its text without numbers, addresses and identifiers. Syslog never
says that something is over: an alert expires `expires_after` seconds (a day by default) after the last one of its key.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from firstline.intake.entities import gathered, observed
from firstline.intake.signal import EntityKind, Signal, SignalKind
from firstline.intake.sources.aminer import parse as aminer
from firstline.intake.sources.aws_securityhub import asff
from firstline.intake.sources.aws_securityhub import parse as aws
from firstline.intake.sources.building import built
from firstline.intake.sources.cef.event import NotAnEvent
from firstline.intake.sources.cef.event import find as find_event
from firstline.intake.sources.cef.parse import event_in
from firstline.intake.sources.elastic_security import parse as elastic
from firstline.intake.sources.falco import parse as falco
from firstline.intake.sources.ocsf import parse as ocsf
from firstline.intake.sources.parsing import (
    ParseError,
    Parser,
    Received,
    bounded_key,
    decode_json,
    digest,
)
from firstline.intake.sources.security import Record, expiry
from firstline.intake.sources.suricata import parse as suricata
from firstline.intake.sources.syslog.message import Message, message_of
from firstline.intake.sources.syslog.severity import severity_of, threshold_of
from firstline.intake.sources.textlines import texts_of
from firstline.intake.sources.wazuh import parse as wazuh

CEE = "@cee:"
# who recognises a JSON document, and reads it; the most certain first
READERS: tuple[tuple[Callable[[Record], bool], Parser], ...] = (
    (ocsf.is_event, ocsf.parse),
    (suricata.is_event, suricata.parse),
    (aminer.is_event, aminer.parse),
    (wazuh.is_alert, wazuh.parse),
    (falco.is_event, falco.parse),
    (asff.is_finding, aws.parse),
    (elastic.is_alert, elastic.parse),
)
# what differs from one message to the next of the same kind
VARIABLE = re.compile(
    r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"
    r"|\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b"
    r"|\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b"
    r"|\b\d+(?:[.:]\d+)*",
    re.IGNORECASE,
)
LONGEST = 2000


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """The signals of all messages; one that can't be read as what it seems to be counts as plain."""
    signals: list[Signal] = []
    for position, text in enumerate(texts_of(row)):
        signals += _signals(row, settings, position, text)
    return signals


def _signals(row: Received, settings: Mapping[str, Any], position: int, text: str) -> Iterator[Signal]:
    if find_event(text) >= 0:
        try:
            yield from event_in(text, row, settings, position=position)
            return
        except (NotAnEvent, ParseError):
            pass
    message = message_of(text, row.received_at, settings)
    if (known := _from_json(row, settings, message.text)) is not None:
        yield from (msgspec.structs.replace(each, position=position) for each in known)
        return
    severity = severity_of(message.severity)
    if severity.rank <= threshold_of(settings.get("threshold")).rank and (message.text or message.data):
        yield _plain(row, settings, position, message)


def _from_json(row: Received, settings: Mapping[str, Any], text: str) -> list[Signal] | None:
    """The signals of a JSON document that some parser knows; None for anything else."""
    body = text.removeprefix(CEE).strip()
    if not body.startswith("{"):
        return None
    try:
        document = decode_json(body.encode())
    except ParseError:
        return None
    for fits, read in READERS:
        if fits(document):
            inner = msgspec.structs.replace(row, body=body.encode(), content_type="application/json")
            try:
                return read(inner, settings)
            except ParseError:
                return None
    return None


def _plain(row: Received, settings: Mapping[str, Any], position: int, message: Message) -> Signal:
    text = message.text or " ".join(message.data)
    host = message.host or row.headers.get("peer", "")
    return built(
        row,
        kind=SignalKind.TRIGGER,
        key=identity(message, host, text),
        title=f"{message.app}: {text}" if message.app else text,
        severity=severity_of(message.severity),
        ci=host,
        entities=gathered(observed(EntityKind.HOST, host, "target")),
        labels={
            "host": host,
            "program": message.app,
            "pid": message.proc,
            "msgid": message.msgid,
            "facility": message.facility,
            "severity": message.severity,
            **{f"{name}.{key}": value for name, data in message.data.items() for key, value in data.items()},
        },
        happened=message.at,
        ends_at=expiry(row, settings),
        position=position,
    )


def identity(message: Message, host: str, text: str) -> str:
    """Host, program, and MSGID or the text without what varies."""
    what = message.msgid or template_of(text)
    return bounded_key("/".join(part for part in (host.lower(), message.app, what) if part) or digest(text))


def template_of(text: str) -> str:
    """`Failed for 10.0.0.1 port 4711` → `failed for # port #`."""
    return " ".join(VARIABLE.sub("#", text[:LONGEST].partition("\n")[0]).lower().split())
