"""Alertmanager's API v2, as Prometheus pushes to it → signals.

Prometheus repeats every firing alert each minute with an end in the future: firing, and expired then
unless pushed again. An end in the past: resolved. No end: expires `resolve_timeout` after the push. An
element that Alertmanager would refuse is left out here too; the gateway has already named it in its answer.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from firstline.intake.signal import Link, Signal, SignalKind
from firstline.intake.sources.alertmanager.labels import group_of, signal_of, text_map
from firstline.intake.sources.parsing import (
    ParseError,
    Received,
    decode_json,
    instant,
    labels_digest,
    text_of,
)

RESOLVE_TIMEOUT = timedelta(minutes=5)


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """One signal per valid element. Raises ParseError when the body isn't an array, or no element is
    valid.
    """
    elements = decode_json(row.body)
    if not isinstance(elements, list):
        raise ParseError("expected an array of alerts", "$")
    signals = [
        signal
        for position, element in enumerate(elements)
        if (signal := _signal(row, settings, position, element)) is not None
    ]
    if elements and not signals:
        raise ParseError("no element has labels, or each ends before it starts", "$[0].labels")
    return signals


def resolve_timeout(settings: Mapping[str, Any]) -> timedelta:
    """How long an alert without an end lives after its last push; `resolve_timeout` of the source, in
    seconds.
    """
    seconds = settings.get("resolve_timeout")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 1e7:
        return timedelta(seconds=seconds)
    return RESOLVE_TIMEOUT


def _signal(row: Received, settings: Mapping[str, Any], position: int, element: object) -> Signal | None:
    if not isinstance(element, dict):
        return None
    labels = text_map(element.get("labels"))
    starts, ends = instant(element.get("startsAt")), instant(element.get("endsAt"))
    if not labels or (starts and ends and ends < starts):
        return None
    resolved = ends is not None and ends <= row.received_at
    generator = text_of(element.get("generatorURL"))
    return signal_of(
        row,
        settings,
        key=labels_digest(labels),
        kind=SignalKind.RESOLVE if resolved else SignalKind.TRIGGER,
        labels=labels,
        annotations=text_map(element.get("annotations")),
        happened=ends if resolved else starts,
        ends_at=None if resolved else _expiry(row.received_at, ends, settings),
        group=group_of(labels, settings),
        links=[Link(generator, "source")] if generator else [],
        position=position,
    )


def _expiry(received_at: datetime, ends: datetime | None, settings: Mapping[str, Any]) -> datetime:
    return ends if ends is not None else received_at + resolve_timeout(settings)
