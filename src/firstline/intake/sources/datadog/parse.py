"""Datadog's webhook → signals. The payload is a template that the user owns; three are understood.

1. The one of the help page, where each field is a variable of Datadog.
2. Datadog's default payload (id, title, body, org …), where the transition and the scope stand in the title:
   `[P1] [Triggered on {host:web-1}] Name of the monitor`.
3. Own templates that use the usual names (`alert_id`, `alert_title`, `alert_type`, `tags` …).

The identity is `aggreg_key` (a monitor and its group), else the monitor's id with its scope, else, as in the default
payload, which has neither, the monitor's name with the scope. `id` is of the event and never an identity.
The transition *Recovered* resolves; *Renotify*, *Re-Triggered* and the like are the same alert again.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from firstline.intake.signal import Signal, SignalKind
from firstline.intake.sources.building import built, paired
from firstline.intake.sources.datadog.severity import severity_of
from firstline.intake.sources.parsing import ParseError, Received, decode_json, instant, text_of

FORM = "application/x-www-form-urlencoded"
UNFILLED = re.compile(r"\$[A-Z][A-Z0-9_]*(?:\[.*\])?|null|None|N/A", re.I)
PREFIX = re.compile(
    r"""\s*\[(?:(?P<priority>P[1-5])
      |(?P<transition>(?:Re-?)?(?:Triggered|Warn|No\ data|Recovered|Renotify|Alert))
       (?:\s+on\s+\{(?P<scope>[^}]*)\})?)\]\s*""",
    re.I | re.X,
)
RECOVERED = ("recovered", "success", "ok", "resolved")


class Alert(msgspec.Struct, frozen=True):
    """What any of the templates may say."""

    aggreg_key: Any = None
    alert_cycle_key: Any = None
    alert_id: Any = None
    monitor_id: Any = None
    alert_title: Any = None
    alert_transition: Any = None
    transition: Any = None
    alert_priority: Any = None
    priority: Any = None
    alert_type: Any = None
    alert_scope: Any = None
    scope: Any = None
    alert_status: Any = None
    alert_metric: Any = None
    alert_query: Any = None
    event_type: Any = None
    event_title: Any = None
    title: Any = None
    body: Any = None
    text: Any = None
    message: Any = None
    hostname: Any = None
    host: Any = None
    service: Any = None
    tags: Any = None
    date: Any = None
    last_updated: Any = None
    link: Any = None
    url: Any = None
    event_url: Any = None
    snapshot: Any = None
    org_name: Any = None


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """The one signal of a notification. Raises ParseError when it has no title."""
    alert = _alert(row)
    priority, transition, scope, bare = _taken_apart(_said(alert.title) or _said(alert.event_title))
    title = _said(alert.alert_title) or bare
    if not title:
        raise ParseError("a notification needs alert_title or title", "$.alert_title")
    transition = _said(alert.alert_transition) or _said(alert.transition) or transition
    scope = _said(alert.alert_scope) or _said(alert.scope) or scope
    tags = paired(_said(alert.tags))
    places = {**paired(scope), **tags}
    host = _said(alert.hostname) or _said(alert.host) or places.get("host", "")
    return [
        built(
            row,
            kind=SignalKind.RESOLVE if _recovered(alert, transition) else SignalKind.TRIGGER,
            key=_key(alert, title, scope),
            title=title,
            happened=instant(_said(alert.last_updated) or _said(alert.date)),
            texts=(_said(alert.alert_status), _body(alert)),
            severity=severity_of(
                _said(alert.alert_priority) or priority or _said(alert.priority),
                _said(alert.alert_type),
                transition,
            ),
            service=_said(alert.service) or places.get("service", ""),
            ci=host,
            labels={
                **tags,
                "scope": scope,
                "metric": _said(alert.alert_metric),
                "org": _said(alert.org_name),
            },
            links=[(_said(each), text) for each, text in _links(alert)],
        )
    ]


def _alert(row: Received) -> Alert:
    if row.content_type.lower().startswith(FORM):
        fields = dict(parse_qsl(row.body.decode("utf-8", "replace")))
        document: Any = decode_json(fields["payload"].encode()) if "payload" in fields else fields
    else:
        document = decode_json(row.body)
    if not isinstance(document, dict):
        raise ParseError("expected an object", "$")
    return msgspec.convert({name.lower(): value for name, value in document.items()}, Alert)


def _said(value: object) -> str:
    """A variable's text; nothing for one that Datadog left unfilled."""
    text = text_of(value)
    return "" if UNFILLED.fullmatch(text) else text


def _taken_apart(title: str) -> tuple[str, str, str, str]:
    """Priority, transition, scope and the rest of a title as Datadog writes them."""
    found = {"priority": "", "transition": "", "scope": ""}
    while match := PREFIX.match(title):
        found |= {name: value for name, value in match.groupdict().items() if value}
        title = title[match.end() :]
    return found["priority"], found["transition"], found["scope"], title.strip()


def _key(alert: Alert, title: str, scope: str) -> str:
    if key := _said(alert.aggreg_key):
        return key
    monitor = _said(alert.alert_id) or _said(alert.monitor_id)
    return "/".join(each for each in (monitor or title, "" if scope in ("*", "") else scope) if each)


def _recovered(alert: Alert, transition: str) -> bool:
    if transition:
        return transition.strip().lower().removeprefix("re-") in RECOVERED
    return _said(alert.alert_type).lower() == "success"


def _body(alert: Alert) -> str:
    """The text without the marks that make Datadog read it as Markdown, and without whom it was sent to."""
    text = _said(alert.body) or _said(alert.text) or _said(alert.message)
    return re.sub(r"^%%%\s*$|^@webhook-\S+\s*$", "", text, flags=re.M).strip()


def _links(alert: Alert) -> list[tuple[object, str]]:
    return [(alert.link or alert.event_url or alert.url, "event"), (alert.snapshot, "picture")]
