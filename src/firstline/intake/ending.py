"""When the alerts of an incident are over: after a soak time it is resolved, or its resolution is proposed.

Expired is not resolved, a security incident is never resolved by its signals, and an incident that a person reported as
well is only proposed: the caller decides.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from firstline.catalog.models import ResolutionCode
from firstline.core import due, event_log
from firstline.core.actor import Actor
from firstline.incidents import actions as incidents
from firstline.incidents.actions.writing import locked, save
from firstline.incidents.models import Incident
from firstline.intake.correlation import resolution_due
from firstline.intake.events import AlertsEnded

KIND = "alerts_ended"
SOAK = timedelta(minutes=5)  # where no rule names another
CODE = "went-away"  # seeded; without it, resolution is only proposed

# an incident's alerts are its own and those of what was merged into it
OVER = """
SELECT f.root, bool_and(last.state = 'resolved'), max(last.ended_at), count(*), max(n.soak_minutes), bool_or(n.proposes)
FROM (
  SELECT i.id AS root, i.id AS member FROM incident i WHERE i.id = ANY(%(ids)s)
  UNION ALL SELECT i.merged_into_id, i.id FROM incident i WHERE i.merged_into_id = ANY(%(ids)s)
) AS f
JOIN LATERAL (
  SELECT DISTINCT ON (alert_id) state, ended_at FROM alert_span WHERE incident_id = f.member ORDER BY alert_id, id DESC
) AS last ON true
LEFT JOIN incident_alerts n ON n.incident_id = f.root
GROUP BY f.root
"""
# one look into an index of open spans each, so that the resolves of a storm cost what their batch costs
FIRING = """
SELECT DISTINCT coalesce(i.merged_into_id, i.id) FROM incident i
WHERE (i.id = ANY(%(ids)s) OR i.merged_into_id = ANY(%(ids)s))
  AND EXISTS (SELECT FROM alert_span s WHERE s.incident_id = i.id AND s.ended_at IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Over:
    """The alerts of an incident have all resolved: when it may be resolved, how many they were, how it ends."""

    due_at: datetime
    count: int
    soak: timedelta
    proposes: bool


def after_resolve(span_ids: Sequence[int], *, now: datetime) -> None:
    """These spans have resolved: schedule the look at those incidents whose alerts are now all over, and say so."""
    if not span_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT coalesce(i.merged_into_id, i.id)
               FROM alert_span s JOIN incident i ON i.id = s.incident_id WHERE s.id = ANY(%s)""",
            [list(span_ids)],
        )
        touched = [incident for (incident,) in cursor.fetchall()]
    look(touched, now=now)


def look(incident_ids: Sequence[int], *, now: datetime) -> None:
    """Schedule the resolution of those incidents whose alerts are all over, and say so."""
    over = over_of(incident_ids)
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
                count=over[row.id].count,
                version=row.version,
            )
            for row in rows
        ],
        now=now,
    )
    due.schedule(KIND, [(row.id, max(over[row.id].due_at, now)) for row in rows])


def over_of(incident_ids: Iterable[int]) -> dict[int, Over]:
    """Those of these incidents of whose alerts none fires any more and none merely expired."""
    ids = list(incident_ids)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(FIRING, {"ids": ids})
        firing = {incident for (incident,) in cursor.fetchall()}
        quiet = [incident for incident in ids if incident not in firing]
        if not quiet:
            return {}
        cursor.execute(OVER, {"ids": quiet})
        rows = cursor.fetchall()
    found = {}
    for incident, resolved, ended_at, count, minutes, proposes in rows:
        soak = SOAK if minutes is None else timedelta(minutes=minutes)
        at = resolution_due([(resolved, ended_at)], soak)
        if at is not None:
            found[incident] = Over(at, count, soak, bool(proposes))
    return found


def run(now: datetime, *, limit: int = 200) -> int:
    """Resolve or propose for what has soaked; returns how many rows were due."""
    with transaction.atomic():
        items = due.claim(KIND, now=now, limit=limit, of="incident")
        over = over_of(item.subject_id for item in items)
        _finish({incident: each for incident, each in over.items() if each.due_at <= now}, now)
        due.finish(items)
        return len(items)


def _finish(over: Mapping[int, Over], now: datetime) -> None:
    rows = [row for row in locked(over) if row.is_open]
    coded = ResolutionCode.objects.filter(code=CODE, active=True).exists()
    actor = Actor.rule(None, via="correlation")
    for seconds in sorted({int(each.soak.total_seconds()) for each in over.values()}):
        some = [row for row in rows if int(over[row.id].soak.total_seconds()) == seconds]
        alone = [row.id for row in some if coded and resolves_by_itself(row) and not over[row.id].proposes]
        others = [row.id for row in some if row.id not in alone]
        why = {"by": "alerts_ended", "soak_seconds": seconds}
        if alone:
            incidents.resolve_by_rule(
                alone,
                code=CODE,
                notes="All alerts of this incident have cleared.",
                actor=actor,
                now=now,
                why=why,
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
