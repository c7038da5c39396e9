"""Correlation with the database: candidates in, decisions carried out – opened, joined, reopened, each edge explained.

What two sources could open an incident for at the same time is locked before candidates are read.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection

from firstline.core import due, event_log
from firstline.core.actor import Actor
from firstline.core.locks import lock_all
from firstline.incidents import actions as incidents
from firstline.incidents.actions import Report
from firstline.incidents.actions.writing import locked, save
from firstline.incidents.models import Incident
from firstline.intake import candidates, keys
from firstline.intake.batch import Known
from firstline.intake.candidates import Earlier
from firstline.intake.correlation import LEAST_WORDS, Arrival, Decision, correlate, lock_names
from firstline.intake.dedup import Span
from firstline.intake.events import AlertsJoined
from firstline.intake.grounds import Key, Rule
from firstline.intake.hints import Place
from firstline.intake.models import Source
from firstline.intake.signal import SEVERITY_ORDER, Severity, Signal
from firstline.intake.template import Template, constants, template_of, text_of
from firstline.oncall.actions import page_again

OWN = "firstline:"
DOWN = frozenset({Severity.CRITICAL})


def find_incidents(
    source: Source,
    spans: Sequence[Span],
    *,
    known: Known,
    places: Mapping[tuple[str, str], Place],
    now: datetime,
    later: Collection[int | None] = frozenset(),
) -> list[int]:
    """Give each span its incident; returns the ids of those that were opened. `known.incidents` is kept right.

    `later`: the spans that the caller stores after this, with their incident.

    A span that was there before this batch (it got worse than the floor, or is no longer muted) arrives now.
    """
    if not spans:
        return []
    rules = candidates.rules_in_force()
    before = candidates.earlier(known.alerts[span.key] for span in spans)
    arrivals = _arrivals(source, spans, known, places, before, rules, now)
    lock_all(lock_names(arrivals))
    found = candidates.candidates_for(arrivals, rules, before)
    held = {(each.id, key): kept.detail for each in found for key, kept in each.keys.items()}
    frequency = candidates.frequency_of(arrivals, rules, now)
    decisions = correlate(arrivals, found, rules, frequency=frequency)
    opened = _open(source, decisions, spans, now)
    ids = [opened.get(decision.incident, decision.incident) for decision in decisions]
    key_ids = keys.remember(zip(decisions, ids, strict=True), held)
    joinings = [
        Joining(span, decision, incident, _why(decision, incident, key_ids))
        for span, decision, incident in zip(spans, decisions, ids, strict=True)
    ]
    _reopen(source, joinings, now)
    _link_recurrences(source, joinings, before, now)
    _write_edges(joinings, later, now)
    _tell_joined(source, joinings, set(opened.values()), now)
    known.incidents.update({each.span.id: each.incident for each in joinings if each.span.id is not None})
    return list(opened.values())


@dataclass(frozen=True, slots=True)
class Joining:
    """A span with the incident that it has now, and why: ids, enums and numbers."""

    span: Span
    decision: Decision
    incident: int
    why: dict[str, Any]


def _why(decision: Decision, incident: int, key_ids: Mapping[tuple[int, Key], int]) -> dict[str, Any]:
    """The reason with the rows of `incident_key` that hold what is in common: text is in no edge and no event."""
    ids = [key_ids[incident, key] for key in decision.common if (incident, key) in key_ids]
    return {**decision.why, "keys": ids} if ids else dict(decision.why)


def _arrivals(
    source: Source,
    spans: Sequence[Span],
    known: Known,
    places: Mapping[tuple[str, str], Place],
    before: Mapping[int, Earlier],
    rules: Sequence[Rule],
    now: datetime,
) -> list[Arrival]:
    """The spans as correlation compares them. What Firstline says about a source joins nothing that is merely near."""
    found = []
    for span in spans:
        signal = span.signal
        assert signal is not None
        alert = known.alerts[span.key]
        late = known.spans.get(span.key) is span
        seen_at = max(now, span.last_seen_at) if late else span.first_seen_at
        apart = before[alert].apart if alert in before else frozenset()
        if span.key.startswith(OWN):
            found.append(
                Arrival(
                    alert_id=alert, source_id=source.id, group="", seen_at=seen_at, security=signal.security,
                    apart=apart,
                )
            )  # fmt: skip
        else:
            found.append(_arrival(source, signal, alert, seen_at, places[signal.service, signal.ci], apart))
    services = {arrival.service_id for arrival in found if arrival.service_id is not None}
    near: Mapping[int | None, dict[int, int]] = dict(candidates.neighbours(services, rules).items())
    return [replace(each, near=near[each.service_id]) if each.service_id in near else each for each in found]


def _arrival(
    source: Source, signal: Signal, alert: int, seen_at: datetime, place: Place, apart: frozenset[int]
) -> Arrival:
    return Arrival(
        alert_id=alert,
        source_id=source.id,
        group=signal.group,
        seen_at=seen_at,
        service_id=place.service_id,
        ci_id=place.ci_id,
        security=signal.security,
        entities=signal.entities,
        template=template_key_of(signal.title),
        apart=apart,
    )


def template_key_of(title: str) -> Template:
    """The title's template where it says enough to be compared."""
    found = template_of(title)
    return found if constants(found) >= LEAST_WORDS else ()


