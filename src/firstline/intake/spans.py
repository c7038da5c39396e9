"""Alerts and their spans in bulk SQL: read the latest, write what a fold came to."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from firstline.core import bulk
from firstline.intake.batch import Batch, Known
from firstline.intake.dedup import Span, SpanState
from firstline.intake.hints import Place
from firstline.intake.signal import Severity, Signal, openable

LOAD = """
SELECT a.id, a.dedup_key, s.id, s.state, s.severity, s.count, s.started_at, s.first_seen_at, s.last_seen_at, s.ends_at,
  s.ended_at, s.incident_id, s.service_id, s.ci_id, CASE WHEN s.state = 'suppressed' THEN s.reasons END
FROM alert a LEFT JOIN LATERAL (SELECT * FROM alert_span WHERE alert_id = a.id ORDER BY id DESC LIMIT 1) s ON true
WHERE a.source_id = %s AND a.dedup_key = ANY(%b)
"""
STATES = {state.value: state for state in SpanState}
SEVERITIES = {severity.value: severity for severity in Severity}


def load(source_id: int, keys: Iterable[str]) -> Known:
    """The latest span of each key that has one. `incidents` maps span to incident."""
    known = Known({}, {}, {})
    for alert_id, key, span_id, state, severity, *rest in bulk.fetch(LOAD, [source_id, list(keys)]):
        known.alerts[key] = alert_id
        if span_id is None:
            continue
        count, started, first_seen, last_seen, ends, ended, incident, service, ci, reasons = rest
        known.spans[key] = Span(
            key=key,
            id=span_id,
            state=STATES[state],
            severity=SEVERITIES[severity],
            count=count,
            started_at=started,
            first_seen_at=first_seen,
            last_seen_at=last_seen,
            ends_at=ends,
            ended_at=ended,
            service_id=service,
            ci_id=ci,
            reasons=reasons,
        )
        if incident is not None:
            known.incidents[span_id] = incident
    return known


def store_alerts(source_id: int, fresh: Sequence[Span], known: Known) -> None:
    """One alert row per key with a new span; `known.alerts` names them all afterwards."""
    opened: dict[str, list[Span]] = {}
    for span in fresh:
        opened.setdefault(span.key, []).append(span)
    if not opened:
        return
    rows = [
        {"k": key, "f": group[0].first_seen_at, "l": group[-1].last_seen_at, "n": len(group)}
        for key, group in opened.items()
    ]
    known.alerts.update(bulk.fetch(STORE_ALERTS, [source_id, msgspec.json.encode(rows).decode()]))


STORE_ALERTS = """
INSERT INTO alert (source_id, dedup_key, first_seen_at, last_seen_at, spans_count)
SELECT %s, k, f, l, n FROM json_to_recordset(%s::json) AS t(k text, f timestamptz, l timestamptz, n int)
ON CONFLICT (source_id, dedup_key) DO UPDATE SET
  last_seen_at = greatest(alert.last_seen_at, excluded.last_seen_at),
  spans_count = alert.spans_count + excluded.spans_count
