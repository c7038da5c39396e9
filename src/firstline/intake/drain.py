"""The inbox → signals → alerts → incidents. One writer per source; rows in the order of their ids.

1. Sources that have new rows; per source an advisory lock, which another engine may hold (then it is skipped).
2. Its rows `WHERE state = 'new' ORDER BY id`, as many as fit into the bounds. Never a high-water mark:
ids become visible out of order.
3. Each row is parsed. What cannot be read stays, marked with the error, and raises one alert about the source, so that
   its owner has one incident; the rest is folded into alerts in bulk.
4. All of it is one transaction. When it fails (a fault of ours, or data that PostgreSQL refuses), the rows are taken
   one by one, and the one that fails is marked: a bad row holds up only itself.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog
from django.db import OperationalError, connection, transaction

from firstline.core.locks import try_lock
from firstline.intake import heartbeats, mail
from firstline.intake.ingest import SILENT, UNREADABLE, ingest
from firstline.intake.models import Source
from firstline.intake.signal import Severity, Signal, SignalKind
from firstline.intake.sources.generic.parse import parse as parse_generic
from firstline.intake.sources.parsing import ParseError, Received
from firstline.intake.sources.registry import PARSERS

BATCH = 500
BATCH_BYTES = 8 * 1024 * 1024
ROUNDS = 20  # batches of one source in one run, so that a storm of one doesn't starve the others
log = structlog.get_logger(__name__)

WAITING = """
SELECT s.id FROM intake_source s
WHERE EXISTS (SELECT FROM inbox i WHERE i.source_id = s.id AND i.state = 'new') ORDER BY s.last_signal_at NULLS FIRST
"""
ROWS = """
SELECT id, received_at, kind, content_type, headers, body, dedup_key FROM (
  SELECT *, sum(octet_length(body)) OVER (ORDER BY id) - octet_length(body) AS before
  FROM (SELECT * FROM inbox WHERE source_id = %s AND state = 'new' ORDER BY id LIMIT %s) AS first_rows
) AS bounded WHERE before < %s ORDER BY id
"""
MARK = """
UPDATE inbox SET state = t.state, error = t.error, signals = t.signals, attempts = attempts + 1
FROM unnest(%s::timestamptz[], %s::bigint[], %s::text[], %s::text[], %s::int[]) AS t(at, id, state, error, signals)
WHERE inbox.received_at = t.at AND inbox.id = t.id
"""


def run(now: datetime) -> int:
    """Work off the inbox; returns how many rows were taken."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        sources = [source for (source,) in cursor.fetchall()]
    return sum(drain_source(source, now) for source in sources)


def drain_source(source_id: int, now: datetime) -> int:
    """The new rows of one source; 0 when another engine is at it."""
    total = 0
    for _ in range(ROUNDS):
        taken = _batch(source_id, now)
        total += taken
        if taken < BATCH:
            break
    return total


def _batch(source_id: int, now: datetime) -> int:
    try:
        with transaction.atomic():
            return _take(source_id, BATCH, now)
    except OperationalError:
        raise  # the database is away: the rows stay, the engine waits
    except Exception:
        log.exception("intake.batch_failed", source=source_id)
    return _one_by_one(source_id, now)


def _one_by_one(source_id: int, now: datetime) -> int:
    """The same rows, each in its own transaction; what fails alone is marked with why."""
    for done in range(BATCH):
        try:
            with transaction.atomic():
                if not _take(source_id, 1, now):
                    return done
        except OperationalError:
            raise
        except Exception as error:
            log.exception("intake.row_failed", source=source_id)
            _give_up(source_id, repr(error), now)
    return BATCH


def _give_up(source_id: int, error: str, now: datetime) -> None:
    with transaction.atomic():
        source = _locked_source(source_id)
        rows = _rows(source_id, 1) if source else []
        if source and rows:
            _mark([(rows[0], "failed", error, 0)])
            ingest(source, [_complaint(source, rows[0], error)], received={}, now=now)


def _take(source_id: int, limit: int, now: datetime) -> int:
    source = _locked_source(source_id)
    if source is None:
        return 0
    rows = _rows(source_id, limit)
    if not rows:
        return 0
    read: Callable[[Source, Sequence[Received], datetime], list[Mark]] = (
        _read_mail if source.kind == mail.KIND else _read_signals
    )
    _mark(read(source, rows, now))
    Source.objects.filter(id=source_id).update(last_signal_at=rows[-1].received_at)
    return len(rows)


