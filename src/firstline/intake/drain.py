"""The inbox → signals → alerts → incidents. One writer per source; rows in the order of their ids.

1. Sources that have new rows; per source an advisory lock, which another engine may hold (then it is skipped).
2. Its rows `WHERE state = 'new' ORDER BY id`, as many as fit into the bounds. Never a high-water mark:
ids become visible out of order.
3. Each row is parsed. What cannot be read stays, marked with the error, and raises one alert about the source, so that
   its owner has one incident; the rest is folded into alerts in bulk.
4. All of it is one transaction. When it fails (a fault of ours, or data that PostgreSQL refuses), each half is tried
   alone, down to the row at fault, which is marked: a bad row holds up only itself. When the database is away, full or
   read-only, the rows stay as they are. What a row may cost at most is in `guarding`.
"""

import gc
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
import structlog
from django.db import connection, transaction

from firstline.core import bulk
from firstline.core.away import is_away
from firstline.core.locks import try_lock
from firstline.intake import guarding, heartbeats, mail
from firstline.intake.ingest import SILENT, UNREADABLE, ingest
from firstline.intake.models import Source
from firstline.intake.signal import Severity, Signal, SignalKind
from firstline.intake.sources.generic.parse import parse as parse_generic
from firstline.intake.sources.parsing import ParseError, Received
from firstline.intake.sources.registry import PARSERS

FIRST = 500  # rows of the first batch of a run,
MOST = 20_000  # and of the largest: a deep queue is worked off in larger batches, whose repeats are one write
BATCH_BYTES = 8 * 1024 * 1024
SLICE = 0.5  # seconds that one source may take of a run, so that a storm of one doesn't starve the others
log = structlog.get_logger(__name__)
_size_of: dict[int, int] = {}
"""Of sources whose queue was deep: the rows of their next batch."""
_taken_from: set[int] = set()
"""Sources of which this process has read a batch and lived."""

WAITING = """
SELECT s.id FROM intake_source s
WHERE EXISTS (SELECT FROM inbox i WHERE i.source_id = s.id AND i.state = 'new') ORDER BY s.last_signal_at NULLS FIRST
"""
ROWS = """
SELECT id, received_at, kind, content_type, nullif(headers, '{}'), body, dedup_key FROM (
  SELECT *, sum(octet_length(body)) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) - octet_length(body) AS before
  FROM (SELECT * FROM inbox WHERE source_id = %s AND state = 'new' ORDER BY id LIMIT %s) AS first_rows
) AS bounded WHERE before < %s ORDER BY id
"""
# all rows of a batch that ended alike; by the index of new rows, whatever the statistics say of a young partition
MARK = """
UPDATE inbox SET state = %s, error = %s, signals = %s, attempts = greatest(attempts, 1)
WHERE source_id = %s AND state = 'new' AND id = ANY(%s::bigint[]) AND received_at BETWEEN %s AND %s
"""


def run(now: datetime) -> int:
    """Work off the inbox; returns how many rows were taken."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        sources = [source for (source,) in cursor.fetchall()]
    with _collecting_nothing():
        return sum(drain_source(source, now) for source in sources)


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """Batches of thousands of values that are all in use: to look among them for garbage again and again is in vain."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def drain_source(source_id: int, now: datetime) -> int:
    """The new rows of one source, for a slice of time; 0 when another engine is at it."""
    if source_id not in _taken_from and guarding.were_tried(source_id, FIRST):
        return _one_by_one(source_id, now)
    total, size = 0, _size_of.get(source_id, FIRST)
    until = time.monotonic() + SLICE
    while True:
        taken = _batch(source_id, size, now)
        _taken_from.add(source_id)
        total += taken
        deep = taken == size
        _size_of[source_id] = size = min(size * 4, MOST) if deep else FIRST
        if not deep or time.monotonic() > until:
            return total


def _batch(source_id: int, size: int, now: datetime) -> int:
    """The next `size` rows in one transaction; where that fails, each half in its own, down to the row at fault."""
    try:
        with transaction.atomic():
            return _take(source_id, size, now)
    except Exception as error:
        if is_away(error):
            raise  # the rows stay, the engine waits
        fault = error
    if size == 1:
        log.error("intake.row_failed", source=source_id, exc_info=fault)
        _give_up(source_id, repr(fault), now)
        return 1
    log.warning("intake.batch_failed", source=source_id, rows=size, error=repr(fault))
    half = size // 2
    taken = _batch(source_id, half, now)
    return taken + _batch(source_id, size - half, now) if taken == half else taken


