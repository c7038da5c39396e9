"""Muting with the database: what is in force, and what it says of a batch of alerts. One call from ingest.

While no rule exists and the source has no floor this costs one small query. What is in force is compiled once and kept
until a version, a change under way or the dependency graph differs. Alerts that mute others are kept in `noise_cause`
by what they have in common with their targets, so that a target costs one look, however many alerts are open.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

import msgspec
import structlog
from django.db import connection

from firstline.catalog import graph
from firstline.catalog.queries import edges
from firstline.core import due
from firstline.intake.batch import Batch
from firstline.intake.dedup import Span, SpanState
from firstline.intake.matching import Facts, Index
from firstline.intake.models import NoiseVersion
from firstline.intake.signal import Severity, Signal, SignalKind
from firstline.intake.suppression import (
    KINDS,
    MOST_CHANGES,
    Flapping,
    Force,
    Known,
    Ready,
    Reason,
    Rule,
    Threshold,
    Underway,
    flaps,
    floor_of,
    look_at,
    merged,
    ready,
    reasons_from,
    stored,
    values_as_cause,
    values_as_target,
    windows_of,
    within,
)

LOOK = "alert.look"
OWN = "firstline:"
log = structlog.get_logger(__name__)
Edges = tuple[tuple[int, int], ...]

IN_FORCE = """
SELECT id, NULL::bigint, NULL::timestamptz, NULL::timestamptz FROM noise_rule_version WHERE valid_to IS NULL
UNION ALL
SELECT id, ci_id, planned_start, planned_end FROM change
WHERE state = 'implementing' AND ci_id IS NOT NULL AND planned_start <= %(now)s AND planned_end > %(now)s
"""


def in_force(now: datetime) -> Force | None:
    """The rules and the changes under way; None when there are none."""
    with connection.cursor() as cursor:
        cursor.execute(IN_FORCE, {"now": now})
        rows = cursor.fetchall()
    if not rows:
        return None
    versions = tuple(sorted(row[0] for row in rows if row[1] is None))
    changes = tuple(sorted(Underway(*row) for row in rows if row[1] is not None))
    known = _known(versions)
    graphed = any(rule.rule.match.dependents or KINDS["dependency"] is type(rule.rule) for rule in known)
    return _force(known, changes, tuple(edges()) if graphed else ())


@lru_cache(maxsize=8)
def _known(versions: tuple[int, ...]) -> tuple[Known, ...]:
    """What these versions say; they never change. One that cannot be read is left out: it mutes nothing."""
    found = []
    rows = NoiseVersion.objects.filter(id__in=versions).select_related("rule").order_by("rule_id")
    for row in rows:
        rule = definition_of(row.rule.kind, row.definition)
        if rule is not None:
            found.append(Known(row.rule_id, rule))
    return tuple(found)


def definition_of(kind: str, definition: Any) -> Rule | None:
    """The rule that is stored, None when it can't be read."""
    try:
        return msgspec.convert(definition, KINDS[kind])
    except (KeyError, ValueError) as error:
        log.warning("intake.noise_rule_unreadable", kind=kind, error=str(error))
        return None


@lru_cache(maxsize=4)
def _force(known: tuple[Known, ...], changes: tuple[Underway, ...], pairs: Edges) -> Force:
    below = lru_cache(maxsize=10_000)(partial(_reached, edges=tuple(graph.turned(pairs))))
    above = lru_cache(maxsize=10_000)(partial(_reached, edges=pairs))
    rules = [ready(each, below) for each in known]
    by_item: dict[int, list[Underway]] = {}
    for change in changes:
        by_item.setdefault(change.ci_id, []).append(change)
    causing = [(each, each.cause) for each in rules if each.cause is not None]
    return Force(
        index=Index((each, each.match) for each in rules),
        rules=rules,
        causes=Index(causing),
        changes=by_item,
        above=above,
    )


def _reached(service: int, edges: Edges) -> tuple[int, ...]:
    return tuple(graph.reach(service, edges))


