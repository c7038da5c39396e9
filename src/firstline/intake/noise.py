"""The engine's part of muting: what is due is looked at again, and rules that come into force find what they mean.

1. A rule was written, edited, ended, or its window begins (`noise.rule`): what it muted is looked at again, and the
   open alerts are gone through, a few thousand at a time, for those that it means now. Half a minute after an edit
   once more: what was being stored at that moment was judged by the rules before.
2. A change begins or ends (`noise.change`), a source's floor was moved (`noise.floor`): the same for what they mean.
3. Muted alerts whose time has come (`alert.look`) are judged anew, source by source under the source's lock. What is
   not muted any more and has no incident gets one, as if it had come in at that moment.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection, transaction

from firstline.core import due
from firstline.core.due import DueItem
from firstline.core.locks import try_lock
from firstline.intake import ending, joining
from firstline.intake.batch import Batch, Known
from firstline.intake.dedup import Span, SpanState
from firstline.intake.hints import Place
from firstline.intake.matching import Facts, Index
from firstline.intake.models import Alert, AlertSpan, NoiseRule, Source
from firstline.intake.muting import (
    LOOK,
    Case,
    in_force,
    judge,
    rows_as_cause,
    schedule_looks,
    settle,
    store_causes,
    wake,
)
from firstline.intake.signal import Entity, Link, Severity, Signal, SignalKind
from firstline.intake.suppression import CHANGE, FLOOR, Force, Maintenance, Ready, is_muted, reasons_from
from firstline.intake.windows import following

RULE, CHANGED, FLOOR_MOVED = "noise.rule", "noise.change", "noise.floor"
CHUNK = 5000
LOOKS = 2000
ONCE_MORE = timedelta(seconds=30)


def run(now: datetime) -> int:
    """Everything that is due of it; returns how many rows were worked off."""
    return _rules(now) + _changes(now) + _floors(now) + _looks(now)


# --- what changed


@transaction.atomic
def _rules(now: datetime) -> int:
    items = due.claim(RULE, now=now, limit=10)
    if not items:
        return 0
    force = in_force(now)
    by_id = {each.id: each for each in force.rules} if force else {}
    for item in items:
        _rule(item, by_id.get(item.subject_id), force, now)
    return len(items)


def _rule(item: DueItem, rule: Ready | None, force: Force | None, now: datetime) -> None:
    after = int(item.payload.get("after", 0))
    if not after:
        wake([{"rule": item.subject_id}], now)
    last = _sweep(rule, force, after, now) if rule is not None and force is not None else None
    if last is not None:
        due.schedule(RULE, [(item.subject_id, now)], {**item.payload, "after": last})
        return
    due.finish([item])
    again = now + ONCE_MORE if item.payload.get("edited") else None
    coming = (
        following(rule.rule.window, now) if rule is not None and isinstance(rule.rule, Maintenance) else None
    )
    instants = [each for each in (again, coming and coming[0]) if each is not None]
    if instants:
        due.schedule(RULE, [(item.subject_id, min(instants))])


OPEN = """
SELECT s.id, s.alert_id, s.title, s.description, s.severity, s.security, s.source_id, o.kind, s.service_id, s.ci_id,
       a.dedup_key, s.grouping_key, s.labels::text, s.entities::text, s.tactics::text, s.techniques::text,
       s.reasons::text