def _one_by_one(source_id: int, now: datetime) -> int:
    """The first rows, each in its own transaction and counted before it is read: one may have killed its reader."""
    for done in range(FIRST):
        if guarding.count_try(source_id) > guarding.MOST_TRIES:
            _give_up(source_id, "whoever read this request died of it, several times", now)
        elif not _batch(source_id, 1, now):
            _taken_from.add(source_id)
            return done
    return FIRST


def _give_up(source_id: int, error: str, now: datetime) -> None:
    with transaction.atomic():
        source = _locked_source(source_id)
        rows = _rows(source_id, 1) if source else []
        if source and rows:
            _mark(source, [(rows[0], "failed", error, 0)])
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
    marks = read(source, rows, now)
    _mark(source, marks)
    Source.objects.filter(id=source_id).update(last_signal_at=marks[-1][0].received_at)
    return len(marks)


def _locked_source(source_id: int) -> Source | None:
    if not try_lock(f"intake:source:{source_id}"):
        return None
    return Source.objects.filter(id=source_id).first()


def _rows(source_id: int, limit: int) -> list[Received]:
    return [received_row(row) for row in bulk.fetch(ROWS, [source_id, limit, BATCH_BYTES])]


def received_row(row: Sequence[Any]) -> Received:
    """A row of `inbox` (id, received_at, kind, content_type, headers, body, dedup_key) as parsers see it."""
    number, received_at, kind, content_type, headers, body, dedup_key = row
    return Received(
        id=number,
        received_at=received_at,
        kind=kind,
        content_type=content_type,
        headers=(json.loads(headers) if isinstance(headers, str) else headers) or {},
        body=body if type(body) is bytes else bytes(body),
        dedup_key=dedup_key,
    )


Mark = tuple[Received, str, str, int]


def _mark(source: Source, marks: Iterable[Mark]) -> None:
    alike: dict[tuple[str, str, int], list[Received]] = {}
    for row, state, error, signals in marks:
        alike.setdefault((state, error, signals), []).append(row)
    for (state, error, signals), rows in alike.items():
        said = error[:4000].replace("\x00", "")
        instants = [row.received_at for row in rows]
        ids = bulk.numbers(row.id for row in rows)
        bulk.execute(MARK, [state, said, signals, source.id, ids, min(instants), max(instants)])


def _read_signals(source: Source, rows: Sequence[Received], now: datetime) -> list[Mark]:
    """The rows up to where their signals become too many for one batch; at least one."""
    marks: list[Mark] = []
    signals: list[Signal] = []
    failed: list[Signal] = []
    with guarding.watched() as watch:
        for row in rows:
            found, error = _read(source, row, watch)
            signals += found
            marks.append((row, "failed" if error else "done", error, len(found)))
            if error:
                failed.append(_complaint(source, row, error))
            if len(signals) >= guarding.MOST_IN_BATCH:
                break
    taken = rows[: len(marks)]
    received = {row.id: row.received_at for row in taken}
    heartbeats.heard(source, [row for row in taken if row.kind == "beat"], now=now)
    settled = [] if failed else settled_by(source, taken[-1])
    ingest(source, [*signals, *failed, *settled], received=received, now=now)
    return marks


def _read(source: Source, row: Received, watch: guarding.Watch) -> tuple[list[Signal], str]:
    """The signals of a row, or why it can't be read. A parser that fails in an unforeseen way spoils its row alone."""
    watch.row = row.id
    try:
        found = parse_row(source, row)
    except ParseError as error:
        return [], str(error)
    except Exception as error:
        log.exception("intake.parser_failed", source=source.id, kind=source.kind, row=row.id)
        return [], f"the parser failed: {error!r}"
    finally:
        watch.row = 0
    if len(found) > guarding.MOST_SIGNALS:
        return (
            [],
            f"{len(found):,} alerts in one request, of which at most {guarding.MOST_SIGNALS:,} are read",
        )
    return found, ""


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
    with guarding.watched(guarding.LONGEST_MAIL) as watch:
        for row in rows:
            watch.row = row.id
            mail.take(source, row, now=now)
            watch.row = 0
    return [(row, "done", "", 1) for row in rows]
