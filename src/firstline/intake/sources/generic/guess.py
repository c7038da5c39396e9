"""A sensible mapping guessed from the shape of a payload, used until somebody saves one.

Every leaf gets a name (its path in lower case without punctuation); for each field of a mapping, the
first wanted name that some leaf ends with wins, and among equals the leaf that is nearest to the root.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from firstline.intake.signal import SignalKind
from firstline.intake.sources.generic.mapping import ACKNOWLEDGED, RESOLVED, Mapping
from firstline.intake.sources.parsing import instant, text_of

DEPTH = 5
LEAVES = 600

TITLE = (
    "alerttitle", "title", "summary", "alertname", "alarmname", "subject", "rule.name", "rule.description",
    "alertrulename", "rulename", "rule", "monitorname", "checkname", "eventdefinitiontitle", "conditionname",
    "alert.signature", "findinginfo.title", "description", "alarmdescription", "shortmessage", "message",
    "msg", "text", "incident.type", "name", "eventsimplename", "eventname", "operationname", "subjecttype", "output",
    "reason", "event", "eventtype", "terminatingruleid", "plogtype", "check", "data", "action", "type",
)  # fmt: skip
DESCRIPTION = (
    "description", "message", "text", "body", "details", "longoutput", "output", "alertstatus",
    "resultdescription",
)  # fmt: skip
SEVERITY = (
    "severitylabel", "severity.label", "severity", "alertseverity", "alertpriority", "severitylevel",
    "priority", "loglevel", "level", "criticality", "urgency", "alerttype",
)  # fmt: skip
STATE = (
    "currentstate", "alertaction", "eventaction", "notificationtype", "transition", "workflowstatus",
    "incident.state", "alert.state", "state", "conclusion", "status",
)  # fmt: skip
KEY = (
    "dedupkey", "dedupid", "fingerprint", "incidentkey", "alertuid", "incident.incidentid", "incidentid",
    "alertid", "problemid", "ruleid", "checkid", "eventdefinitionid", "findinginfo.uid", "alertkey",
    "uuid", "id",
)  # fmt: skip
SERVICE = (
    "service",
    "servicename",
    "service.name",
    "application",
    "app",
    "policyname",
    "projectname",
    "component",
)
CI = (
    "host", "hostname", "host.name", "computer", "server", "instance", "node", "resource",
    "resourcedisplayname", "resourcename", "resource.name", "repository.fullname", "device",
    "devicename", "monitorurl", "agent.name", "destip", "awsaccountid",
)  # fmt: skip
TIME = (
    "startsat", "startedat", "occurredat", "timestamp", "eventtime", "time", "incidenttimeiso",
    "createdat", "date", "messagetime", "firstobservedat", "peventtime", "created",
)  # fmt: skip
LINK = (
    "eventurl", "alerturl", "weburl", "htmlurl", "incident.url", "ruleurl", "url", "link",
    "linktoupstreamdetails", "upwindconsolelink", "rcalink",
)  # fmt: skip
GROUP = ("groupkey", "groupingkey")
LISTS = ("alerts", "events", "incidents", "issues", "findings", "results")
FIRING = (
    "firing", "alerting", "open", "opened", "active", "triggered", "trigger", "down", "critical",
    "problem", "error", "failed", "failure", "warning", "bad", "new", "reopened", "unknown", "alarm",
    "nodata", "no data", "pending", "unhealthy", "degraded",
)  # fmt: skip
STATES = frozenset((*RESOLVED, *ACKNOWLEDGED, *FIRING))
UNFILLED = re.compile(r"\$\{?[A-Z_]+\}?|\*insert .*\*|\{\{.*\}\}|%\{?[\w.]+\}?")
Leaf = tuple[str, str, Any]  # name, path, value


def guessed(document: Any) -> Mapping:
    """The mapping for payloads shaped like `document`; its title is empty when nothing could be a title."""
    items = _list_of(document)
    element = document
    if items:
        element = document[items][0]
    elif isinstance(document, list) and document:
        element = document[0]
    leaves = list(_leaves(element))
    return Mapping(
        items=f"$.{items}" if items else "",
        title=_best(leaves, TITLE, _says_something),
        description=_best(leaves, DESCRIPTION, _says_something),
        severity=_best(leaves, SEVERITY, _is_short),
        state=_best(leaves, STATE, _is_state),
        key=_best(leaves, KEY, _is_name),
        service=_best(leaves, SERVICE, _is_short),
        ci=_best(leaves, CI, _is_short),
        group=_best(leaves, GROUP, _is_short),
        occurred_at=_best(leaves, TIME, lambda value: instant(value) is not None),
        link=_best(leaves, LINK, lambda value: text_of(value).startswith(("https://", "http://"))),
        kind=kind_of(document),
    )


def kind_of(document: Any) -> SignalKind:
    """What well-known payloads are that are no alerts: handshakes are notes, deployments and inventory
    are changes.
    """
    if isinstance(document, dict):
        if str(document.get("Type", "")).endswith("Confirmation"):
            return SignalKind.NOTE
        if "deployment" in document or {"model", "event", "request_id"} <= document.keys():
            return SignalKind.CHANGE
    return SignalKind.TRIGGER


def _list_of(document: Any) -> str:
    """The name of the one list of objects at the top that holds the alerts."""
    if not isinstance(document, dict):
        return ""
    for name, value in document.items():
        if name.lower() in LISTS and isinstance(value, list) and value and isinstance(value[0], dict):
            return str(name)
    return ""


def _leaves(element: Any) -> Iterator[Leaf]:
    """Leaves breadth first, so that the nearest comes first; at most LEAVES of them."""
    level: list[tuple[str, str, Any]] = [("", "$", element)]
    count = 0
    for _ in range(DEPTH):
        below: list[tuple[str, str, Any]] = []
        for name, path, value in level:
            for child in _children(name, path, value):
                count += 1
                if count > LEAVES:
                    return
                if isinstance(child[2], dict | list):
                    below.append(child)
                else:
                    yield child
        level = below


def _children(name: str, path: str, value: Any) -> Iterator[Leaf]:
    if isinstance(value, dict):
        for key, child in value.items():
            text = str(key)
            if text and '"' not in text and "'" not in text:
                plain = re.sub(r"[^a-z0-9.]", "", text.lower())
                yield f"{name}.{plain}", f'{path}["{text}"]', child
    elif isinstance(value, list) and value:
        yield name, f"{path}[0]", value[0]


def _best(leaves: list[Leaf], wanted: tuple[str, ...], usable: Callable[[Any], bool]) -> str:
    for ending in wanted:
        for name, path, value in leaves:
            if name.endswith(f".{ending}") and usable(value) and not _unfilled(value):
                return path
    return ""


def _unfilled(value: Any) -> bool:
    return isinstance(value, str) and UNFILLED.fullmatch(value.strip()) is not None


def _says_something(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value.strip()) > 1
        and not value.strip().startswith(("http://", "https://"))
    )


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and 0 < len(text_of(value)) <= 300


def _is_name(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and bool(text_of(value))


def _is_state(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower() in STATES
