"""Sources that must be heard of: a beat that doesn't come is an alert, and so is a source whose alerts all expire."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.core.locks import try_lock
from firstline.incidents.actions.writing import locked, save
from firstline.intake.beats import (
    Ping,
    Schedule,
    State,
    deadlines,
    hear,
    instants_from,
    instants_of,
    missing_at,
    ping_of,
)
from firstline.intake.dedup import SpanState, source_suspected
from firstline.intake.events import SourceFellSilent
from firstline.intake.ingest import BEAT, SILENT, ingest
from firstline.intake.models import Heartbeat, HeartbeatPing, Source
from firstline.intake.muting import causes_ended
from firstline.intake.signal import Severity, Signal, SignalKind
from firstline.intake.sources.parsing import Received

REPEATING = (
    "alertmanager",
)  # formats that say again and again what still fires; of others, silence says nothing
BATCH = 1000


def heard(source: Source, calls: Sequence[Received], *, now: datetime) -> None:
    """The job called: what it said is kept, and the next beat expected after its last end."""
    if not calls:
        return
    row, _ = Heartbeat.objects.get_or_create(source=source)
    schedule, state = schedule_of(row), state_of(row)
    pings = [hear(state, _ping(call), schedule) for call in calls]
    keep_state(row, state, schedule)
    row.save()
    HeartbeatPing.objects.bulk_create(
        HeartbeatPing(
            source=source,
            at=ping.at,
            kind=ping.kind,
            exit_status=ping.exit_status,
            run=ping.run,
            seconds=ping.seconds,
            body=ping.body,
        )
        for ping in pings[-KEPT_PINGS:]
    )
    with connection.cursor() as cursor:
        cursor.execute(FORGET, {"source": source.id, "kept": KEPT_PINGS})


KEPT_PINGS = 100
FORGET = """
DELETE FROM heartbeat_ping WHERE source_id = %(source)s AND id <= (
  SELECT id FROM heartbeat_ping WHERE source_id = %(source)s ORDER BY id DESC OFFSET %(kept)s LIMIT 1)
"""


def _ping(call: Received) -> Ping:
    return ping_of(
        call.headers.get("path", ""),
        at=call.received_at,
        run=call.headers.get("rid", ""),
        body=call.body.decode("utf-8", "replace"),
    )


def schedule_of(row: Heartbeat) -> Schedule:
    """The schedule that is stored."""
    return Schedule(
        period=timedelta(seconds=row.period_seconds),
        cron=row.cron,
        zone=row.zone,
        grace=timedelta(seconds=row.grace_seconds),
        max_run=None if row.max_run_seconds is None else timedelta(seconds=row.max_run_seconds),
    )


def state_of(row: Heartbeat) -> State:
    """What is known of it."""
    return State(
        runs=instants_from(row.runs),
        last_beat_at=row.last_beat_at,
        last_kind=row.last_kind,
        expected_at=row.expected_at,
        missing_since=row.missing_since,
    )


def keep_state(row: Heartbeat, state: State, schedule: Schedule) -> None:
    """Put it back into the row, with the instant at which it counts as missing."""
    row.runs = instants_of(state.runs)
    row.last_beat_at = state.last_beat_at
    row.last_kind = state.last_kind
    row.expected_at = state.expected_at
    row.missing_since = state.missing_since
    row.next_at = missing_at(state, schedule)


def run(now: datetime) -> int:
    """What is missing becomes an alert, what has expired is marked; returns how many of both."""
    return _missing(now) + expire(now)


DUE = """
SELECT h.source_id FROM heartbeat h JOIN intake_source s ON s.id = h.source_id AND s.enabled
WHERE h.next_at <= %(now)s
  AND NOT EXISTS (SELECT FROM inbox i WHERE i.source_id = h.source_id AND i.state = 'new')
ORDER BY h.next_at LIMIT %(batch)s FOR UPDATE OF h SKIP LOCKED
"""


@transaction.atomic
def _missing(now: datetime) -> int:
    """Those whose time has passed. One with unread calls waits: the beat may be among them."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"now": now, "batch": BATCH})
        due = [source for (source,) in cursor.fetchall()]
    rows = Heartbeat.objects.filter(source_id__in=due).select_related("source").order_by("next_at")
    told = []
    for row in rows if due else ():
        if try_lock(f"intake:source:{row.source_id}"):
            ingest(row.source, [_missing_signal(row, now)], received={}, now=now)
            row.missing_since, row.next_at = row.next_at, None
            told.append(row)
    Heartbeat.objects.bulk_update(told, ["missing_since", "next_at"])
    return len(told)


def _missing_signal(row: Heartbeat, now: datetime) -> Signal:
    schedule, state = schedule_of(row), state_of(row)
    passed = [(at, run) for at, run in deadlines(state, schedule) if at <= now]
    hangs = bool(passed) and min(passed)[1]
    last = row.last_beat_at
    heard_of = f"The last one came at {last:%Y-%m-%d %H:%M:%S} UTC." if last else "None has come yet."
    if hangs:
        started = min(state.runs.values())
        title = f"{row.source.name}: started and never finished"
        text = (
            f"Started at {started:%Y-%m-%d %H:%M:%S} UTC; a run may take {row.max_run_seconds} s. {heard_of}"
        )
    elif row.cron:
        title = f"{row.source.name}: no beat at its time"
        text = f"Expected by {row.cron} ({row.zone}), with a grace of {row.grace_seconds} s. {heard_of}"
    else:
        title = f"{row.source.name}: no beat since {row.period_seconds} s"
        text = f"Expected every {row.period_seconds} s, with a grace of {row.grace_seconds} s. {heard_of}"
    return Signal(
        kind=SignalKind.TRIGGER,
        key=BEAT,
        title=title,
        description=text,
        severity=Severity.ERROR,
        security=row.source.security,
        occurred_at=min(row.next_at or now, now),
    )


SOURCES = """
SELECT DISTINCT s.source_id FROM alert_span s
WHERE s.ended_at IS NULL AND s.expiry_look_at <= %s
  AND NOT EXISTS (SELECT FROM inbox i WHERE i.source_id = s.source_id AND i.state = 'new')
"""
EXPIRE = """
WITH before AS (SELECT count(*) AS open FROM alert_span WHERE source_id = %(source)s AND ended_at IS NULL),
gone AS (
  UPDATE alert_span SET state = %(state)s, ended_at = ends_at
  WHERE source_id = %(source)s AND ended_at IS NULL AND expiry_look_at <= %(now)s AND ends_at <= %(now)s
  RETURNING id, incident_id
)
SELECT gone.incident_id, before.open, gone.id FROM gone, before
"""
# what was sent again meanwhile, or has no end any more, is looked at again when that is over
LOOK_LATER = """
UPDATE alert_span SET expiry_look_at = ends_at WHERE id IN (
  SELECT id FROM alert_span WHERE source_id = %(source)s AND ended_at IS NULL AND expiry_look_at <= %(now)s
    AND (ends_at IS NULL OR ends_at > %(now)s) ORDER BY expiry_look_at LIMIT 10000)
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
        cursor.execute(LOOK_LATER, {"source": source_id, "now": now})
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
