"""When the alerts of an incident are over: after a soak time it is resolved, or its resolution is proposed.

Expired is not resolved, a security incident is never resolved by its signals, and an incident that a person reported as
well is only proposed: the caller decides.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from firstline.catalog.models import ResolutionCode
from firstline.core import due, event_log
from firstline.core.actor import Actor
from firstline.incidents import actions as incidents
from firstline.incidents.actions.writing import locked, save
from firstline.incidents.models import Incident
from firstline.intake.correlation import resolution_due
from firstline.intake.dedup import SpanState
from firstline.intake.events import AlertsEnded

KIND = "alerts_ended"
SOAK = timedelta(minutes=5)
CODE = "went-away"  # seeded; without it, resolution is only proposed
LATEST = """
SELECT DISTINCT ON (incident_id, alert_id) incident_id, state, ended_at
FROM alert_span WHERE incident_id = ANY(%s) ORDER BY incident_id, alert_id, id DESC
"""


def after_resolve(span_ids: Sequence[int], *, now: datetime) -> None:
    """These spans have resolved: schedule the look at those incidents whose alerts are now all over, and say so."""
    if not span_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT incident_id FROM alert_span WHERE id = ANY(%s) AND incident_id IS NOT NULL",
            [list(span_ids)],
        )
        touched = [incident for (incident,) in cursor.fetchall()]
    ends = _ends(touched)
    when = {incident: resolution_due(ends[incident], SOAK) for incident in ends}
    over = {incident: at for incident, at in when.items() if at is not None}
    rows = [row for row in locked(over) if row.is_open]
    for row in rows:
        row.version += 1
    save(rows, [], now=now)
    event_log.record(
        [
            AlertsEnded(
                subject_id=row.id,
                actor=Actor.system("correlation"),
                occurred_at=now,
                count=len(ends[row.id]),
                version=row.version,
            )
            for row in rows
        ],
        now=now,
    )
    due.schedule(KIND, [(row.id, max(over[row.id], now)) for row in rows])


def _ends(incident_ids: Iterable[int]) -> dict[int, list[tuple[bool, datetime | None]]]:
    """Per incident, whether the latest span of each of its alerts is resolved, and when it ended."""
    found: dict[int, list[tuple[bool, datetime | None]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(LATEST, [list(incident_ids)])
        for incident, state, ended_at in cursor.fetchall():
            found.setdefault(incident, []).append((state == SpanState.RESOLVED, ended_at))
    return found


def run(now: datetime, *, limit: int = 200) -> int:
    """Resolve or propose for what has soaked; returns how many rows were due."""
    with transaction.atomic():
        items = due.claim(KIND, now=now, limit=limit, of="incident")
        ids = [item.subject_id for item in items]
        ends = _ends(ids)
        still_over = [
            incident
            for incident in ids
            if (at := resolution_due(ends.get(incident, []), SOAK)) is not None and at <= now
        ]
        _finish(still_over, now)
        due.finish(items)
        return len(items)


def _finish(incident_ids: Sequence[int], now: datetime) -> None:
    rows = [row for row in locked(incident_ids) if row.is_open]
    coded = ResolutionCode.objects.filter(code=CODE, active=True).exists()
    alone = [row.id for row in rows if coded and resolves_by_itself(row)]
    others = [row.id for row in rows if row.id not in alone]
    why = {"by": "alerts_ended", "soak_seconds": int(SOAK.total_seconds())}
    actor = Actor.rule(None, via="correlation")
    if alone:
        incidents.resolve_by_rule(
            alone, code=CODE, notes="All alerts of this incident have cleared.", actor=actor, now=now, why=why
        )
    if others:
        incidents.propose_resolution(others, actor=actor, now=now, why=why)


def resolves_by_itself(incident: Incident) -> bool:
    """Only what machines alone reported, that is no matter of security and no major incident."""
    return (
        not incident.security
        and incident.caller_id is None
        and incident.major not in ("proposed", "declared")
    )
