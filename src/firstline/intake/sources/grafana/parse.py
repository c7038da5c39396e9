"""Grafana's webhook → signals: unified alerting since version 8, and the legacy alerting before it.

Unified: Alertmanager's shape with `values`, `orgId`, `title` and `state` beside it; the identity is the alert's
fingerprint (a hash of its labels), the grouping key the sender's `groupKey`, and `status` resolves.

Legacy: one request is one rule, and the rule is the identity (organisation and `ruleId`); each series in
`evalMatches` is one signal of it, so that the count is of series. `ok` resolves; `pending` and `paused` say nothing
about an outage and give no signal; `no_data` and `alerting` trigger.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from firstline.intake.signal import Signal, SignalKind
from firstline.intake.sources.alertmanager.labels import CI_LABELS, SERVICE_LABELS
from firstline.intake.sources.alertmanager_webhook.parse import parse as parse_group
from firstline.intake.sources.building import built
from firstline.intake.sources.grafana.severity import severity_of
from firstline.intake.sources.parsing import ParseError, Received, decode_json, digest, joined, text_of

SILENT = ("pending", "paused")


class Match(msgspec.Struct, frozen=True):
    """One series that the rule found."""

    metric: Any = None
    value: Any = None
    tags: Any = None


class LegacyAlert(msgspec.Struct, frozen=True):
    """The webhook of Grafana's alerting up to version 8."""

    ruleId: Any = None  # noqa: N815 - the names of the wire
    ruleName: Any = None  # noqa: N815
    ruleUrl: Any = None  # noqa: N815
    title: Any = None
    state: Any = None
    message: Any = None
    imageUrl: Any = None  # noqa: N815
    orgId: Any = None  # noqa: N815
    dashboardId: Any = None  # noqa: N815
    panelId: Any = None  # noqa: N815
    tags: Any = None
    evalMatches: list[Match] | None = None  # noqa: N815


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """One signal per alert of the group, or per series of a legacy rule."""
    document = decode_json(row.body)
    if isinstance(document, dict) and "alerts" not in document and {"ruleName", "ruleId"} & document.keys():
        return _legacy(row, document)
    return [_enriched(signal, document) for signal in parse_group(row, settings)]


def _enriched(signal: Signal, envelope: Mapping[str, Any]) -> Signal:
    """What Grafana says beyond Alertmanager: the values that were measured, and the organisation."""
    alert = envelope["alerts"][signal.position]
    values = alert.get("values")
    measured = (
        "\n".join(f"{name}: {text_of(value)}" for name, value in values.items())
        if isinstance(values, dict)
        else ""
    )
    labels = dict(signal.labels)
    if organisation := text_of(envelope.get("orgId")):
        labels.setdefault("org_id", organisation)
    return msgspec.structs.replace(
        signal,
        description=joined(signal.description, measured or text_of(alert.get("valueString"))),
        labels=labels,
    )


def _legacy(row: Received, document: Mapping[str, Any]) -> list[Signal]:
    try:
        alert = msgspec.convert(document, LegacyAlert)
    except msgspec.ValidationError as error:
        raise ParseError(str(error), "$") from None
    state = text_of(alert.state).lower()
    title = text_of(alert.ruleName) or text_of(alert.title)
    if not title:
        raise ParseError("an alert needs a ruleName", "$.ruleName")
    if state in SILENT:
        return []
    matches = alert.evalMatches or [Match()]
    return [_series(row, alert, title, state, match, number) for number, match in enumerate(matches)]


def _series(row: Received, alert: LegacyAlert, title: str, state: str, match: Match, position: int) -> Signal:
    tags = {**_tags(match.tags), **_tags(alert.tags)}
    rule = text_of(alert.ruleId) or digest(title)
    measured = "\n".join(
        f"{text_of(each.metric)}: {text_of(each.value)}" for each in alert.evalMatches or [] if each.metric
    )
    return built(
        row,
        kind=SignalKind.RESOLVE if state == "ok" else SignalKind.TRIGGER,
        key="/".join(each for each in ("rule", text_of(alert.orgId), rule) if each),
        title=title,
        texts=(text_of(alert.message), measured),
        severity=severity_of(tags.get("severity", ""), state),
        service=next((tags[name] for name in SERVICE_LABELS if tags.get(name)), ""),
        ci=next((tags[name] for name in CI_LABELS if tags.get(name)), text_of(match.metric)),
        labels={**tags, "metric": match.metric, "dashboard": alert.dashboardId, "panel": alert.panelId},
        links=[(alert.ruleUrl, "rule"), (alert.imageUrl, "picture")],
        position=position,
    )


def _tags(values: object) -> dict[str, str]:
    return {str(name): text_of(value) for name, value in values.items()} if isinstance(values, dict) else {}