@dataclass(slots=True)
class Case:
    """A span that is judged at an instant. `counted`: when its triggers of this batch came, in seconds since 1970."""

    span: Span
    alert_id: int
    facts: Facts
    at: datetime
    before: list[Reason]
    fresh: bool = False
    counted: Sequence[int] = ()
    reasons: list[Reason] = field(default_factory=list)
    further: list[Ready] = field(default_factory=list)

    @property
    def number(self) -> int:
        assert self.span.id is not None  # a span is numbered before it is judged
        return self.span.id


def mute(batch: Batch, signals: Sequence[Signal], received: Mapping[int, datetime]) -> None:
    """Set state and reasons of the batch's spans. They are stored by whoever called, in the same transaction."""
    floor = Severity(batch.source.severity_floor)
    force = in_force(batch.now)
    if force is None and floor is Severity.INFO and not any(span.reasons for span in batch.old):
        return
    force = force or Force(index=Index(()), causes=Index(()))
    cases = [
        _case(batch, span, fresh=fresh)
        for spans, fresh in ((batch.fresh, True), (batch.old, False))
        for span in spans
        if span.signal is not None and not span.key.startswith(OWN)
    ]
    if force.has("threshold"):
        _count(cases, signals, received)
    ended = [span.id for span in batch.old if span.ended_at is not None and span.id is not None]
    judge(force, cases, floor, batch.now, ended)
    for case in cases:
        settle(case)
    for span in batch.old:
        if span.turns and span.signal is None:
            _note_turns(span)
    schedule_looks(cases)


def _note_turns(span: Span) -> None:
    """A held span was told only that it is over: that is kept for when it is looked at again."""
    reasons = reasons_from(span.reasons)
    held = _held(reasons)
    if held is not None and span.turns:
        at, over = span.turns[-1]
        held.at = [*held.at, *(int(each.timestamp()) for each, _over in span.turns)][-MOST_CHANGES:]
        held.ended = at if over else None
        span.reasons = stored(reasons)


def _case(batch: Batch, span: Span, *, fresh: bool) -> Case:
    signal = span.signal
    assert signal is not None
    place = batch.place_of(span)
    facts = Facts(
        title=signal.title,
        description=signal.description,
        severity=span.severity,
        security=signal.security,
        source_id=batch.source.id,
        source_kind=batch.source.kind,
        service_id=place.service_id,
        ci_id=place.ci_id,
        key=span.key,
        group=signal.group,
        labels=signal.labels,
        entities=[(entity.kind, entity.value) for entity in signal.entities],
        techniques=(*signal.tactics, *signal.techniques),
    )
    return Case(
        span=span,
        alert_id=batch.known.alerts[span.key],
        facts=facts,
        at=batch.now if span.state.is_open else span.last_seen_at,
        before=reasons_from(span.reasons),
        fresh=fresh,
    )


def _count(cases: Iterable[Case], signals: Iterable[Signal], received: Mapping[int, datetime]) -> None:
    """When each trigger of the batch came in, by key."""
    instants: dict[str, list[int]] = {}
    for signal in signals:
        if signal.kind is SignalKind.TRIGGER:
            seen = received.get(signal.row, signal.occurred_at)
            instants.setdefault(signal.key, []).append(int(seen.timestamp()))
    for case in cases:
        case.counted = instants.get(case.span.key, ())


def judge(
    force: Force, cases: Sequence[Case], floor: Severity, now: datetime, ended: Sequence[int] = ()
) -> None:
    """Find the reasons of each case. `ended`: spans that are over with this batch, whatever the database says."""
    for case in cases:
        case.reasons, case.further = windows_of(force, case.facts, case.at)
        case.reasons += floor_of(case.facts.severity, floor)
    if force.causing:
        _by_others(force, cases, ended, now)
    elif ended:
        causes_ended(ended, now)
    if force.has("flapping"):
        _by_changes(cases, now)
    if force.has("threshold"):
        _by_count(cases)
    for case in cases:
        case.reasons = merged(case.before, case.reasons, case.at)


def settle(case: Case) -> None:
    """What the reasons mean for the span: suppressed by any, as it was before by none. What has ended stays ended."""
    span, was = case.span, next((each.was for each in case.before if each.was), "")
    held = _held(case.before)
    if held is not None and _held(case.reasons) is None and span.is_over:
        span.state, span.ended_at = SpanState.RESOLVED, held.ended
    if not case.reasons:
        if case.before:
            span.reasons = []
            span.state = (
                SpanState(was or SpanState.FIRING) if span.state is SpanState.SUPPRESSED else span.state
            )
        return
    if span.state is SpanState.ACKNOWLEDGED:
        was = span.state.value
    case.reasons[0].was = was
    span.reasons = stored(case.reasons)
    if span.state.is_open:
        span.state = SpanState.SUPPRESSED


