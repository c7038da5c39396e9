"""Correlation with the database: candidates in, decisions carried out – opened, joined, reopened, each edge explained.

What two sources could open an incident for at the same time is locked before candidates are read.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from django.db import connection

from firstline.core import due, event_log
from firstline.core.actor import Actor
from firstline.core.locks import lock
from firstline.incidents import actions as incidents
from firstline.incidents.actions import Report
from firstline.incidents.actions.writing import locked, save
from firstline.incidents.models import Incident
from firstline.intake.batch import Known
from firstline.intake.correlation import (
    DEFAULT_RULES,
    Arrival,
    Candidate,
    Decision,
    Ground,
    Rule,
    correlate,
    lock_names,
)
from firstline.intake.dedup import Span
from firstline.intake.events import AlertsJoined
from firstline.intake.hints import Place
from firstline.intake.models import CorrelationRule, Source
from firstline.intake.signal import SEVERITY_ORDER, Severity
from firstline.oncall.actions import page_again

log = structlog.get_logger(__name__)
OWN = "firstline:"
LIVE_STATES = ("new", "assigned", "in_progress", "on_hold", "resolved")
DOWN = frozenset({Severity.CRITICAL})


def find_incidents(
    source: Source,
    spans: Sequence[Span],
    *,
    known: Known,
    places: Mapping[tuple[str, str], Place],
    now: datetime,
) -> list[int]:
    """Give each span its incident; returns the ids of those that were opened. `known.incidents` is kept right."""
    if not spans:
        return []
    arrivals = [_arrival(source, span, known, places) for span in spans]
    for name in lock_names(arrivals):
        lock(name)
    rules = rules_in_force()
    decisions = correlate(arrivals, candidates_for(source.id, arrivals, rules, now), rules)
    opened = _open(source, decisions, spans, now)
    incident_of = {
        span.id: opened.get(decision.incident, decision.incident)
        for span, decision in zip(spans, decisions, strict=True)
        if span.id is not None
    }
    _reopen(source, decisions, now)
    _write_edges(decisions, spans, incident_of, now)
    _tell_joined(source, decisions, spans, set(opened.values()), incident_of, now)
    known.incidents.update(incident_of)
    return list(opened.values())


def rules_in_force() -> tuple[Rule, ...]:
    """The rules that an administrator saved, in their order, else the built-in ones.

    A rule that cannot be read is left out: no rule, however broken, prevents registration.
    """
    saved = []
    for row in CorrelationRule.objects.filter(active=True).order_by("position", "id"):
        try:
            saved.append(msgspec.convert(row.definition, Rule))
        except msgspec.ValidationError as error:
            log.warning("intake.rule_unreadable", rule=row.id, error=str(error))
    return tuple(saved) or DEFAULT_RULES


def _arrival(source: Source, span: Span, known: Known, places: Mapping[tuple[str, str], Place]) -> Arrival:
    signal = span.signal
    assert signal is not None
    alone = span.key.startswith(OWN)
    place = places[signal.service, signal.ci]
    return Arrival(
        alert_id=known.alerts[span.key],
        source_id=source.id,
        group="" if alone else signal.group,
        seen_at=span.first_seen_at,
        service_id=None if alone else place.service_id,
        ci_id=None if alone else place.ci_id,
        security=signal.security,
    )


CANDIDATES = """
WITH near AS (
  SELECT incident_id, alert_id, NULL::text AS grouping_key, NULL::bigint AS ci_id, NULL::bigint AS service_id
  FROM alert_span WHERE alert_id = ANY(%(alerts)s) AND incident_id IS NOT NULL
  UNION ALL
  SELECT incident_id, NULL, grouping_key, NULL, NULL
  FROM alert_span WHERE source_id = %(source)s AND grouping_key = ANY(%(groups)s) AND grouping_key <> ''
    AND incident_id IS NOT NULL
  UNION ALL
  SELECT incident_id, NULL, NULL, ci_id, service_id
  FROM alert_span WHERE (ci_id = ANY(%(cis)s) OR service_id = ANY(%(services)s)) AND incident_id IS NOT NULL
    AND last_seen_at >= %(since)s
)
SELECT coalesce(i.merged_into_id, i.id), array_agg(DISTINCT near.alert_id), array_agg(DISTINCT near.grouping_key),
       array_agg(DISTINCT near.ci_id), array_agg(DISTINCT near.service_id)
