"""EventBridge events (`detail-type`, `source`, `detail`) → signals, for those services that report trouble.

https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html

CloudWatch alarms are the same alerts as by SNS (identity: the alarm's ARN). GuardDuty and Security Hub findings are
security alerts, identified by their own id; AWS Health events by their ARN, ended by `closed`. Any other event is
read like generic JSON, identified by its type and its first resource.
"""

from collections.abc import Mapping
from typing import Any

from firstline.intake.signal import Severity, Signal, SignalKind
from firstline.intake.sources.building import at, built, part
from firstline.intake.sources.generic.guess import guessed
from firstline.intake.sources.generic.mapping import kind_of_word
from firstline.intake.sources.generic.paths import render
from firstline.intake.sources.parsing import Received, digest, instant
from firstline.intake.sources.sns.severity import severity_of, severity_of_state

ENDED = ("RESOLVED", "ARCHIVED", "SUPPRESSED")


def is_event(document: object) -> bool:
    """Whether this is an event of EventBridge."""
    return (
        isinstance(document, dict) and "detail-type" in document and isinstance(document.get("detail"), dict)
    )


def signals_of(row: Received, event: Mapping[str, Any]) -> list[Signal]:
    """One signal per event, or per finding in it."""
    kind, source, detail = at(event, '$["detail-type"]'), at(event, "$.source"), part(event, "$.detail")
    if source == "aws.cloudwatch" and "alarmName" in detail:
        return [_alarm(row, event, detail)]
    if source == "aws.guardduty":
        return [_finding(row, event, detail, 0)]
    if source == "aws.securityhub" and isinstance(detail.get("findings"), list):
        findings = [finding for finding in detail["findings"] if isinstance(finding, dict)]
        return [_finding(row, event, finding, number) for number, finding in enumerate(findings)]
    if source == "aws.health":
        return [_health(row, event, detail)]
    return [_other(row, event, detail, kind)]


def _resource(event: Mapping[str, Any]) -> str:
    return at(event, "$.resources[0]")


def _alarm(row: Received, event: Mapping[str, Any], detail: Mapping[str, Any]) -> Signal:
    name, state = at(detail, "$.alarmName"), at(detail, "$.state.value")
    metric = at(detail, "$.configuration.metrics[0].metricStat.metric.name")
    return built(
        row,
        kind=SignalKind.RESOLVE if state.upper() == "OK" else SignalKind.TRIGGER,
        key=_resource(event) or "/".join((at(event, "$.account"), at(event, "$.region"), name)),
        title=name,
        happened=instant(detail.get("state", {}).get("timestamp")) or instant(event.get("time")),
        texts=(at(detail, "$.configuration.description"), at(detail, "$.state.reason")),
        severity=severity_of_state(state),
        labels={**_labels(event), "metric": metric},
    )


def _finding(row: Received, event: Mapping[str, Any], finding: Mapping[str, Any], position: int) -> Signal:
    """GuardDuty writes names small, Security Hub (ASFF) with capitals."""
    title = at(finding, "$.title", "$.Title", "$.type", "$.Types[0]") or "Finding"
    over = at(finding, "$.Workflow.Status") in ENDED or at(finding, "$.RecordState") in ENDED
    return built(
        row,
        kind=SignalKind.RESOLVE if over else SignalKind.TRIGGER,
        key=at(finding, "$.arn", "$.Id", "$.id") or digest(title, _resource(event)),
        title=title,
        happened=instant(at(finding, "$.updatedAt", "$.UpdatedAt", "$.service.eventLastSeen")),
        texts=(at(finding, "$.description", "$.Description"), at(finding, "$.type", "$.Types[0]")),
        severity=severity_of(at(finding, "$.Severity.Label", "$.severity", "$.Severity.Normalized")),
        ci=at(finding, "$.resource.instanceDetails.instanceId", "$.Resources[0].Id"),
        security=True,
        labels=_labels(event),
        position=position,
    )


def _health(row: Received, event: Mapping[str, Any], detail: Mapping[str, Any]) -> Signal:
    service, code = at(detail, "$.service"), at(detail, "$.eventTypeCode")
    kind = SignalKind.TRIGGER
    if at(detail, "$.statusCode") == "closed":
        kind = SignalKind.RESOLVE
    elif at(detail, "$.eventTypeCategory") in ("scheduledChange", "accountNotification"):
        kind = SignalKind.NOTE
    return built(
        row,
        kind=kind,
        key=at(detail, "$.eventArn") or digest(service, code),
        title=f"AWS Health: {code.replace('_', ' ').lower() or service}",
        happened=instant(at(detail, "$.startTime")),
        texts=(at(detail, "$.eventDescription[0].latestDescription"),),
        severity=Severity.ERROR,
        service=service,
        labels=_labels(event),
    )


def _other(row: Received, event: Mapping[str, Any], detail: Mapping[str, Any], kind: str) -> Signal:
    places = guessed(dict(detail))
    said = render(detail, places.title)
    subject = _resource(event)
    return built(
        row,
        kind=kind_of_word(render(detail, places.state), places),
        key=render(detail, places.key) or "/".join(each for each in (kind, subject) if each),
        title=": ".join(each for each in (kind, said) if each),
        happened=instant(event.get("time")),
        texts=(render(detail, places.description),),
        severity=severity_of(render(detail, places.severity)),
        ci=subject.rpartition("/")[2] or subject,
        labels=_labels(event),
    )


def _labels(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "account": event.get("account"),
        "region": event.get("region"),
        "source": event.get("source"),
        "detail_type": event.get("detail-type"),
    }