def schedule_looks(cases: Iterable[Case]) -> None:
    """Each muted span is looked at again when the first of its reasons is over by itself."""
    looks = [
        (case.number, at)
        for case in cases
        if case.span.state is SpanState.SUPPRESSED and (at := look_at(case.reasons)) is not None
    ]
    due.schedule(LOOK, looks)


# --- one alert mutes another

CAUSES = """
INSERT INTO noise_cause (rule_id, value, span_id, is_target)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::boolean[]) ON CONFLICT DO NOTHING
"""
CAUSED = """
SELECT t.r, t.v, c.span_id, c.is_target FROM unnest(%s::bigint[], %s::text[]) AS t(r, v)
CROSS JOIN LATERAL (
  SELECT c.span_id, c.is_target FROM noise_cause c JOIN alert_span s ON s.id = c.span_id AND s.ended_at IS NULL
  WHERE c.rule_id = t.r AND c.value = t.v ORDER BY c.is_target, c.span_id LIMIT 2
) c
"""
MUTED_BY = """
SELECT id FROM alert_span WHERE state = 'suppressed' AND ended_at IS NULL AND reasons @> ANY(%s::jsonb[])
"""
Causes = dict[tuple[int, str], list[tuple[int, bool]]]


def _by_others(force: Force, cases: Sequence[Case], ended: Sequence[int], now: datetime) -> None:
    ours = _register(force, cases, ended, now)
    targets = {
        (each.id, value)
        for case in cases
        for each in case.further
        if each.cause is not None
        for value in values_as_target(each, case.facts, force.above)
    }
    found = _caused(targets)
    for key in targets & ours.keys():
        found.setdefault(key, []).extend(ours[key])
    for case in cases:
        for each in case.further:
            if each.cause is not None:
                by = _cause_of(each, case, force, found)
                if by is not None:
                    case.reasons.append(Reason(kind=each.kind, rule=each.id, by=by, until=each.rule.until))


def _register(force: Force, cases: Sequence[Case], ended: Sequence[int], now: datetime) -> Causes:
    """Keep which open spans mute others, and by what; returns those of this batch."""
    causes_ended(ended, now)
    rows: list[tuple[int, str, int, bool]] = []
    for case in cases:
        if case.span.state.is_open:
            rows += rows_as_cause(force, case.facts, case.number)
    old = [case.number for case in cases if not case.fresh]
    with connection.cursor() as cursor:
        if old:
            cursor.execute("DELETE FROM noise_cause WHERE span_id = ANY(%s)", [old])
        store_causes(rows)
    found: Causes = {}
    for rule, value, span, both in rows:
        found.setdefault((rule, value), []).append((span, both))
    return found


def rows_as_cause(force: Force, facts: Facts, span_id: int) -> list[tuple[int, str, int, bool]]:
    """(rule, value, span, whether it is a target too) for each rule by which this alert mutes others."""
    return [
        (each.id, value, span_id, each.kind == "inhibition" and each.match.holds(facts))
        for each in force.causes.meaning(facts)
        for value in values_as_cause(each, facts)
    ]


