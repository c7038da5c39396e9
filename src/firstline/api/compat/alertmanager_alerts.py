"""A source's open alerts as Alertmanager shows alerts. What Firstline mutes is suppressed there."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import QueryDict

from firstline.api.compat.alertmanager_silences import number_of
from firstline.intake import asked
from firstline.intake.models import AlertSpan, Source
from firstline.intake.sources.alertmanager.labels import GROUP_LABELS
from firstline.intake.sources.alertmanager.matchers import BadMatcher, Matcher, fingerprint, matcher_of
from firstline.intake.suppression import Reason, is_muted, reasons_from

MOST = 10_000
SILENCING = ("suppression", "maintenance")
INHIBITING = ("inhibition", "dependency")
FAR = timedelta(days=3650)
FALSE = ("false", "0", "f", "False", "FALSE", "F")


class TooMany(ValueError):
    """More alerts than one answer holds: nothing is left out silently."""


def listed(source: Source, query: QueryDict) -> list[dict[str, Any]]:
    """The alerts that the query means. Raises BadMatcher or TooMany."""
    matchers = [matcher_of(text) for text in query.getlist("filter")]
    if not _is_receiver(source, query.get("receiver", "")):
        return []
    rows = asked.open_spans(source, limit=MOST)
    if len(rows) > MOST:
        raise TooMany(f"more than {MOST} alerts are open: look at them in Firstline")
    rows = [row for row in rows if all(matcher.holds(row.labels) for matcher in matchers)]
    inhibitors = _fingerprints(source, rows)
    shown = [_shown(source, row, inhibitors) for row in rows]
    return sorted((alert for alert in shown if _wanted(alert, query)), key=lambda alert: alert["fingerprint"])


def grouped(source: Source, query: QueryDict) -> list[dict[str, Any]]:
    """The same by the labels that make a group of this source: what belongs to one incident."""
    chosen = source.settings.get("group_by")
    names = [str(name) for name in chosen] if isinstance(chosen, list) and chosen else list(GROUP_LABELS)
    groups: dict[tuple[tuple[str, str], ...], list[dict[str, Any]]] = {}
    for alert in listed(source, query):
        labels = alert["labels"]
        found = tuple(sorted((name, labels[name]) for name in names if labels.get(name)))
        groups.setdefault(found, []).append(alert)
    return [
        {"labels": dict(found), "receiver": {"name": source.name}, "alerts": alerts}
        for found, alerts in sorted(groups.items())
    ]


def _is_receiver(source: Source, pattern: str) -> bool:
    if not pattern:
        return True
    try:
        return Matcher("receiver", pattern, is_regex=True).holds({"receiver": source.name})
    except BadMatcher as error:
        raise BadMatcher(f"failed to parse receiver param: {error}") from None


def _fingerprints(source: Source, rows: Iterable[AlertSpan]) -> dict[int, str]:
    """Of the alerts of this source that inhibit others."""
    by = {
        reason.by
        for row in rows
        for reason in reasons_from(row.reasons)
        if reason.kind in INHIBITING and reason.by
    }
    if not by:
        return {}
    return {row.id: fingerprint(row.labels) for row in asked.spans(source).filter(id__in=by)}


def _shown(source: Source, row: AlertSpan, inhibitors: Mapping[int, str]) -> dict[str, Any]:
    links = {link.get("text", ""): link.get("href", "") for link in row.links}
    return {
        "annotations": _annotations(row, links),
        "endsAt": instant(row.ends_at or row.last_seen_at + FAR),
        "fingerprint": fingerprint(row.labels),
        "receivers": [{"name": source.name}],
        "startsAt": instant(row.started_at),
        "status": _status(row, inhibitors),
        "updatedAt": instant(row.last_seen_at),
        "generatorURL": links.get("source", ""),
        "labels": row.labels,
    }


def _annotations(row: AlertSpan, links: Mapping[str, str]) -> dict[str, str]:
    """As Firstline keeps them: the title is the summary, behind the rule's name."""
    name = row.labels.get("alertname", "")
    found = {"summary": row.title.removeprefix(f"{name}: "), "description": row.description}
    found |= {f"{text}_url": links[text] for text in ("runbook", "dashboard") if text in links}
    return {name: text for name, text in found.items() if text}


def _status(row: AlertSpan, inhibitors: Mapping[int, str]) -> dict[str, Any]:
    reasons: list[Reason] = reasons_from(row.reasons)
    return {
        "state": "suppressed" if is_muted(row.reasons) else "active",
        "silencedBy": [number_of(reason.rule) for reason in reasons if reason.kind in SILENCING],
        "inhibitedBy": [
            inhibitors.get(reason.by, str(reason.by)) for reason in reasons if reason.kind in INHIBITING
        ],
        "mutedBy": [reason.kind for reason in reasons if reason.kind not in (*SILENCING, *INHIBITING)],
    }


def _wanted(alert: Mapping[str, Any], query: QueryDict) -> bool:
    status = alert["status"]
    shown = {name: query.get(name, "true") not in FALSE for name in ("active", "silenced", "inhibited")}
    if status["state"] == "active":
        return shown["active"]
    if not shown["silenced"] and status["silencedBy"]:
        return False
    return shown["inhibited"] or not status["inhibitedBy"]


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