def _locked_source(source_id: int) -> Source | None:
    if not try_lock(f"intake:source:{source_id}"):
        return None
    return Source.objects.filter(id=source_id).first()


def _rows(source_id: int, limit: int) -> list[Received]:
    with connection.cursor() as cursor:
        cursor.execute(ROWS, [source_id, limit, BATCH_BYTES])
        return [received_row(row) for row in cursor.fetchall()]


def received_row(row: Sequence[Any]) -> Received:
    """A row of `inbox` (id, received_at, kind, content_type, headers, body, dedup_key) as parsers see it."""
    headers = json.loads(row[4]) if isinstance(row[4], str) else row[4]
    return Received(
        id=row[0],
        received_at=row[1],
        kind=row[2],
        content_type=row[3],
        headers=headers,
        body=bytes(row[5]),
        dedup_key=row[6],
    )


Mark = tuple[Received, str, str, int]


def _mark(marks: Iterable[Mark]) -> None:
    rows = [
        (row.received_at, row.id, state, error[:4000].replace("\x00", ""), signals)
        for row, state, error, signals in marks
    ]
    with connection.cursor() as cursor:
        cursor.execute(MARK, [list(column) for column in zip(*rows, strict=True)])


def _read_signals(source: Source, rows: Sequence[Received], now: datetime) -> list[Mark]:
    marks: list[Mark] = []
    signals: list[Signal] = []
    failed: list[Signal] = []
    for row in rows:
        try:
            found = parse_row(source, row)
        except ParseError as error:
            marks.append((row, "failed", str(error), 0))
            failed.append(_complaint(source, row, str(error)))
        else:
            marks.append((row, "done", "", len(found)))
            signals += found
    received = {row.id: row.received_at for row in rows}
    heartbeats.heard(source, [row for row in rows if row.kind == "beat"], now=now)
    settled = [] if failed else settled_by(source, rows[-1])
    ingest(source, [*signals, *failed, *settled], received=received, now=now)
    return marks


OWN_OPEN = """
SELECT a.dedup_key, EXISTS (SELECT FROM inbox i WHERE i.source_id = a.source_id AND i.state = 'failed')
FROM alert a JOIN alert_span s ON s.alert_id = a.id AND s.ended_at IS NULL
WHERE a.source_id = %s AND a.dedup_key = ANY(%s)
"""


def settled_by(source: Source, row: Received) -> list[Signal]:
    """What Firstline itself said about the source and is over now: it is heard of again, all can be read again."""
    with connection.cursor() as cursor:
        cursor.execute(OWN_OPEN, [source.id, [UNREADABLE, SILENT]])
        found = cursor.fetchall()
    return [
        Signal(
            kind=SignalKind.RESOLVE,
            key=key,
            title=key,
            security=source.security,
            occurred_at=row.received_at,
            row=row.id,
        )
        for key, failed_rows in found
        if key == SILENT or not failed_rows
    ]


def parse_row(source: Source, row: Received) -> list[Signal]:
    """The signals in a row: by the source's own mapping where it has one, else by its format.

    Raises ParseError. A security source makes security signals of everything.
    """
    settings = dict(source.settings)
    if source.mapping:
        settings["mapping"] = source.mapping
    parser = parse_generic if source.mapping and row.kind == "alert" else PARSERS[source.kind]
    signals = parser(row, settings)
    if source.security:
        signals = [_secured(signal) for signal in signals]
    return signals


def _secured(signal: Signal) -> Signal:
    return signal if signal.security else msgspec.structs.replace(signal, security=True)


def _complaint(source: Source, row: Received, error: str) -> Signal:
    """The alert that a source sends what cannot be read. It counts; the incident is one."""
    return Signal(
        kind=SignalKind.TRIGGER,
        key=UNREADABLE,
        title=f"{source.name} sends what Firstline cannot read",
        description=f"Request {row.id} is kept, with this error: {error}\n\n"
        "Look at it under the source, mend the mapping or the sender, then replay it.",
        severity=Severity.WARNING,
        security=source.security,
        occurred_at=row.received_at,
        row=row.id,
    )


def _read_mail(source: Source, rows: Sequence[Received], now: datetime) -> list[Mark]:
    for row in rows:
        mail.take(source, row, now=now)
    return [(row, "done", "", 1) for row in rows]
