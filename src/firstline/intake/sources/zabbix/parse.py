"""Zabbix → signals.

The media type of the help page sends flat JSON with Zabbix's macros. The identity is `event_id`, the id of the
problem, which its updates and its recovery carry as well; `trigger_id` is the grouping key, so that problems of one
trigger come into one incident. `event_value` 0 resolves. An update (`event_update_status` 1) that acknowledges is an
acknowledgement, any other update is a note. An internal event (an item that can't be read) has no severity: warning.

Also understood: the JSON of Grafana OnCall's script for Zabbix, and the text of Zabbix's message templates
("Problem name: …", "Host: …", "Original problem ID: …") that somebody posts as it is.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from firstline.intake.entities import gathered, observed
from firstline.intake.signal import Entity, EntityKind, Severity, Signal, SignalKind
from firstline.intake.sources.building import built
from firstline.intake.sources.parsing import (
    ParseError,
    Received,
    decode_as,
    decode_json,
    digest,
    instant,
    text_of,
)
from firstline.intake.sources.zabbix.severity import severity_of

UNFILLED = re.compile(r"\{[A-Z][A-Z0-9._]*\}|\*UNKNOWN\*|\{\$[^}]*\}")
LINE = re.compile(r"^\W*([A-Z][\w ]{2,30}):\s*(\S.*)$", re.M)
SUBJECT = re.compile(r"^(?:Problem|Resolved(?: in [^:]*)?|Updated problem(?: in [^:]*)?):\s*(.+)$", re.M)
INTERNAL = "3"


class Event(msgspec.Struct, frozen=True):
    """The parameters of the media type; each may be missing, or an unfilled macro."""

    event_id: Any = None
    event_value: Any = None
    event_source: Any = None
    event_update_status: Any = None
    event_update_action: Any = None
    event_update_message: Any = None
    event_name: Any = None
    event_severity: Any = None
    event_nseverity: Any = None
    event_opdata: Any = None
    event_timestamp: Any = None
    event_tags: Any = None
    host_name: Any = None
    host_host: Any = None
    host_ip: Any = None
    trigger_id: Any = None
    trigger_description: Any = None
    alert_subject: Any = None
    alert_message: Any = None
    zabbix_url: Any = None
    # Grafana OnCall's script
    alert_uid: Any = None
    title: Any = None
    message: Any = None
    state: Any = None
    link_to_upstream_details: Any = None


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """The one signal of a message. Raises ParseError when nothing names the problem."""
    if row.content_type.lower().startswith("text/") and not row.body.lstrip().startswith(b"{"):
        return [_from_text(row)]
    event = decode_as(row.body, Event)
    if _said(event.alert_uid) and not _said(event.event_id):
        return [_from_script(row, event)]
    return [_from_event(row, event)]


def _said(value: object) -> str:
    """A parameter's text; nothing for a macro that Zabbix left unfilled."""
    text = text_of(value)
    return "" if UNFILLED.fullmatch(text) else text


def _from_event(row: Received, event: Event) -> Signal:
    title = _said(event.event_name) or _said(event.alert_subject)
    if not title:
        raise ParseError("a message needs the parameter event_name", "$.event_name")
    host = _said(event.host_name) or _said(event.host_host)
    trigger = _said(event.trigger_id)
    address = _said(event.host_ip)
    tags = _tags(event.event_tags)
    return built(
        row,
        kind=_kind(event),
        key=_said(event.event_id) or digest(trigger or title, host),
        title=title,
        happened=instant(_said(event.event_timestamp)),
        texts=(
            _said(event.event_opdata),
            _said(event.trigger_description),
            _said(event.event_update_message),
        ),
        severity=Severity.WARNING
        if _said(event.event_source) == INTERNAL
        else severity_of(_said(event.event_nseverity), _said(event.event_severity)),
        service=tags.get("service", ""),
        ci=host or address,
        group=f"trigger/{trigger}" if trigger else "",
        entities=_entities(host, address),
        labels={**tags, "trigger": trigger, "severity": _said(event.event_severity)},
        links=[(_link(event, trigger), "problem")],
    )


def _entities(host: str, address: str) -> tuple[Entity, ...]:
    named = [(EntityKind.HOST, host), (EntityKind.IP, address)]
    return gathered(entity for kind, value in named for entity in observed(kind, value, "target"))


def _kind(event: Event) -> SignalKind:
    if _said(event.event_update_status) == "1":
        action = _said(event.event_update_action).lower()
        acknowledged = "acknowledged" in action and "unacknowledged" not in action
        return SignalKind.ACKNOWLEDGE if acknowledged else SignalKind.NOTE
    return SignalKind.RESOLVE if _said(event.event_value) == "0" else SignalKind.TRIGGER


def _tags(value: object) -> dict[str, str]:
    """{EVENT.TAGSJSON}: a list of tags with their values, as text."""
    if isinstance(value, str):
        try:
            value = decode_json(value.encode())
        except ParseError:
            return {}
    found = value if isinstance(value, list) else []
    return {
        text_of(each.get("tag")): text_of(each.get("value"))
        for each in found
        if isinstance(each, dict) and text_of(each.get("tag"))
    }


def _link(event: Event, trigger: str) -> str:
    base, problem = _said(event.zabbix_url).rstrip("/"), _said(event.event_id)
    if not base or not trigger or not problem:
        return ""
    return f"{base}/tr_events.php?triggerid={trigger}&eventid={problem}"


def _from_script(row: Received, event: Event) -> Signal:
    title = _said(event.title) or _said(event.alert_subject)
    if not title:
        raise ParseError("a message needs a title", "$.title")
    return built(
        row,
        kind=SignalKind.RESOLVE if _said(event.state).lower() == "ok" else SignalKind.TRIGGER,
        key=_said(event.alert_uid),
        title=title,
        texts=(_said(event.message),),
        severity=severity_of(_said(event.event_nseverity), _said(event.event_severity)),
        ci=_said(event.host_name),
        links=[(event.link_to_upstream_details, "problem")],
    )


def _from_text(row: Received) -> Signal:
    text = text_of(row.body.decode("utf-8", "replace"))
    said = {name.strip().lower(): value.strip() for name, value in reversed(LINE.findall(text))}
    subject = SUBJECT.search(text)
    title = said.get("problem name") or (subject[1].strip() if subject else "")
    if not title:
        raise ParseError("expected the text of a Zabbix message, with its line 'Problem name: …'", "$")
    host = said.get("host", "")
    over = re.search(r"^\W*(?:Problem has been resolved|Resolved\b)", text, re.M) is not None
    return built(
        row,
        kind=SignalKind.RESOLVE if over else SignalKind.TRIGGER,
        key=said.get("original problem id") or digest(title, host),
        title=title,
        texts=(text,),
        severity=severity_of("", said.get("severity", "")),
        ci=host,
        entities=_entities(host, ""),
    )
