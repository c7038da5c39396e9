"""Sentry's webhooks → signals, by the resource in `Sentry-Hook-Resource`, or by shape without it.

An issue is one alert, with its id as the identity: an issue alert (`event_alert`), a new event (`error`) and the
legacy plugin trigger it; `issue` created, unresolved triggers, resolved, archived (ignored) resolves, assigned is
nothing. A metric alert (`metric_alert`) is identified by its rule; `resolved` resolves it. Installations, comments
and other resources are no alerts: they are kept, and give no signal.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from firstline.intake.signal import Signal, SignalKind
from firstline.intake.sources.building import at, built, part
from firstline.intake.sources.parsing import (
    ParseError,
    Received,
    decode_as,
    decode_json,
    digest,
    instant,
    text_of,
)
from firstline.intake.sources.sentry.severity import severity_of

ISSUE_KINDS = {
    "created": SignalKind.TRIGGER,
    "unresolved": SignalKind.TRIGGER,
    "resolved": SignalKind.RESOLVE,
    "archived": SignalKind.RESOLVE,
    "ignored": SignalKind.RESOLVE,
}


class Hook(msgspec.Struct, frozen=True):
    """The envelope of the integration platform; the parts of the legacy plugin stand beside it."""

    action: Any = None
    data: Any = None
    event: Any = None
    project: Any = None
    message: Any = None


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """At most one signal. Raises ParseError for a shape that isn't Sentry's."""
    hook = decode_as(row.body, Hook)
    document = decode_json(row.body)
    if not isinstance(hook.data, dict):
        if hook.project is None and hook.event is None and hook.message is None:
            raise ParseError("neither a webhook of the integration platform nor of the legacy plugin", "$")
        return [_legacy(row, document)]
    resource = row.headers.get("sentry-hook-resource", "").lower() or _resource(hook.data)
    action = text_of(hook.action).lower()
    if resource == "metric_alert":
        return [_metric(row, part(hook.data, "$.metric_alert"), hook.data, action)]
    if resource in ("event_alert", "error"):
        return [
            _event(row, part(hook.data, f"$.{'event' if resource == 'event_alert' else 'error'}"), hook.data)
        ]
    if resource == "issue" and action in ISSUE_KINDS:
        return [_issue(row, part(hook.data, "$.issue"), ISSUE_KINDS[action])]
    return []


def _resource(data: Mapping[str, Any]) -> str:
    names = (
        ("metric_alert", "metric_alert"),
        ("event", "event_alert"),
        ("error", "error"),
        ("issue", "issue"),
    )
    return next((resource for name, resource in names if isinstance(data.get(name), dict)), "")


def _event(row: Received, event: Mapping[str, Any], data: Mapping[str, Any]) -> Signal:
    title = at(event, "$.title", "$.metadata.title", "$.message")
    if not title:
        raise ParseError("an event needs a title", "$.data.event.title")
    return built(
        row,
        kind=SignalKind.TRIGGER,
        key=f"issue/{at(event, '$.issue_id', '$.groupID') or digest(title)}",
        title=title,
        happened=instant(event.get("datetime") or event.get("timestamp")),
        texts=(
            at(event, "$.culprit"),
            at(event, "$.message", "$.logentry.formatted"),
            at(data, "$.triggered_rule"),
        ),
        severity=severity_of(at(event, "$.level")),
        service=_tag(event, "service") or at(event, "$.project_name", "$.project_slug"),
        ci=_tag(event, "server_name"),
        labels={**_tags(event), "rule": data.get("triggered_rule"), "platform": event.get("platform")},
        links=[(event.get("web_url"), "event")],
    )


def _issue(row: Received, issue: Mapping[str, Any], kind: SignalKind) -> Signal:
    title = at(issue, "$.title", "$.metadata.title", "$.culprit")
    if not title:
        raise ParseError("an issue needs a title", "$.data.issue.title")
    return built(
        row,
        kind=kind,
        key=f"issue/{at(issue, '$.id') or digest(title)}",
        title=title,
        happened=instant(issue.get("lastSeen")) if kind is SignalKind.TRIGGER else None,
        texts=(at(issue, "$.culprit"), at(issue, "$.metadata.value")),
        severity=severity_of(at(issue, "$.level")),
        service=at(issue, "$.project.slug", "$.project.name"),
        labels={"short_id": issue.get("shortId"), "platform": issue.get("platform")},
        links=[(issue.get("web_url") or issue.get("permalink"), "issue")],
    )


def _metric(row: Received, alert: Mapping[str, Any], data: Mapping[str, Any], action: str) -> Signal:
    title = at(alert, "$.title", "$.alert_rule.name") or at(data, "$.description_title")
    if not title:
        raise ParseError("a metric alert needs a title", "$.data.metric_alert.title")
    resolved = action == "resolved"
    return built(
        row,
        kind=SignalKind.RESOLVE if resolved else SignalKind.TRIGGER,
        key=f"metric/{at(alert, '$.alert_rule.id', '$.id') or digest(title)}",
        title=title,
        happened=instant(alert.get("date_closed" if resolved else "date_started")),
        texts=(at(data, "$.description_text"),),
        severity=severity_of(action),
        service=at(alert, "$.projects[0]"),
        labels={"aggregate": at(alert, "$.alert_rule.aggregate"), "query": at(alert, "$.alert_rule.query")},
        links=[(data.get("web_url"), "alert")],
    )


def _legacy(row: Received, document: Mapping[str, Any]) -> Signal:
    """The webhook plugin, and the service hooks that took its shape."""
    title = at(document, "$.event.title", "$.event.metadata.title", "$.message", "$.culprit")
    if not title:
        raise ParseError("an event needs a title", "$.event.title")
    event = part(document, "$.event")
    return built(
        row,
        kind=SignalKind.TRIGGER,
        key=f"issue/{at(document, '$.id') or digest(title, at(document, '$.project'))}",
        title=title,
        happened=instant(event.get("timestamp") or event.get("datetime") or event.get("received")),
        texts=(at(document, "$.message"), at(document, "$.culprit")),
        severity=severity_of(at(document, "$.level", "$.event.level")),
        service=at(document, "$.project_name", "$.project_slug", "$.project"),
        ci=_tag(event, "server_name"),
        labels={**_tags(event), "logger": document.get("logger"), "rules": document.get("triggering_rules")},
        links=[(document.get("url"), "issue")],
    )


def _tags(event: Mapping[str, Any]) -> dict[str, str]:
    tags = event.get("tags")
    pairs = tags if isinstance(tags, list) else []
    return {text_of(pair[0]): text_of(pair[1]) for pair in pairs if isinstance(pair, list) and len(pair) == 2}


def _tag(event: Mapping[str, Any], name: str) -> str:
    return _tags(event).get(name, "")
