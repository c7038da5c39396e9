"""NOTIFY beside the transactions: coalesced, at most ten a second per process, on a connection of its own.

PostgreSQL takes one lock over the whole cluster for each transaction that notifies, so that a NOTIFY
inside of ordinary transactions would halve their throughput. A notification is a hint: whoever listens
must also look by itself, as what is sent while the database is away may be dropped.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterator

import psycopg

INTERVAL = 0.1  # seconds between two rounds
LONGEST = 7900  # bytes of a payload; PostgreSQL refuses 8000
MOST_WAITING = 10_000


class Notifier:
    """Sends texts to one channel from a thread that starts with the first of them. Any thread may use it.

    Texts of one round share payloads, one text a line. A later text with the same key replaces an
    earlier one.
    """

    def __init__(self, url: str, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._waiting: dict[object, str] = {}
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._sent = threading.Condition(self._lock)
        self._busy = False
        self._closing = False
        self._process = 0

    def put(self, key: object, text: str = "") -> None:
        """Send `text` soon. Never waits, never raises; past a bound the text is dropped."""
        with self._lock:
            if key in self._waiting or len(self._waiting) < MOST_WAITING:
                self._waiting[key] = text
            if self._process != os.getpid():  # also after a fork, which takes no threads along
                self._process = os.getpid()
                threading.Thread(target=self._run, name=f"notify-{self._channel}", daemon=True).start()
        self._wanted.set()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything is sent; False when that takes longer than `timeout` seconds."""
        with self._lock:
            return self._sent.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def close(self) -> None:
        """End the thread after one more round."""
        self._closing = True
        self._wanted.set()

    def _run(self) -> None:
        while not self._closing:
            with (
                contextlib.suppress(psycopg.Error),
                psycopg.connect(self._url, autocommit=True, connect_timeout=3) as connection,
            ):
                self._rounds(connection)
            time.sleep(0 if self._closing else 1.0)

    def _rounds(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            with self._lock:
                taken, self._waiting = self._waiting, {}
                self._busy = True
            try:
                for payload in _payloads(list(taken.values())):
                    connection.execute("SELECT pg_notify(%s, %s)", [self._channel, payload])
            except psycopg.Error:
                with self._lock:  # once more on the next connection
                    self._waiting = {**taken, **self._waiting}
                self._wanted.set()
                raise
            finally:
                with self._lock:
                    self._busy = False
                    self._sent.notify_all()
            if self._closing:
                return
            time.sleep(INTERVAL)


def _payloads(texts: list[str]) -> Iterator[str]:
    """The texts in order, one a line, in payloads that PostgreSQL takes.

    A text that is too long is left out.
    """
    lines: list[str] = []
    size = 0
    for text in texts:
        length = len(text.encode()) + 1
        if length > LONGEST:
            continue
        if lines and size + length > LONGEST:
            yield "\n".join(lines)
            lines, size = [], 0
        lines.append(text)
        size += length
    if lines:
        yield "\n".join(lines)
