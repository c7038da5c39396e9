"""Events of AMiner (logdata-anomaly-miner), as its JSON output writes them → security signals.

Identity: the detector, the machine whose log it read, and the values that it had not seen before – for a detector of
frequencies or values out of range the machine alone. AMiner grades nothing: everything is a warning. It never says
that something is over: a signal expires `expires_after` seconds (a day by default) after the last one of its key.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from firstline.intake.entities import observed
from firstline.intake.signal import Entity, EntityKind, Severity, Signal
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

ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
ACCOUNT = re.compile(r"\b(?:acct|user|USER)=\"?([\w.@\\-]+)")
PROGRAM = re.compile(r"\bexe=\"([^\"]+)\"")
NEW_VALUE = "NewMatchPathValue"  # the family of detectors for which the value is the finding


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """One signal per event. Raises ParseError where there is no detector."""
    found = records(row, is_event, "an event with AnalysisComponent")
    return each(found, lambda position, record: [_signal(row, settings, position, record)])


def is_event(record: Record) -> bool:
    """Whether this is AMiner's shape."""
    return isinstance(record.get("AnalysisComponent"), dict)


def _signal(row: Received, settings: Mapping[str, Any], position: int, event: Record) -> Signal:
    component = part_at(event, "AnalysisComponent")
    name = text_of(component.get("AnalysisComponentName"))
    title = name or text_of(component.get("Message"))
    if not title:
        raise ParseError("the event names no detector", "$.AnalysisComponent.AnalysisComponentName")
    machine = text_at(event, "AMiner.ID", "host", "hostname")
    lines = texts_at(event, "LogData.RawLogData")
    return alarm(
        row,
        key=_key(component, title, machine),
        title=title,
        texts=[text_of(component.get("Message")), *lines],
        severity=Severity.WARNING,
        ci=text_at(event, "host", "hostname", "AMiner.ID"),
        found=_entities(event, machine, lines),
        labels={
            "rule": name,
            "detector": component.get("AnalysisComponentType"),
            "detector_id": component.get("AnalysisComponentIdentifier"),
            "paths": text_at(component, "AffectedLogAtomPaths"),
            "log": text_at(event, "LogData.LogResources"),
            "training": component.get("TrainingMode"),
        },
        happened=instant(_number(text_at(event, "LogData.Timestamps", "LogData.DetectionTimestamp"))),
        ends_at=expiry(row, settings),
        position=position,
    )


def _number(text: str) -> float | str:
    """AMiner writes seconds with a fraction of any length."""
    try:
        return float(text)
    except ValueError:
        return text


def _key(component: Record, title: str, machine: str) -> str:
    values = texts_at(component, "AffectedLogAtomValues")
    new = NEW_VALUE in text_of(component.get("AnalysisComponentType")) and values
    return bounded_key("/".join(part for part in (title, machine, digest(*values) if new else "") if part))


def _entities(event: Record, machine: str, lines: list[str]) -> Iterator[Entity]:
    yield from observed(EntityKind.HOST, machine, "target")
    yield from observed(EntityKind.HOST, text_at(event, "host", "hostname"), "target")
    for text in (*lines, *texts_at(event, "AnalysisComponent.AffectedLogAtomValues"))[:20]:
        line = text[:4000]
        for address in ADDRESS.findall(line):
            yield from observed(EntityKind.IP, address)
        for user in ACCOUNT.findall(line):
            yield from observed(EntityKind.USER, user, "actor")
        for program in PROGRAM.findall(line):
            yield from observed(EntityKind.PROCESS, program, "actor")
