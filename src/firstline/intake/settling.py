"""What becomes of alerts that still fire when a person ends their incident.

Resolved: if the source says again, more than QUIET later, that it fires, that is a recurring alert, and the incident is
reopened. Closed is terminal: it ends the stretch of its alerts, so that the next signal of their key begins a new
stretch, with an incident of its own that says which one it recurs from. Cancelled is a person's word that it is no
incident: its alerts go on counting and nobody is told.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection

from firstline.core import due, event_log
from firstline.core.actor import Actor
from firstline.core.batch import run_due
from firstline.core.event_log import DomainEvent
from firstline.core.locks import lock_all
from firstline.incidents import actions as incidents
from firstline.incidents.actions.writing import locked, save
from firstline.incidents.lifecycle import State
from firstline.incidents.models import Incident
from firstline.intake.events import AlertsSettled
from firstline.intake.models import IncidentAlerts

KIND = "alerts_settle"
QUIET = timedelta(minutes=5)  # a signal that was under way when a person resolved says nothing
FIRST_LOOK = timedelta(minutes=15)
LOOK_AGAIN = timedelta(hours=1)

OPEN_SOURCES = """
SELECT DISTINCT source_id FROM alert_span WHERE incident_id = ANY(%s) AND ended_at IS NULL
"""
END = """
UPDATE alert_span SET state = 'resolved', ended_at = greatest(%(at)s, started_at), ends_at = NULL
WHERE incident_id = %(incident)s AND ended_at IS NULL
"""
STILL = """
SELECT count(*), count(*) FILTER (WHERE last_seen_at > %s AND state <> 'suppressed')
FROM alert_span WHERE incident_id = %s AND ended_at IS NULL
"""


def look_later(events: Sequence[DomainEvent]) -> None:
    """Reaction to resolving and closing: the engine looks whether alerts of the incident still fire."""
    ids = [event.subject_id for event in events]
    having = set(IncidentAlerts.objects.filter(incident_id__in=ids).values_list("incident_id", flat=True))
    due.schedule(
        KIND,
        [
            (event.subject_id, event.occurred_at + (FIRST_LOOK if event.verb == "resolved" else timedelta(0)))
            for event in events
            if event.subject_id in having
        ],
    )


def run(now: datetime, *, limit: int = 100) -> int:
    """Look at what a person ended some time ago; returns how many were due."""
    return run_due(
        KIND, lambda items: _settle([item.subject_id for item in items], now), now=now, limit=limit
    )


def _settle(ids: Sequence[int], now: datetime) -> None:
    """Sources are locked before incidents, as drain does, so that no signal comes in between."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN_SOURCES, [list(ids)])
        lock_all(sorted(f"intake:source:{source}" for (source,) in cursor.fetchall()))
    for row in locked(ids):
        if row.state == State.CLOSED:
            _end_alerts(row, now)
        elif row.state == State.RESOLVED and row.resolved_at is not None:
            _reopen_if_firing(row, row.resolved_at, now)


def _end_alerts(row: Incident, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(END, {"at": row.closed_at, "incident": row.id})
        count = cursor.rowcount
    if count:
        row.version += 1
        save([row], [], now=now)
        settled = AlertsSettled(
            subject_id=row.id,
            actor=Actor.system("correlation"),
            occurred_at=now,
            count=count,
            version=row.version,
        )
        event_log.record([settled], now=now)


def _reopen_if_firing(row: Incident, resolved_at: datetime, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(STILL, [resolved_at + QUIET, row.id])
        firing, again = cursor.fetchone()
    if again:
        actor = Actor.rule(None, via="correlation")
        why = {"ground": "still_firing", "count": again, "quiet_seconds": int(QUIET.total_seconds())}
        incidents.reopen(row.id, actor=actor, now=now, by_alert=True, why=why)
    elif firing:
        due.schedule(KIND, [(row.id, now + LOOK_AGAIN)])
