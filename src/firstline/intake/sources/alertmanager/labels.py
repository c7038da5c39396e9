"""What labels and annotations mean, shared by everything that speaks Prometheus' language.

Which label tells the service or the machine is convention, not standard; a source's settings may name others
(`service_labels`, `ci_labels`, `group_by`).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from firstline.intake.entities import observed
from firstline.intake.signal import EntityKind, Link, Signal, SignalKind
from firstline.intake.sources.alertmanager.severity import severity_of
from firstline.intake.sources.parsing import Received, clamped, digest, headline, joined, text_of

SERVICE_LABELS = ("service", "app", "application", "app_kubernetes_io_name", "job")
CI_LABELS = ("instance", "host", "hostname", "node", "nodename", "pod", "device")
GROUP_LABELS = ("alertname", "cluster", "namespace", "service", "job")
TITLE_ANNOTATIONS = ("summary", "title", "message")
TEXT_ANNOTATIONS = ("description", "message", "text")
LINK_ANNOTATIONS = ("runbook_url", "runbook", "dashboard_url", "dashboard")


def signal_of(
    row: Received,
    settings: Mapping[str, Any],
    *,
    key: str,
    kind: SignalKind,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    happened: datetime | None,
    ends_at: datetime | None = None,
    group: str = "",
    links: Iterable[Link] = (),
    position: int = 0,
) -> Signal:
    """One alert of the Prometheus world as a signal."""
    title, rest = headline(_title(labels, annotations))
    occurred_at, ahead = clamped(happened, row.received_at)
    ci = _first(labels, _names(settings, "ci_labels", CI_LABELS))
    return Signal(
        kind=kind,
        key=key,
        title=title,
        description=joined(rest, *(annotations.get(name, "") for name in TEXT_ANNOTATIONS)),
        severity=severity_of(
            labels.get("severity") or annotations.get("severity") or labels.get("priority", "")
        ),
        service=_first(labels, _names(settings, "service_labels", SERVICE_LABELS)),
        ci=ci,
        group=group,
        security=labels.get("security", "").lower() in ("true", "1", "yes"),
        entities=tuple(observed(EntityKind.HOST, ci)),
        labels=dict(labels),
        links=(*links, *annotation_links(annotations)),
        occurred_at=occurred_at,
        clock_ahead=ahead,
        ends_at=ends_at,
        row=row.id,
        position=position,
    )


def group_of(labels: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    """The grouping key of an alert that came without one: its values of the grouping labels."""
    names = _names(settings, "group_by", GROUP_LABELS)
    found = {name: labels[name] for name in names if labels.get(name)}
    return digest(sorted(found.items())) if found else ""


def text_map(values: object) -> dict[str, str]:
    """Labels as text; a number or a boolean that a script put there is accepted."""
    if not isinstance(values, dict):
        return {}
    return {text_of(name): text_of(value) for name, value in values.items() if value not in (None, "")}


def annotation_links(annotations: Mapping[str, str]) -> list[Link]:
    """Runbook and dashboard, where the annotations name them."""
    return [
        Link(annotations[name], name.removesuffix("_url"))
        for name in LINK_ANNOTATIONS
        if annotations.get(name, "").startswith(("http://", "https://"))
    ]


def _title(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """The rule's name leads, as people know an alert by it; what the summary says already is not said twice."""
    name = labels.get("alertname", "")
    summary = _first(annotations, TITLE_ANNOTATIONS) or labels.get("summary", "")
    if not name or not summary:
        return summary or name or "Alert without a name"
    return summary if name.lower() in summary.lower() else f"{name}: {summary}"


def _first(values: Mapping[str, str], names: Iterable[str]) -> str:
    return next((values[name] for name in names if values.get(name)), "")


def _names(settings: Mapping[str, Any], name: str, usual: tuple[str, ...]) -> tuple[str, ...]:
    chosen = settings.get(name)
    return tuple(map(str, chosen)) if isinstance(chosen, list | tuple) and chosen else usual