FROM near JOIN incident i ON i.id = near.incident_id
WHERE i.state = ANY(%(live)s) OR i.merged_into_id IS NOT NULL
GROUP BY 1
"""
FACTS = """
SELECT i.id, i.security, i.state, i.received_at, coalesce(max(s.last_seen_at), i.received_at), count(s.id)
FROM incident i LEFT JOIN alert_span s ON s.incident_id = i.id
WHERE i.id = ANY(%s) AND i.state = ANY(%s) GROUP BY i.id
"""


def candidates_for(
    source_id: int, arrivals: Sequence[Arrival], rules: Sequence[Rule], now: datetime
) -> list[Candidate]:
    """Incidents, not closed, that have something in common with one of the arrivals."""
    widest = max((rule.window for rule in rules if rule.ground in (Ground.CI, Ground.SERVICE)), default=0)
    oldest = min(arrival.seen_at for arrival in arrivals)
    with connection.cursor() as cursor:
        cursor.execute(
            CANDIDATES,
            {
                "alerts": [arrival.alert_id for arrival in arrivals],
                "source": source_id,
                "groups": list({arrival.group for arrival in arrivals if arrival.group}),
                "cis": list({arrival.ci_id for arrival in arrivals if arrival.ci_id}),
                "services": list({arrival.service_id for arrival in arrivals if arrival.service_id}),
                "since": oldest - timedelta(minutes=widest or 7 * 24 * 60),
                "live": list(LIVE_STATES),
            },
        )
        common = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(FACTS, [list(common), list(LIVE_STATES)])
        facts = cursor.fetchall()
    return [_candidate(source_id, row, common[row[0]]) for row in facts]


def _candidate(source_id: int, row: tuple[Any, ...], common: tuple[list[Any], ...]) -> Candidate:
    incident, security, state, opened_at, last_signal_at, size = row
    alerts, groups, cis, services = ({value for value in values if value is not None} for values in common)
    return Candidate(
        id=incident,
        security=security,
        resolved=state == "resolved",
        opened_at=opened_at,
        last_signal_at=last_signal_at,
        alerts=alerts,
        groups={(source_id, group) for group in groups},
        cis=cis,
        services=services,
        size=size,
    )


def _open(
    source: Source, decisions: Sequence[Decision], spans: Sequence[Span], now: datetime
) -> dict[int, int]:
    """Register what is to be opened, in one go; maps the decisions' ids below 0 to the incidents'."""
    opening = [(decision, span) for decision, span in zip(decisions, spans, strict=True) if decision.opens]
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


def _reopen(source: Source, decisions: Sequence[Decision], now: datetime) -> None:
    for incident, why in {
        decision.incident: decision.why for decision in reversed(decisions) if decision.reopens
    }.items():
        incidents.reopen(
            incident, actor=Actor.source(source.id, via=source.kind), now=now, by_alert=True, why=why
        )


EDGES = """
INSERT INTO alert_edge (span_id, incident_id, rule, why, joined_at)
SELECT s, i, r, w, %s FROM jsonb_to_recordset(%s::jsonb) AS t(s bigint, i bigint, r text, w jsonb)
ON CONFLICT (span_id) DO UPDATE SET incident_id = excluded.incident_id, rule = excluded.rule, why = excluded.why,
  joined_at = excluded.joined_at