def store_causes(rows: Sequence[tuple[int, str, int, bool]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(CAUSES, [list(column) for column in zip(*rows, strict=True)])


def _caused(targets: Iterable[tuple[int, str]]) -> Causes:
    found: Causes = {}
    asked = sorted(targets)
    if asked:
        with connection.cursor() as cursor:
            cursor.execute(CAUSED, [[rule for rule, _ in asked], [value for _, value in asked]])
            for rule, value, span, both in cursor.fetchall():
                found.setdefault((rule, value), []).append((span, both))
    return found


def _cause_of(each: Ready, case: Case, force: Force, found: Causes) -> int | None:
    """The open span that mutes this one: never itself, and of two that are cause and target at once neither."""
    assert each.cause is not None
    as_cause = each.kind == "inhibition" and each.cause.holds(case.facts)
    for value in values_as_target(each, case.facts, force.above):
        for span, both in found.get((each.id, value), ()):
            if span != case.number and not (as_cause and both):
                return span
    return None


def causes_ended(span_ids: Sequence[int], now: datetime) -> None:
    """These spans are over: what they muted is looked at again."""
    if not span_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM noise_cause WHERE span_id = ANY(%s) RETURNING span_id", [list(span_ids)])
        gone = {span for (span,) in cursor.fetchall()}
    wake([{"by": span, "kind": kind} for span in gone for kind in ("inhibition", "dependency")], now)


def wake(reasons: Sequence[Mapping[str, Any]], now: datetime) -> int:
    """Look again, now, at every open span that is muted by a reason like one of these; returns how many."""
    if not reasons:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(MUTED_BY, [[msgspec.json.encode([reason]).decode() for reason in reasons]])
        spans = [span for (span,) in cursor.fetchall()]
    due.schedule(LOOK, [(span, now) for span in spans])
    return len(spans)


# --- what an alert did before

PAST = """
SELECT a.id, extract(epoch FROM s.first_seen_at)::bigint, extract(epoch FROM s.ended_at)::bigint
FROM unnest(%s::bigint[]) AS a(id) CROSS JOIN LATERAL (
  SELECT id, first_seen_at, ended_at FROM alert_span WHERE alert_id = a.id AND id <> ALL(%s) ORDER BY id DESC LIMIT 60
) s WHERE s.first_seen_at > %s OR s.ended_at > %s
"""
DAY = timedelta(days=1)


def _by_changes(cases: Sequence[Case], now: datetime) -> None:
    """Alerts that come and go: held, or let go."""
    flapping = [
        case
        for case in cases
        if (case.fresh or _held(case.before)) and any(each.kind == "flapping" for each in case.further)
    ]
    past = _past(flapping, now)
    for case in flapping:
        held = _held(case.before)
        changes = list(held.at) if held else past.get(case.alert_id, [])
        changes += [int(at.timestamp()) for at, _ended in case.span.turns or ()]
        for each in case.further:
            rule = each.rule
            if isinstance(rule, Flapping):
                until = flaps(rule, changes, held=held is not None and held.rule == each.id, at=now)
                if until is not None:
                    case.reasons.append(
                        _flapping(each, case, held, within(changes, now, rule.minutes), until)
                    )


def _held(reasons: Iterable[Reason]) -> Reason | None:
    return next((each for each in reasons if each.kind == "flapping"), None)


def _flapping(each: Ready, case: Case, held: Reason | None, changes: list[int], until: datetime) -> Reason:
    ended = held.ended if held else None
    if case.span.turns:
        at, over = case.span.turns[-1]
        ended = at if over else None
    return Reason(kind="flapping", rule=each.id, until=until, at=changes, ended=ended)


def _past(cases: Sequence[Case], now: datetime) -> dict[int, list[int]]:
    """Starts and ends of the alerts' earlier spans, and of those in this batch."""
    found: dict[int, list[int]] = {}
    fresh = [case for case in cases if case.fresh]
    if not fresh:
        return found
    for case in fresh:
        changes = found.setdefault(case.alert_id, [])
        changes.append(int(case.span.first_seen_at.timestamp()))
        if case.span.ended_at is not None:
            changes.append(int(case.span.ended_at.timestamp()))
    with connection.cursor() as cursor:
        cursor.execute(PAST, [list(found), [case.number for case in fresh], now - DAY, now - DAY])
        for alert, start, end in cursor.fetchall():
            found[alert] += [each for each in (start, end) if each is not None]
    return found


def _by_count(cases: Sequence[Case]) -> None:
    """Alerts that count only when they were sent often enough; once they did, they do as long as they are open."""
    for case in cases:
        for each in case.further:
            rule = each.rule
            if not isinstance(rule, Threshold):
                continue
            pending = next((r for r in case.before if r.kind == "threshold" and r.rule == each.id), None)
            if pending is None and not case.fresh:
                continue
            counted = within([*(pending.at if pending else ()), *case.counted], case.at, rule.minutes)
            if len(counted) < rule.times:
                case.reasons.append(Reason(kind="threshold", rule=each.id, at=counted))