FROM alert_span s JOIN alert a ON a.id = s.alert_id JOIN intake_source o ON o.id = s.source_id
WHERE s.ended_at IS NULL AND s.alert_id > %(after)s AND a.dedup_key NOT LIKE 'firstline:%%'
ORDER BY s.alert_id LIMIT %(chunk)s
"""


def _sweep(rule: Ready, force: Force, after: int, now: datetime) -> int | None:
    """Look again at the open alerts that the rule means and has not muted; returns where to go on, None at the end."""
    mutes = rule.kind == "suppression" or (rule.memory is not None and rule.memory.at(now) is not None)
    over = rule.rule.until is not None and rule.rule.until <= now
    if over or not (mutes or rule.cause is not None):
        return None
    with connection.cursor() as cursor:
        cursor.execute(OPEN, {"after": after, "chunk": CHUNK})
        rows = cursor.fetchall()
    meant, causes = [], []
    for row in rows:
        facts = _facts(row)
        if mutes and rule.match.holds(facts) and not _has(row[16], rule.id):
            meant.append((row[0], now))
        if rule.cause is not None:
            causes += [each for each in rows_as_cause(force, facts, row[0]) if each[0] == rule.id]
    store_causes(causes)
    due.schedule(LOOK, meant)
    return rows[-1][1] if len(rows) == CHUNK else None


def _has(reasons: str, rule_id: int) -> bool:
    return any(each.rule == rule_id for each in reasons_from(msgspec.json.decode(reasons)))


def _facts(row: Sequence[Any]) -> Facts:
    """A row of `OPEN` as facts."""
    labels, entities, tactics, techniques = (msgspec.json.decode(text) for text in row[12:16])
    return Facts(
        title=row[2],
        description=row[3],
        severity=Severity(row[4]),
        security=row[5],
        source_id=row[6],
        source_kind=row[7],
        service_id=row[8],
        ci_id=row[9],
        key=row[10],
        group=row[11],
        labels=labels,
        entities=[(each["kind"], each["value"]) for each in entities],
        techniques=(*tactics, *techniques),
    )


CHANGES = """
SELECT id, state, planned_start, planned_end, ci_id FROM change WHERE id = ANY(%s)
"""


@transaction.atomic
def _changes(now: datetime) -> int:
    items = due.claim(CHANGED, now=now, limit=200)
    if not items:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(CHANGES, [[item.subject_id for item in items]])
        rows = cursor.fetchall()
    due.finish(items)
    wake([{"kind": CHANGE, "by": item.subject_id} for item in items], now)
    for number, state, start, end, ci_id in rows:
        if state != "implementing" or ci_id is None or start is None or end is None or end <= now:
            continue
        if start > now:
            due.schedule(CHANGED, [(number, start)])
        else:
            spans = AlertSpan.objects.filter(ci_id=ci_id, ended_at=None, security=False)
            due.schedule(LOOK, [(span, now) for span in spans.values_list("id", flat=True)[:50_000]])
    return len(items)


@transaction.atomic
def _floors(now: datetime) -> int:
    items = due.claim(FLOOR_MOVED, now=now, limit=20)
    due.finish(items)
    for item in items:
        spans = AlertSpan.objects.filter(
            source_id=item.subject_id,
            ended_at=None,
            state=SpanState.SUPPRESSED,
            reasons__contains=[{"kind": FLOOR}],
        )
        due.schedule(LOOK, [(span, now) for span in spans.values_list("id", flat=True)[:50_000]])
    return len(items)


# --- what is looked at again

UNREAD = """
SELECT s.id FROM intake_source s WHERE s.id = ANY(%s) AND EXISTS (
  SELECT FROM inbox i WHERE i.source_id = s.id AND i.state = 'new' AND i.received_at <= %s)