def _open(
    source: Source, decisions: Sequence[Decision], spans: Sequence[Span], now: datetime
) -> dict[int, int]:
    """Register what is to be opened, in one go; maps the decisions' ids below 0 to the incidents'."""
    opening = [(decision, span) for decision, span in zip(decisions, spans, strict=True) if decision.opens]
    if not opening:
        return {}
    reports = [_report(source, decision, span, now) for decision, span in opening]
    rows = incidents.register(reports, actor=Actor.source(source.id, via=source.kind), now=now)
    return {decision.incident: row.id for (decision, _), row in zip(opening, rows, strict=True)}


def _report(source: Source, decision: Decision, span: Span, now: datetime) -> Report:
    signal = span.signal
    assert signal is not None
    security = decision.arrival.security
    return Report(
        title=signal.title,
        description=signal.description,
        channel="SIEM" if security else "monitoring",
        received_at=min(span.first_seen_at, now),
        detected_at=min(span.started_at, span.first_seen_at),
        source_id=source.id,
        service_id=decision.arrival.service_id,
        ci_id=decision.arrival.ci_id,
        group_id=source.group_id if span.key.startswith(OWN) else None,
        degradation="down" if span.severity in DOWN else "degraded",
        severity=span.severity.value,
        security=security,
        synthetic=source.synthetic,
        why={"source": source.id, "alert": decision.arrival.alert_id, "span": span.id},
    )


def _reopen(source: Source, joinings: Sequence[Joining], now: datetime) -> None:
    for incident, why in {
        each.incident: each.why for each in reversed(joinings) if each.decision.reopens
    }.items():
        incidents.reopen(
            incident, actor=Actor.source(source.id, via=source.kind), now=now, by_alert=True, why=why
        )


RECURS = timedelta(days=7)


def _link_recurrences(
    source: Source, joinings: Sequence[Joining], before: Mapping[int, Earlier], now: datetime
) -> None:
    """What opens an incident soon after the last one of the same alert was closed recurs: they are linked."""
    for each in joinings:
        last = before.get(each.decision.arrival.alert_id)
        if each.decision.opens and last and last.closed_at and now - last.closed_at <= RECURS:
            incidents.link(
                each.incident,
                kind="recurrence",
                other_id=last.incident,
                actor=Actor.source(source.id, via=source.kind),
                now=now,
            )


EDGES = """
INSERT INTO alert_edge (span_id, incident_id, rule, why, joined_at, apart_from)
SELECT s, i, r, w, %s, a FROM jsonb_to_recordset(%s::jsonb) AS t(s bigint, i bigint, r text, w jsonb, a bigint[])
ON CONFLICT (span_id) DO UPDATE SET incident_id = excluded.incident_id, rule = excluded.rule, why = excluded.why,
  joined_at = excluded.joined_at
"""


