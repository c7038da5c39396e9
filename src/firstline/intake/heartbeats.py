"""Sources that must be heard of: a beat that doesn't come is an alert, and so is a source whose alerts all expire."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.core.locks import try_lock
from firstline.incidents.actions.writing import locked, save
from firstline.intake.dedup import SpanState, source_suspected
from firstline.intake.events import SourceFellSilent
from firstline.intake.ingest import BEAT, SILENT, ingest
from firstline.intake.models import Heartbeat, Source
from firstline.intake.muting import causes_ended
from firstline.intake.signal import Severity, Signal, SignalKind
from firstline.intake.sources.parsing import Received

NO_BEAT = ("start", "log")
REPEATING = (
    "alertmanager",
)  # formats that say again and again what still fires; of others, silence says nothing
BATCH = 1000


def heard(source: Source, beats: Sequence[Received], *, now: datetime) -> None:
    """Beats came: the next one is expected a period and a grace later. Their signal resolves what was missing."""
    counted = [row for row in beats if row.headers.get("path", "").strip("/").lower() not in NO_BEAT]
    if not counted:
        return
    last = max(row.received_at for row in counted)
    heartbeat, _ = Heartbeat.objects.get_or_create(source=source)
    heartbeat.last_beat_at = last
    heartbeat.next_at = last + timedelta(seconds=heartbeat.period_seconds + heartbeat.grace_seconds)
    heartbeat.missing_since = None
    heartbeat.save()


def run(now: datetime) -> int:
    """What is missing becomes an alert, what has expired is marked; returns how many of both."""
    return _missing(now) + expire(now)


def _missing(now: datetime) -> int:
    with transaction.atomic():
        rows = list(
            Heartbeat.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(next_at__lte=now, source__enabled=True)
            .select_related("source")
            .order_by("next_at")[:BATCH]
        )
        for row in rows:
            if not try_lock(f"intake:source:{row.source_id}"):
                continue  # its inbox is being read: perhaps the beat is there
            ingest(row.source, [_missing_signal(row, now)], received={}, now=now)
            row.missing_since = row.next_at
            row.next_at = None
            row.save(update_fields=["missing_since", "next_at"])
        return len(rows)


def _missing_signal(row: Heartbeat, now: datetime) -> Signal:
    last = row.last_beat_at
    heard_of = f"The last one came at {last:%Y-%m-%d %H:%M:%S} UTC." if last else "None has come yet."
    return Signal(
        kind=SignalKind.TRIGGER,
        key=BEAT,
        title=f"{row.source.name}: no beat since {row.period_seconds} s",
        description=f"Expected every {row.period_seconds} s, with a grace of {row.grace_seconds} s. {heard_of}",
        severity=Severity.ERROR,
        security=row.source.security,
        occurred_at=min(row.next_at or now, now),
    )


SOURCES = """
SELECT DISTINCT s.source_id FROM alert_span s
WHERE s.ended_at IS NULL AND s.ends_at <= %s
  AND NOT EXISTS (SELECT FROM inbox i WHERE i.source_id = s.source_id AND i.state = 'new')
"""
EXPIRE = """
WITH before AS (SELECT count(*) AS open FROM alert_span WHERE source_id = %(source)s AND ended_at IS NULL),
gone AS (
  UPDATE alert_span SET state = %(state)s, ended_at = ends_at
  WHERE source_id = %(source)s AND ended_at IS NULL AND ends_at <= %(now)s RETURNING id, incident_id
)
SELECT gone.incident_id, before.open, gone.id FROM gone, before
"""


def expire(now: datetime) -> int:
    """Spans whose announced end passed: *expired*, which resolves nothing; their incidents say so.

    Waits while rows of the source are unread: they may say that the alert goes on.
    """
    with connection.cursor() as cursor:
        cursor.execute(SOURCES, [now])
        sources = [source for (source,) in cursor.fetchall()]
    return sum(_expire_source(source, now) for source in sources)


@transaction.atomic
def _expire_source(source_id: int, now: datetime) -> int:
    if not try_lock(f"intake:source:{source_id}"):
        return 0
    with connection.cursor() as cursor:
        cursor.execute(EXPIRE, {"source": source_id, "state": SpanState.EXPIRED.value, "now": now})
        rows = cursor.fetchall()
    causes_ended([span for _incident, _open, span in rows], now)
    if rows and Source.objects.filter(id=source_id, kind__in=REPEATING).exists():
        _tell(source_id, [incident for incident, _open, _span in rows if incident is not None], now)
        if source_suspected(rows[0][1], len(rows)):
            _suspect(source_id, len(rows), now)
    return len(rows)


def _tell(source_id: int, incidents: Sequence[int], now: datetime) -> None:
    rows = [row for row in locked(set(incidents)) if row.is_open]
    for row in rows:
        row.version += 1
    save(rows, [], now=now)
    event_log.record(
        [
            SourceFellSilent(
                subject_id=row.id,
                actor=Actor.clock("expiry"),
                occurred_at=now,
                count=incidents.count(row.id),
                source_id=source_id,
                version=row.version,
            )
            for row in rows
        ],
        now=now,
    )


def _suspect(source_id: int, count: int, now: datetime) -> None:
    source = Source.objects.get(id=source_id)
    signal = Signal(
        kind=SignalKind.TRIGGER,
        key=SILENT,
        title=f"{source.name} fell silent",
        description=f"All {count} open alerts of this source expired together, without a word that they are over. "
        "Check the monitor itself and its way to Firstline.",
        severity=Severity.WARNING,
        security=source.security,
        occurred_at=now,
    )
    ingest(source, [signal], received={}, now=now)