"""


@transaction.atomic
def _looks(now: datetime) -> int:
    """A part of what is due. A source that is being read, or has said something that is not read yet, waits."""
    items = {item.subject_id: item for item in due.claim(LOOK, now=now, limit=LOOKS)}
    if not items:
        return 0
    rows = list(
        AlertSpan.objects.filter(id__in=list(items), ended_at=None)
        .select_related("alert", "source")
        .order_by("source_id", "id")
    )
    by_source: dict[int, list[AlertSpan]] = {}
    for row in rows:
        by_source.setdefault(row.source_id, []).append(row)
    with connection.cursor() as cursor:
        cursor.execute(UNREAD, [list(by_source), min(item.due_at for item in items.values())])
        waiting = {source for (source,) in cursor.fetchall()}
    kept: set[int] = set()
    for source_id, spans in by_source.items():
        if source_id in waiting or not try_lock(f"intake:source:{source_id}"):
            kept |= {span.id for span in spans}
            continue
        due.finish([items[span.id] for span in spans])
        _look(spans[0].source, [span.id for span in spans], now)
    known = {row.id for row in rows}
    due.finish([item for item in items.values() if item.subject_id not in known])
    return len(items) - len(kept)


def _look(source: Source, span_ids: Sequence[int], now: datetime) -> None:
    """Judge these spans anew: read again, as the lock of their source is held only now."""
    rows = list(
        AlertSpan.objects.filter(id__in=span_ids, ended_at=None)
        .select_related("alert", "source")
        .order_by("id")
    )
    cases = [_case(row, now) for row in rows]
    force = in_force(now) or Force(index=Index(()), causes=Index(()))
    judge(force, cases, Severity(source.severity_floor), now)
    for case in cases:
        settle(case)
    _store(case.span for case in cases)
    schedule_looks(cases)
    incidents = {row.id: row.incident_id for row in rows}
    speaking = [
        case.span
        for case in cases
        if case.span.state.is_open and incidents[case.number] is None and not is_muted(case.span.reasons)
    ]
    _join(source, [case for case in cases if case.span in speaking], now)
    over = [case.number for case in cases if case.span.state is SpanState.RESOLVED]
    ending.after_resolve(over, now=now)


def _join(source: Source, cases: Sequence[Case], now: datetime) -> None:
    if not cases:
        return
    places = {
        (str(case.facts.service_id), str(case.facts.ci_id)): Place(case.facts.service_id, case.facts.ci_id)
        for case in cases
    }
    known = Known({}, {case.span.key: case.alert_id for case in cases}, {})
    batch = Batch(
        source=source, fresh=[], old=[case.span for case in cases], known=known, places=places, now=now
    )
    joining.find_incidents(source, list(batch.old), known=known, places=places, now=now)


def _case(row: AlertSpan, now: datetime) -> Case:
    """The stored span with its latest signal. What counts only from now on was seen now."""
    alert: Alert = row.alert
    facts = Facts(
        title=row.title,
        description=row.description,
        severity=Severity(row.severity),
        security=row.security,
        source_id=row.source_id,
        source_kind=row.source.kind,
        service_id=row.service_id,
        ci_id=row.ci_id,
        key=alert.dedup_key,
        group=row.grouping_key,
        labels=row.labels,
        entities=[(each["kind"], each["value"]) for each in row.entities],
        techniques=(*row.tactics, *row.techniques),
    )
    span = Span(
        key=alert.dedup_key,
        id=row.id,
        state=SpanState(row.state),
        severity=facts.severity,
        count=row.count,
        started_at=row.started_at,
        first_seen_at=now,
        last_seen_at=row.last_seen_at,
        ends_at=row.ends_at,
        signal=_signal(row, alert.dedup_key),
        reasons=row.reasons,
    )
    return Case(span=span, alert_id=row.alert_id, facts=facts, at=now, before=reasons_from(row.reasons))


def _signal(row: AlertSpan, key: str) -> Signal:
    return Signal(
        kind=SignalKind.TRIGGER,
        key=key,
        title=row.title,
        description=row.description,
        severity=Severity(row.severity),
        service=str(row.service_id),
        ci=str(row.ci_id),
        group=row.grouping_key,
        security=row.security,
        entities=tuple(msgspec.convert(each, Entity) for each in row.entities),
        tactics=tuple(row.tactics),
        techniques=tuple(row.techniques),
        labels=row.labels,
        links=tuple(msgspec.convert(each, Link) for each in row.links),
        occurred_at=row.started_at,
    )


STORE = """
UPDATE alert_span AS s SET state = t.state, reasons = t.reasons, ended_at = t.ended_at
FROM jsonb_to_recordset(%s::jsonb) AS t(id bigint, state text, reasons jsonb, ended_at timestamptz)
WHERE s.id = t.id AND s.ended_at IS NULL
"""


def _store(spans: Any) -> None:
    rows: list[Mapping[str, Any]] = [
        {"id": span.id, "state": span.state, "reasons": span.reasons or [], "ended_at": span.ended_at}
        for span in spans
    ]
    with connection.cursor() as cursor:
        cursor.execute(STORE, [msgspec.json.encode(rows).decode()])


def rule_changed(rule: NoiseRule, now: datetime) -> None:
    """A rule was written, edited or ended."""
    due.schedule(RULE, [(rule.id, now)], {"edited": True})
