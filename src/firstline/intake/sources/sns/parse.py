"""SNS messages → signals.

A subscription's confirmation is a handshake and no alert: a job confirms it. A notification of a CloudWatch alarm is
identified by the alarm's ARN (account, region and name without one); ALARM triggers, OK resolves, INSUFFICIENT_DATA,
which is sent only where somebody asked for it, triggers as a warning. An EventBridge event inside is read as that
(see `events`), other JSON like generic JSON, and text by its subject or first line.

A message whose certificate is not known yet waits as unreadable until the job has fetched it; the job reads it again.
"""

from collections.abc import Mapping
from typing import Any

from firstline.intake.signal import Entity, EntityKind, Signal, SignalKind
from firstline.intake.sources.building import at, built, part
from firstline.intake.sources.generic.parse import parse_document
from firstline.intake.sources.parsing import (
    ParseError,
    Received,
    decode_as,
    decode_json,
    digest,
    instant,
    text_of,
)
from firstline.intake.sources.sns.events import is_event, signals_of
from firstline.intake.sources.sns.front import HANDSHAKE
from firstline.intake.sources.sns.severity import severity_of_state
from firstline.intake.sources.sns.signature import is_signed
from firstline.intake.sources.sns.wire import CONFIRMATIONS, NOTIFICATION, Message

UNCHECKED = (
    "the certificate that it is signed with isn't known yet; it is fetched, and this is read again then"
)
MACHINES = (
    "InstanceId",
    "DBInstanceIdentifier",
    "ClusterName",
    "FunctionName",
    "LoadBalancer",
    "QueueName",
    "Host",
)


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """The signals of a message; none for a handshake. Raises ParseError while the signature can't be checked."""
    raw = "x-amz-sns-rawdelivery" in row.headers
    message = Message() if raw else decode_as(row.body, Message)
    if row.kind == HANDSHAKE or message.Type in CONFIRMATIONS:
        return []
    if message.Type != NOTIFICATION:
        return _content(row, row.body, text_of(row.headers.get("x-amz-sns-topic-arn")), "", settings)
    if not _checked(row, message, settings):
        raise ParseError(UNCHECKED, "$.SigningCertURL")
    said = message.Message
    content = said.encode("utf-8", "replace") if isinstance(said, str) else b""
    if not content and isinstance(said, dict):
        return _of_document(row, said, text_of(message.TopicArn), settings)
    return _content(row, content, text_of(message.TopicArn), text_of(message.Subject), settings)


def _checked(row: Received, message: Message, settings: Mapping[str, Any]) -> bool:
    """Whether the signature was found right; a test that Firstline sends itself has none."""
    if settings.get("unsigned") is True or row.headers.get("test") == "1":
        return True
    known = settings.get("certificates")
    certificate = known.get(message.certificate) if isinstance(known, dict) else None
    if certificate and not is_signed(message, str(certificate)):
        raise ParseError("the signature of this message is wrong", "$.Signature")
    return bool(certificate)


def _content(
    row: Received, content: bytes, topic: str, subject: str, settings: Mapping[str, Any]
) -> list[Signal]:
    try:
        document = decode_json(content)
    except ParseError:
        document = None
    if isinstance(document, dict):
        return _of_document(row, document, topic, settings)
    text = text_of(content.decode("utf-8", "replace"))
    title = subject or text.partition("\n")[0]
    if not title:
        raise ParseError("the message is empty", "$.Message")
    return [
        built(
            row,
            kind=SignalKind.TRIGGER,
            key=digest(topic, title),
            title=title,
            texts=(text,),
            labels={"topic": topic},
        )
    ]


def _of_document(
    row: Received, document: dict[str, Any], topic: str, settings: Mapping[str, Any]
) -> list[Signal]:
    if "AlarmName" in document and "NewStateValue" in document:
        return [_alarm(row, document, topic)]
    if is_event(document):
        return signals_of(row, document)
    return parse_document(row, document, settings)


def _alarm(row: Received, alarm: Mapping[str, Any], topic: str) -> Signal:
    name, state = at(alarm, "$.AlarmName"), at(alarm, "$.NewStateValue")
    if not name:
        raise ParseError("an alarm needs its name", "$.Message.AlarmName")
    trigger = part(alarm, "$.Trigger")
    dimensions = _dimensions(trigger)
    machine = next((dimensions[each] for each in MACHINES if dimensions.get(each)), "")
    machine = machine or next(iter(dimensions.values()), "")
    place = (at(alarm, "$.AWSAccountId"), at(alarm, "$.Region"), name)
    return built(
        row,
        kind=SignalKind.RESOLVE if state.upper() == "OK" else SignalKind.TRIGGER,
        key=at(alarm, "$.AlarmArn") or "/".join(each for each in place if each),
        title=name,
        happened=instant(alarm.get("StateChangeTime")),
        texts=(at(alarm, "$.AlarmDescription"), at(alarm, "$.NewStateReason")),
        severity=severity_of_state(state),
        ci=machine,
        entities=(Entity(EntityKind.HOST, dimensions["InstanceId"], "target"),)
        if "InstanceId" in dimensions
        else (),
        labels={
            "topic": topic,
            "account": at(alarm, "$.AWSAccountId"),
            "region": at(alarm, "$.Region"),
            "namespace": trigger.get("Namespace"),
            "metric": trigger.get("MetricName"),
            **dimensions,
        },
    )


def _dimensions(trigger: Mapping[str, Any]) -> dict[str, str]:
    """`[{"name": …, "value": …}]`; of a metric-math alarm, those of its first metric."""
    found = trigger.get("Dimensions") or at_list(trigger)
    pairs = found if isinstance(found, list) else []
    return {
        text_of(pair.get("name") or pair.get("Name")): text_of(pair.get("value") or pair.get("Value"))
        for pair in pairs
        if isinstance(pair, dict)
    }


def at_list(trigger: Mapping[str, Any]) -> object:
    """The dimensions of the first metric of a metric-math alarm."""
    metrics = trigger.get("Metrics")
    for each in metrics if isinstance(metrics, list) else []:
        metric = part(each, "$.MetricStat.Metric")
        if metric:
            return metric.get("Dimensions")
    return None
