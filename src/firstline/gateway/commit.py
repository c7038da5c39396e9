"""Group commit: requests in flight share transactions, and none is answered before its own has committed."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg
import structlog
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from firstline.intake.sources.base import InboxRow

from .packing import APPEND, Packed, PackedDumper, parameters

MOST_ROWS = 1000
MOST_BYTES = 8 * 1024 * 1024
PATIENCE = 10.0  # seconds that one commit may take before its connection is given up
# The server gives up before that: what its client was told is lost must not be stored after all, behind its resolve.
PREPARE = "SET statement_timeout = '9s'; SET idle_in_transaction_session_timeout = '20s'"
IDLE_CHECK = (
    5.0  # seconds after which an idle connection is tried, so that a dead one is found before a request
)
log = structlog.get_logger(__name__)
Connection = psycopg.AsyncConnection[TupleRow]


class Unavailable(Exception):
    """The database is gone or can't take rows now: nothing was promised, try again later."""


class Unstorable(Exception):
    """PostgreSQL refuses this row itself, and would again. The text says why."""


@dataclass(slots=True, eq=False)
class Submission:
    """The rows of one request; they are committed together."""

    rows: Sequence[InboxRow]
    size: int
    done: asyncio.Future[None]


class GroupCommit:
    """Appends rows to `inbox` over a few connections, each committing one batch while the next one gathers.

    `committed` is called after each commit.
    """

    def __init__(self, url: str, *, committed: Callable[[], None], lanes: int = 2) -> None:
        self._url = make_conninfo(url, connect_timeout=3, tcp_user_timeout=10_000, keepalives_idle=10)
        self._committed = committed
        self._pending: deque[Submission] = deque()
        self._work = asyncio.Event()
        self._connected = 0
        self._lanes = lanes
        self.trouble = "not connected yet"
        """Why the last commit or connection failed; empty once one has succeeded."""
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def available(self) -> bool:
        """Whether at least one connection stands."""
        return self._connected > 0

    def start(self) -> None:
        """Begin to connect; rows are taken as soon as one connection stands."""
        self._tasks = [asyncio.create_task(self._lane()) for _ in range(self._lanes)]

    async def stop(self, patience: float = PATIENCE) -> None:
        """Commit what is pending, then end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await asyncio.gather(*(entry.done for entry in self._pending), return_exceptions=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._fail(self._drop_pending(), Unavailable("shutting down"))

    async def append(self, rows: Sequence[InboxRow]) -> None:
        """Return once the rows are committed. Raises Unavailable or Unstorable; then none is claimed."""
        if not self._connected:
            raise Unavailable("the database does not answer")
        done = asyncio.get_running_loop().create_future()
        self._pending.append(Submission(rows, sum(row.size for row in rows), done))
        self._work.set()
        await done

    async def _lane(self) -> None:
        wait = 0.05
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
                connection.adapters.register_dumper(Packed, PackedDumper)
                await connection.execute(PREPARE)
                await self._probe(connection)
            except psycopg.Error as error:
                self.trouble = _reason(error)
                log.warning("gateway.database_unreachable", error=str(error).strip())
                await asyncio.sleep(wait)
                wait = min(wait * 2, 1.0)
                continue
            wait = 0.05
            self._connected += 1
            try:
                await self._serve(connection)
            except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction, TimeoutError) as error:
                self.trouble = _reason(error)
                log.warning("gateway.database_lost", error=self.trouble)
            finally:
                self._connected -= 1
                await connection.close()
                if not self._connected:
                    self._fail(self._drop_pending(), Unavailable("the database does not answer"))

    async def _serve(self, connection: Connection) -> None:
        """Commit batches until the connection fails."""
        while True:
            if not self._pending:
                self._work.clear()
                try:
                    async with asyncio.timeout(IDLE_CHECK):  # wait_for may swallow a cancellation before 3.12
                        await self._work.wait()
                except TimeoutError:
                    async with asyncio.timeout(PATIENCE):
                        await self._probe(connection)
                continue
            await self._commit(connection, self._take())

    async def _probe(self, connection: Connection) -> None:
        """Whether rows are taken now: one is written and rolled back. Raises only what ends the connection.

        A standby that took over, a database that somebody made read-only: the next connection may be better.
        """
        try:
            async with connection.transaction(force_rollback=True):
                await connection.execute(APPEND, parameters([PROBE]))
        except psycopg.Error as error:
            self.trouble = _reason(error)
            if connection.closed or isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
                raise
        else:
            self.trouble = ""

    def _take(self) -> list[Submission]:
        batch: list[Submission] = []
        rows = size = 0
        while self._pending:
            entry = self._pending[0]
            rows += len(entry.rows)
            size += entry.size
            if batch and (rows > MOST_ROWS or size > MOST_BYTES):
                break
            batch.append(self._pending.popleft())
        return batch

    async def _commit(self, connection: Connection, batch: list[Submission]) -> None:
        """Commit the batch; where PostgreSQL refuses it for what is in it, its requests one by one.

        Leaves nobody waiting, whatever happens. Raises only when the connection is of no more use.
        """
        try:
            await self._insert(connection, batch)
        except psycopg.Error as error:
            if connection.closed or isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
                raise
            if isinstance(error, psycopg.OperationalError) or len(batch) == 1:
                self._refuse(batch, error)
                return
            for entry in batch:
                await self._commit(connection, [entry])
        finally:
            self._fail(batch, Unavailable("the database does not answer"))

    def _refuse(self, batch: list[Submission], error: psycopg.Error) -> None:
        """Data that PostgreSQL can't hold won't get better; anything else (disk full, no partition) may."""
        reason = _reason(error)
        if isinstance(error, psycopg.DataError):
            log.info("gateway.row_refused", reason=reason)
            self._fail(batch, Unstorable(reason))
        else:
            self.trouble = reason
            log.error("gateway.batch_refused", reason=reason, requests=len(batch))
            self._fail(batch, Unavailable("the database can't take it now"))

    async def _insert(self, connection: Connection, batch: list[Submission]) -> None:
        values = parameters([row for entry in batch for row in entry.rows])
        async with asyncio.timeout(PATIENCE):
            await connection.execute(APPEND, values, prepare=True)
        self.trouble = ""
        self._committed()
        for entry in batch:
            if not entry.done.done():
                entry.done.set_result(None)

    def _drop_pending(self) -> list[Submission]:
        dropped = list(self._pending)
        self._pending.clear()
        return dropped

    @staticmethod
    def _fail(batch: list[Submission], error: Exception) -> None:
        for entry in batch:
            if not entry.done.done():
                entry.done.set_exception(error)


PROBE = InboxRow(source_id=0, kind="probe", body=b"")


def _reason(error: BaseException) -> str:
    """The first line of what the database or the system said."""
    return str(error).strip().partition("\n")[0] or "no answer in time"
