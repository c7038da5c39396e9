"""Signals fold into spans: pure deduplication.

An alert is one (source, key); a span is one stretch of it from the first trigger to its end. Rules, in
the order of the signals' rows:

1. A trigger continues the open span of its key: count + 1, latest text and severity, earliest start. An
acknowledged span stays acknowledged.
2. A trigger without an open span opens one with count 1 – after a resolve, and after an expiry as well.
3. Acknowledge and resolve act on the open span; without one they are dropped, as PagerDuty documents it.
A resolve also settles a last span that has expired: the source is back and says that it is over.
4. Notes and changes are no alerts; they are handed on.
5. A span that is held because its alert flaps stays open whatever it is told, until it is quiet (`suppression`).

Expired is not resolved: the source fell silent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from firstline.intake.signal import Severity, Signal, SignalKind


class SpanState(StrEnum):
    """What is known about a stretch of an alert."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SUPPRESSED = "suppressed"
    RESOLVED = "resolved"
    EXPIRED = "expired"

    @property
    def is_open(self) -> bool:
        """Whether further signals of the key belong to this span."""
        return self in (SpanState.FIRING, SpanState.ACKNOWLEDGED, SpanState.SUPPRESSED)


@dataclass(slots=True, kw_only=True)
class Span:
    """A span while it is folded. `id` is None until it is stored; `signal` is the latest trigger of
    this batch; `reasons`: why it is muted, each – None: as stored. `turns`: when a span that is held because it flaps
    started or ended (True) anew in this batch.
    """

    key: str
    id: int | None = None
    state: SpanState = SpanState.FIRING
    severity: Severity = Severity.ERROR
    count: int = 0
    started_at: datetime
    first_seen_at: datetime
    last_seen_at: datetime
    ends_at: datetime | None = None
    ended_at: datetime | None = None
    signal: Signal | None = None
    touched: bool = False
    acknowledged_now: bool = False
    service_id: int | None = None  # where it belongs, since it was opened
    ci_id: int | None = None
    reasons: list[dict[str, Any]] | None = None
    turns: list[tuple[datetime, bool]] | None = None

    @property
    def is_held(self) -> bool:
        """Whether it flaps: then its ends are noted, and it stays open until it is quiet."""
        return (
            self.reasons is not None
            and self.state is SpanState.SUPPRESSED
            and any(reason["kind"] == "flapping" for reason in self.reasons)
        )

    @property
    def is_over(self) -> bool:
        """Of a held span: whether it said last that it is over."""
        if self.turns:
            return self.turns[-1][1]
        return any(reason.get("ended") for reason in self.reasons or ())

    @property
    def is_new(self) -> bool:
        """Whether this batch opened it."""
        return self.id is None


@dataclass(slots=True)
class Fold:
    """What a batch came to: spans to insert or update (in order of opening), and signals that made none."""

    spans: list[Span] = field(default_factory=list)
    dropped: list[Signal] = field(default_factory=list)
    changes: list[Signal] = field(default_factory=list)
    notes: list[Signal] = field(default_factory=list)


def fold(latest: Mapping[str, Span], signals: Iterable[Signal], received: Mapping[int, datetime]) -> Fold:
    """`signals`, in order, over the latest span of each key.

    `received` tells when each row came in, which is what first and last seen mean; rows that it doesn't
    name count as received when they occurred. The spans in `latest` are changed in place.
    """
    result = Fold()
    current = dict(latest)
    for signal in signals:
        if signal.kind is SignalKind.CHANGE:
            result.changes.append(signal)
        elif signal.kind is SignalKind.NOTE:
            result.notes.append(signal)
        else:
            seen_at = received.get(signal.row, signal.occurred_at)
            span = _apply(current.get(signal.key), signal, seen_at)
            if span is None:
                result.dropped.append(signal)
                continue
            current[signal.key] = span
            if not span.touched:
                span.touched = True
                result.spans.append(span)
    return result


def _apply(span: Span | None, signal: Signal, seen_at: datetime) -> Span | None:
    """The span that `signal` belongs to, changed by it; None when there is nothing to act on."""
    if signal.kind is SignalKind.TRIGGER:
        if span is None or not span.state.is_open:
            span = Span(
                key=signal.key, started_at=signal.occurred_at, first_seen_at=seen_at, last_seen_at=seen_at
            )
        return _trigger(span, signal, seen_at)
    if span is None:
        return None
    if signal.kind is SignalKind.ACKNOWLEDGE:
        return _acknowledge(span, seen_at)
    return _resolve(span, signal, seen_at)


def _trigger(span: Span, signal: Signal, seen_at: datetime) -> Span:
    if span.reasons and span.is_held and span.is_over:
        span.turns = [*(span.turns or ()), (seen_at, False)]
    span.count += 1
    span.severity = signal.severity
    span.started_at = min(span.started_at, signal.occurred_at)
    span.last_seen_at = max(span.last_seen_at, seen_at)
    span.ends_at = signal.ends_at
    span.signal = signal
    return span


def _acknowledge(span: Span, seen_at: datetime) -> Span | None:
    if not span.state.is_open:
        return None
    if span.state is SpanState.FIRING:
        span.state = SpanState.ACKNOWLEDGED
        span.acknowledged_now = True
    span.last_seen_at = max(span.last_seen_at, seen_at)
    return span


def _resolve(span: Span, signal: Signal, seen_at: datetime) -> Span | None:
    if span.state is SpanState.RESOLVED:
        return None
    if span.reasons and span.is_held:
        if not span.is_over:
            span.turns = [*(span.turns or ()), (max(span.started_at, signal.occurred_at), True)]
        span.last_seen_at = max(span.last_seen_at, seen_at)
        return span
    span.state = SpanState.RESOLVED
    span.ended_at = max(span.started_at, signal.occurred_at)
    span.last_seen_at = max(span.last_seen_at, seen_at)
    span.ends_at = None
    return span


def has_expired(ends_at: datetime | None, now: datetime) -> bool:
    """Whether a span whose source announced an end, and never repeated it, counts as expired."""
    return ends_at is not None and ends_at <= now


def source_suspected(open_before: int, expired: int) -> bool:
    """Whether the source itself is in doubt: several alerts were open and all of them expired together."""
    return expired > 1 and expired >= open_before
