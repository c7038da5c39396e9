"""What a stored request may cost whoever reads it: seconds, signals, and the life of the engine.

1. A parser that hangs on one row is interrupted; the row counts as unreadable.
2. A row that makes too many signals is unreadable; a batch ends where its signals become too many.
3. A row that kills the process (memory, a crash in a library) would kill every engine for ever. So the first batch that
   a process takes from a source is counted before it is read (`attempts`, committed). Whoever finds rows that were
   counted and are still new follows somebody who died of one of them: he takes them one by one, each counted first, and
   gives up the one that was tried `MOST_TRIES` times.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from django.db import connection, transaction

from firstline.core.locks import try_lock
from firstline.intake.sources.parsing import ParseError

LONGEST = 10  # seconds that the reading of one row may take, give or take one,
LONGEST_MAIL = 60  # and of a mail, which may bring 25 MB of attachments
MOST_SIGNALS = 10_000  # of one row; a body of 1 MiB could hold five times that
MOST_IN_BATCH = 50_000
MOST_TRIES = 4
_tried_here: dict[int, int] = {}
"""The row of each source that this process tried last."""


class TooSlow(ParseError):
    """Reading this row took too long."""


class Watch:
    """Says which row is being read; 0: none."""

    def __init__(self, longest: int = LONGEST) -> None:
        self.row = 0
        self._longest = longest
        self._seen = 0
        self._ticks = 0

    def tick(self, _signum: int, _frame: FrameType | None) -> None:
        """Raises TooSlow in the middle of a parser that has been at the same row for too long."""
        if self.row == 0 or self.row != self._seen:
            self._seen, self._ticks = self.row, 0
            return
        self._ticks += 1
        if self._ticks >= self._longest:
            self._ticks = 0
            raise TooSlow(f"reading it took longer than {self._longest} seconds")


@contextmanager
def watched(longest: int | None = None) -> Iterator[Watch]:
    """Interrupts the reading of a row that takes too long: one timer for all rows of a batch.

    Signals reach the main thread alone; in any other nothing is watched. Regular expressions are interrupted too.
    """
    watch = Watch(longest or LONGEST)
    if threading.current_thread() is not threading.main_thread():
        yield watch
        return
    before = signal.signal(signal.SIGALRM, watch.tick)
    signal.setitimer(signal.ITIMER_REAL, 1.0, 1.0)
    try:
        yield watch
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


COUNT = """
UPDATE inbox SET attempts = attempts + 1
FROM (SELECT received_at, id FROM inbox WHERE source_id = %s AND state = 'new' ORDER BY id LIMIT %s) AS t
WHERE inbox.received_at = t.received_at AND inbox.id = t.id
"""
NEXT = "SELECT id, attempts FROM inbox WHERE source_id = %s AND state = 'new' ORDER BY id LIMIT 1"
TRIED = """
SELECT coalesce(max(attempts), 0) FROM (SELECT attempts FROM inbox WHERE source_id = %s AND state = 'new'
ORDER BY id LIMIT %s) AS t
"""


def were_tried(source_id: int, limit: int) -> bool:
    """Whether somebody has begun to read these rows before and never came to an end; else they are counted now."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not try_lock(f"intake:source:{source_id}"):
            return False
        cursor.execute(TRIED, [source_id, limit])
        if cursor.fetchone()[0]:
            return True
        cursor.execute(COUNT, [source_id, limit])
        return False


def count_try(source_id: int) -> int:
    """Count a try of the source's next row, for good; returns how many processes tried it so far, 0 without a row.

    Once for each process: one that fails and lives (the database was full, say) is no danger.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if not try_lock(f"intake:source:{source_id}"):
            return 0
        cursor.execute(NEXT, [source_id])
        row = cursor.fetchone()
        if row is None:
            return 0
        number, tries = row
        if _tried_here.get(source_id) == number:
            return int(tries)
        cursor.execute(COUNT, [source_id, 1])
    _tried_here[source_id] = number
    return int(tries) + 1