"""


def _write_edges(
    decisions: Sequence[Decision], spans: Sequence[Span], incident_of: Mapping[int, int], now: datetime
) -> None:
    rows = [
        {
            "s": span.id,
            "i": incident_of[span.id],
            "r": decision.ground or "first",
            "w": decision.why,
        }
        for span, decision in zip(spans, decisions, strict=True)
        if span.id is not None
    ]
    with connection.cursor() as cursor:
        cursor.execute(EDGES, [now, msgspec.json.encode(rows).decode()])
        cursor.execute(
            """UPDATE alert_span SET incident_id = t.i FROM unnest(%s::bigint[], %s::bigint[]) AS t(s, i)
               WHERE id = t.s""",
            [list(incident_of), list(incident_of.values())],
        )


Joined = list[tuple[Span, Decision]]


def _tell_joined(
    source: Source,
    decisions: Sequence[Decision],
    spans: Sequence[Span],
    opened: set[int],
    incident_of: Mapping[int, int],
    now: datetime,
) -> None:
    """One event per incident and batch; a worse alert raises the incident's severity and has it assessed anew."""
    joined: dict[int, Joined] = defaultdict(list)
    for span, decision in zip(spans, decisions, strict=True):
        if span.id is not None:
            joined[incident_of[span.id]].append((span, decision))
    due.unschedule("alerts_ended", joined)
    told = {incident: pairs for incident, pairs in joined.items() if incident not in opened or len(pairs) > 1}
    rows = locked(told)
    events = [_joined_event(source, row, told[row.id], now) for row in rows]
    worse = {event.subject_id for event in events if event.changes} - opened
    save(rows, ["severity"], now=now)
    event_log.record(events, now=now)
    due.schedule("reassess", [(incident, now) for incident in sorted(worse)])
    known = [row for row in rows if row.id not in opened and (row.acknowledged_at or row.state == "on_hold")]
    _look_again(source, known, told, worse, now)


def _joined_event(source: Source, row: Incident, pairs: Joined, now: datetime) -> AlertsJoined:
    changes: dict[str, tuple[Any, Any]] = {}
    severity = min((span.severity for span, _ in pairs), key=lambda each: each.rank)
    if severity.rank < _rank(row.severity):
        changes["severity"] = (row.severity, severity.value)
        row.severity = severity.value
    row.version += 1
    return AlertsJoined(
        subject_id=row.id,
        actor=Actor.source(source.id, via=source.kind),
        occurred_at=now,
        changes=changes,
        why=pairs[-1][1].why,
        count=len(pairs),
        source_id=source.id,
        spans=[span.id for span, _ in pairs[:20] if span.id is not None],
        version=row.version,
    )


def _rank(severity: str) -> int:
    return Severity(severity).rank if severity in SEVERITY_ORDER else len(SEVERITY_ORDER)


KINDS = """
SELECT incident_id, coalesce(nullif(labels->>'alertname', ''), nullif(labels->>'rule', ''), title)
FROM alert_span WHERE incident_id = ANY(%s) AND id <> ALL(%s) GROUP BY 1, 2
"""


def _look_again(
    source: Source, rows: Sequence[Incident], told: Mapping[int, Joined], worse: set[int], now: datetime
) -> None:
    """Who acknowledged, or put on hold, knew of less: a worse alert or one of another kind pages again and resumes."""
    if not rows:
        return
    fresh = [span.id for row in rows for span, _ in told[row.id]]
    kinds: dict[int, set[str]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(KINDS, [[row.id for row in rows], fresh])
        for incident, kind in cursor.fetchall():
            kinds[incident].add(kind)
    actor = Actor.source(source.id, via=source.kind)
    for row in rows:
        other = any(kind_of(span) not in kinds[row.id] for span, _ in told[row.id])
        if row.id not in worse and not other:
            continue
        if row.state == "on_hold":
            incidents.resume([row.id], actor=actor, now=now)
        page_again(row.id, why="worse_alert" if row.id in worse else "other_alert", actor=actor, now=now)


def kind_of(span: Span) -> str:
    """What sort of alert it is: the rule that raised it, where the source tells, else its title."""
    signal = span.signal
    assert signal is not None
    return signal.labels.get("alertname") or signal.labels.get("rule") or signal.title