RETURNING dedup_key, id
"""
COLUMNS: tuple[tuple[str, str], ...] = (
    ("id", "bigint"),
    ("alert_id", "bigint"),
    ("source_id", "bigint"),
    ("state", "text"),
    ("title", "text"),
    ("description", "text"),
    ("severity", "text"),
    ("security", "boolean"),
    ("service_id", "bigint"),
    ("ci_id", "bigint"),
    ("incident_id", "bigint"),
    ("grouping_key", "text"),
    ("labels", "jsonb"),
    ("entities", "jsonb"),
    ("tactics", "jsonb"),
    ("techniques", "jsonb"),
    ("links", "jsonb"),
    ("first_seen_at", "timestamptz"),
    ("last_seen_at", "timestamptz"),
    ("started_at", "timestamptz"),
    ("ends_at", "timestamptz"),
    ("ended_at", "timestamptz"),
    ("expiry_look_at", "timestamptz"),
    ("count", "int"),
    ("inbox_id", "bigint"),
    ("inbox_received_at", "timestamptz"),
    ("reasons", "jsonb"),
    ("clock_ahead", "float8"),
)
_NAMES = ", ".join(name for name, _ in COLUMNS)
_TYPED = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
# one JSON text is bound many times faster than a column of arrays each
INSERT = f"INSERT INTO alert_span ({_NAMES}) SELECT {_NAMES} FROM json_to_recordset(%s::json) AS t({_TYPED})"  # noqa: S608
UPDATE = f"""
UPDATE alert_span AS s SET
  state = t.state, severity = t.severity, last_seen_at = t.last_seen_at, started_at = t.started_at,
  ends_at = t.ends_at, expiry_look_at = least(s.expiry_look_at, t.ends_at),
  ended_at = t.ended_at, count = t.count, clock_ahead = coalesce(t.clock_ahead, s.clock_ahead),
  title = coalesce(t.title, s.title), description = coalesce(t.description, s.description),
  labels = coalesce(t.labels, s.labels), entities = coalesce(t.entities, s.entities),
  tactics = coalesce(t.tactics, s.tactics), techniques = coalesce(t.techniques, s.techniques),
  links = coalesce(t.links, s.links), inbox_id = coalesce(t.inbox_id, s.inbox_id),
  inbox_received_at = coalesce(t.inbox_received_at, s.inbox_received_at),
  reasons = coalesce(t.reasons, s.reasons)
FROM json_to_recordset(%s::json) AS t({_TYPED}) WHERE s.id = t.id
"""  # noqa: S608


def number(fresh: Sequence[Span], places: Mapping[tuple[str, str], Place]) -> None:
    """Give each new span its `id` and its place."""
    if not fresh:
        return
    numbers = bulk.fetch(
        "SELECT nextval(pg_get_serial_sequence('alert_span', 'id')) FROM generate_series(1, %s::int)",
        [len(fresh)],
    )
    for span, (number,) in zip(fresh, numbers, strict=True):
        assert span.signal is not None  # a span is opened by a trigger
        place = places[span.signal.service, span.signal.ci]
        span.id, span.service_id, span.ci_id = number, place.service_id, place.ci_id


def insert(batch: Batch, received: Mapping[int, datetime]) -> None:
    """Store the new spans of a batch."""
    if batch.fresh:
        rows = [_row(span, received) | _birth(span, batch) for span in batch.fresh]
        bulk.execute(INSERT, [msgspec.json.encode(rows).decode()])


def update(spans: Sequence[Span], received: Mapping[int, datetime]) -> None:
    """Write what the fold changed in spans that were there; texts only where a trigger brought new ones."""
    if spans:
        bulk.execute(UPDATE, [msgspec.json.encode([_row(span, received) for span in spans]).decode()])


def _row(span: Span, received: Mapping[int, datetime]) -> dict[str, Any]:
    """What a batch may change in a span."""
    row = {
        "id": span.id,
        "state": span.state,
        "severity": span.severity,
        "last_seen_at": span.last_seen_at,
        "started_at": span.started_at,
        "ends_at": span.ends_at,
        "ended_at": span.ended_at,
        "count": span.count,
        "reasons": span.reasons,
    }
    return row | _texts(span.signal, received) if span.signal else row


def _birth(span: Span, batch: Batch) -> dict[str, Any]:
    """What stays as it was when the span was opened."""
    signal = span.signal
    assert signal is not None  # a span is opened by a trigger
    return {
        "alert_id": batch.known.alerts[span.key],
        "source_id": batch.source.id,
        "security": signal.security,
        "service_id": span.service_id,
        "ci_id": span.ci_id,
        "incident_id": batch.known.incidents.get(span.id) if span.id else None,
        "grouping_key": signal.group,
        "first_seen_at": span.first_seen_at,
        "expiry_look_at": span.ends_at,
        "reasons": span.reasons or [],
    }


def _texts(signal: Signal, received: Mapping[int, datetime]) -> dict[str, Any]:
    return {
        "title": signal.title,
        "description": signal.description,
        "labels": signal.labels,
        "entities": signal.entities,
        "tactics": signal.tactics,
        "techniques": signal.techniques,
        "links": openable(signal.links),
        "inbox_id": signal.row or None,
        "inbox_received_at": received.get(signal.row),
        "clock_ahead": signal.clock_ahead,
    }
