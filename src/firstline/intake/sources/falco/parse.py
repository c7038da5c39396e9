"""Falco events, as its own http_output and as falcosidekick send them → security signals.

Identity: rule, machine, and the container or pod if there is one. (`uuid`, which falcosidekick adds, names a single
event: it is kept as a label, or the same process would make a thousand alerts.) Falco never says that something is
over: a signal expires `expires_after` seconds (a day by default) after the last one of its key.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from firstline.intake.entities import observed
from firstline.intake.signal import Entity, EntityKind, Signal
from firstline.intake.sources.falco.severity import severity_of
from firstline.intake.sources.parsing import ParseError, Received, bounded_key, instant, string_map, text_of
from firstline.intake.sources.security import (
    Place,
    Record,
    alarm,
    each,
    entities_at,
    expiry,
    records,
    texts_at,
)

# what Falco's rules put into their outputs
PLACES: tuple[Place, ...] = (
    ("user.name", EntityKind.USER, "actor"),
    ("proc.exepath", EntityKind.PROCESS, "actor"),
    ("proc.name", EntityKind.PROCESS, "actor"),
    ("proc.pexepath", EntityKind.PROCESS, "parent"),
    ("proc.pname", EntityKind.PROCESS, "parent"),
    ("fd.sip", EntityKind.IP, "target"),
    ("fd.rip", EntityKind.IP, "target"),
    ("fd.cip", EntityKind.IP, "source"),
    ("fd.sip.name", EntityKind.DOMAIN, "target"),
    ("ka.user.name", EntityKind.USER, "actor"),
    ("ka.sourceips", EntityKind.IP, "source"),
    ("ct.user", EntityKind.USER, "actor"),
    ("ct.srcip", EntityKind.IP, "source"),
    ("evt.hash.sha256", EntityKind.FILE_HASH, ""),
)
CONNECTION = re.compile(r"(?P<source>[0-9a-fA-F.:\[\]]+)->(?P<target>[0-9a-fA-F.:\[\]]+)")
WORKLOAD = ("k8s.pod.name", "container.id", "container.name")


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """One signal per event. Raises ParseError where there is no rule."""
    found = records(row, is_event, "a Falco event with rule and output")
    return each(found, lambda position, record: [_signal(row, settings, position, record)])


def is_event(record: Record) -> bool:
    """Whether this is Falco's shape: the name of a rule beside a priority or an output."""
    return isinstance(record.get("rule"), str) and ("output" in record or "priority" in record)


def _signal(row: Received, settings: Mapping[str, Any], position: int, event: Record) -> Signal:
    rule = text_of(event.get("rule"))
    if not rule:
        raise ParseError("the event names no rule", "$.rule")
    fields = event.get("output_fields")
    fields = _filled(fields) if isinstance(fields, dict) else {}
    host = text_of(event.get("hostname"))
    workload = next((fields[name] for name in WORKLOAD if fields.get(name, "host") != "host"), "")
    tags = texts_at(event, "tags")
    return alarm(
        row,
        key=bounded_key("/".join(part for part in (rule, host.lower(), workload) if part)),
        title=rule,
        texts=[text_of(event.get("output"))],
        severity=severity_of(text_of(event.get("priority"))),
        ci=host,
        service=fields.get("k8s.ns.name", ""),
        found=_entities(fields, host),
        attack=tags,
        labels={
            "rule": rule,
            "uuid": event.get("uuid"),
            "source": event.get("source"),
            "tags": ", ".join(tags),
            **{name: value for name, value in fields.items() if not name.endswith(".time")},
        },
        happened=instant(event.get("time")),
        ends_at=expiry(row, settings),
        position=position,
    )


def _filled(fields: Mapping[str, Any]) -> dict[str, str]:
    """The fields that have a value; Falco writes `<NA>` for one that it could not read."""
    return {name: value for name, value in string_map(fields).items() if value not in ("<NA>", name, "null")}


def _entities(fields: Mapping[str, str], host: str) -> Iterator[Entity]:
    yield from observed(EntityKind.HOST, host, "target")
    yield from entities_at(fields, PLACES)
    if (match := CONNECTION.fullmatch(fields.get("fd.name", ""))) is not None:
        yield from observed(EntityKind.IP, match["source"], "source")
        yield from observed(EntityKind.IP, match["target"], "target")