def _write_edges(joinings: Sequence[Joining], later: Collection[int | None], now: datetime) -> None:
    """The edges, and the incident of the spans that are stored already."""
    rows = [
        {
            "s": each.span.id,
            "i": each.incident,
            "r": each.decision.ground or "first",
            "w": each.why,
            "a": sorted(each.decision.arrival.apart),  # a person's word holds for the next stretch too
        }
        for each in joinings
        if each.span.id is not None
    ]
    with connection.cursor() as cursor:
        cursor.execute(EDGES, [now, msgspec.json.encode(rows).decode()])
        if stored := [each for each in joinings if each.span.id not in later]:
            cursor.execute(
                """UPDATE alert_span SET incident_id = t.i FROM unnest(%s::bigint[], %s::bigint[]) AS t(s, i)
                   WHERE id = t.s""",
                [[each.span.id for each in stored], [each.incident for each in stored]],
            )


def _tell_joined(source: Source, joinings: Sequence[Joining], opened: set[int], now: datetime) -> None:
    """One event per incident and batch; a worse alert raises the incident's severity and has it assessed anew."""
    joined: dict[int, list[Joining]] = defaultdict(list)
    for each in joinings:
        if each.span.id is not None:
            joined[each.incident].append(each)
    due.unschedule("alerts_ended", joined)
    told = {incident: some for incident, some in joined.items() if incident not in opened or len(some) > 1}
    rows = locked(told)
    events = [_joined_event(source, row, told[row.id], now) for row in rows]
    worse = {event.subject_id for event in events if event.changes} - opened
    save(rows, ["severity"], now=now)
    event_log.record(events, now=now)
    due.schedule("reassess", [(incident, now) for incident in sorted(worse)])
    known = [row for row in rows if row.id not in opened and (row.acknowledged_at or row.state == "on_hold")]
    _look_again(source, known, told, worse, now)


def _joined_event(source: Source, row: Incident, some: Sequence[Joining], now: datetime) -> AlertsJoined:
    changes: dict[str, tuple[Any, Any]] = {}
    severity = min((each.span.severity for each in some), key=lambda each: each.rank)
    if severity.rank < _rank(row.severity):
        changes["severity"] = (row.severity, severity.value)
        row.severity = severity.value
    row.version += 1
    return AlertsJoined(
        subject_id=row.id,
        actor=Actor.source(source.id, via=source.kind),
        occurred_at=now,
        changes=changes,
        why=some[-1].why,
        count=len(some),
        source_id=source.id,
        spans=[each.span.id for each in some[:20] if each.span.id is not None],
        version=row.version,
    )


def _rank(severity: str) -> int:
    return Severity(severity).rank if severity in SEVERITY_ORDER else len(SEVERITY_ORDER)


KINDS = """
SELECT i.id, s.alertname, s.rule, s.title FROM unnest(%s::bigint[]) AS i(id),
LATERAL (
  SELECT coalesce(labels->>'alertname', '') AS alertname, coalesce(labels->>'rule', '') AS rule, title
  FROM alert_span WHERE incident_id = i.id AND id <> ALL(%s) ORDER BY id DESC LIMIT %s
) AS s GROUP BY 1, 2, 3, 4
"""
KNOWN = 1000  # alerts of an incident, the last to join, whose kinds whoever acknowledged is taken to know


def _look_again(
    source: Source,
    rows: Sequence[Incident],
    told: Mapping[int, Sequence[Joining]],
    worse: set[int],
    now: datetime,
) -> None:
    """Who acknowledged, or put on hold, knew of less: a worse alert or one of another kind pages again and resumes."""
    if not rows:
        return
    fresh = [each.span.id for row in rows for each in told[row.id]]
    with connection.cursor() as cursor:
        cursor.execute(KINDS, [[row.id for row in rows], fresh, KNOWN])
        there = {(incident, _kind(*names)) for incident, *names in cursor.fetchall()}
    actor = Actor.source(source.id, via=source.kind)
    for row in rows:
        other = any((row.id, kind_of(each.span)) not in there for each in told[row.id])
        if row.id not in worse and not other:
            continue
        if row.state == "on_hold":
            incidents.resume([row.id], actor=actor, now=now)
        page_again(row.id, why="worse_alert" if row.id in worse else "other_alert", actor=actor, now=now)


def kind_of(span: Span) -> str:
    """What sort of alert it is: the rule that raised it, where the source tells, else its title without numbers."""
    signal = span.signal
    assert signal is not None
    return _kind(signal.labels.get("alertname", ""), signal.labels.get("rule", ""), signal.title)


def _kind(alertname: str, rule: str, title: str) -> str:
    return alertname or rule or text_of(template_of(title))
