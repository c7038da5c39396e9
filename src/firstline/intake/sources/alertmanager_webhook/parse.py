"""Alertmanager's webhook, version 4 (and Grafana's, which has its shape) → signals.

The identity of an alert is the sender's fingerprint, else its label set; the grouping key is the
sender's groupKey, else its group labels. Firing alerts carry no end here: the sender tells when they resolve.
"""

from collections.abc import Mapping
from typing import Any

from firstline.intake.signal import Link, Signal, SignalKind
from firstline.intake.sources.alertmanager.labels import group_of, signal_of, text_map
from firstline.intake.sources.parsing import (
    ParseError,
    Received,
    bounded_key,
    decode_json,
    instant,
    labels_digest,
    text_of,
)

GRAFANA_LINKS = ("silenceURL", "dashboardURL", "panelURL")


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """One signal per alert of the group. Raises ParseError when there is no list `alerts`."""
    envelope = decode_json(row.body)
    if not isinstance(envelope, dict):
        raise ParseError("expected an object with a list of alerts", "$")
    alerts = envelope.get("alerts")
    if not isinstance(alerts, list):
        raise ParseError("expected a list of alerts", "$.alerts")
    return [_signal(row, settings, envelope, position, alert) for position, alert in enumerate(alerts)]


def _signal(
    row: Received, settings: Mapping[str, Any], envelope: Mapping[str, Any], position: int, alert: object
) -> Signal:
    if not isinstance(alert, dict):
        raise ParseError("expected an alert as an object", f"$.alerts[{position}]")
    # in a true payload the common labels are a part of each alert's; in one made by a template they may be all it has
    labels = text_map(alert.get("labels")) | text_map(envelope.get("commonLabels"))
    annotations = text_map(envelope.get("commonAnnotations")) | text_map(alert.get("annotations"))
    if not labels and not annotations:
        raise ParseError("an alert needs labels", f"$.alerts[{position}].labels")
    left_out = envelope.get("truncatedAlerts")
    if position == 0 and isinstance(left_out, int) and left_out > 0:
        annotations["text"] = f"The sender left out {left_out} further alerts of this group."
    resolved = _resolved(alert, envelope)
    return signal_of(
        row,
        settings,
        key=bounded_key(text_of(alert.get("fingerprint"))) or labels_digest(labels or annotations),
        kind=SignalKind.RESOLVE if resolved else SignalKind.TRIGGER,
        labels=labels,
        annotations=annotations,
        happened=instant(alert.get("endsAt" if resolved else "startsAt")),
        group=bounded_key(text_of(envelope.get("groupKey"))) or _group(envelope, labels, settings),
        links=_links(alert),
        position=position,
    )


def _resolved(alert: Mapping[str, Any], envelope: Mapping[str, Any]) -> bool:
    """The alert's own status, else whether it has ended, else the group's status."""
    status = text_of(alert.get("status")).lower()
    if not status and instant(alert.get("endsAt")) is not None:
        return True
    return (status or text_of(envelope.get("status")).lower()) in ("resolved", "ok", "normal")


def _group(envelope: Mapping[str, Any], labels: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    grouping = text_map(envelope.get("groupLabels"))
    return labels_digest(grouping) if grouping else group_of(labels, settings)


def _links(alert: Mapping[str, Any]) -> list[Link]:
    found = [Link(text_of(alert.get("generatorURL")), "source")]
    found += [Link(text_of(alert.get(name)), name.removesuffix("URL")) for name in GRAFANA_LINKS]
    return [link for link in found if link.href]
