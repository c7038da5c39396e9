"""The loop over due rows: any number of engines on any number of machines share the work.

It wakes by NOTIFY, by the next due instant, at the latest each second. A module that fails is told of in the
log and in `/healthz/engine` and holds up no other; a database that is gone is waited for.
"""

import json
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg
import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from psycopg import conninfo

from firstline.core import clock
from firstline.core.away import is_away
from firstline.core.live import ENGINE
from firstline.engine.modules import AFTER_CLOCKS, DELIVERIES, MODULES, NEXT_DUE, Module
from firstline.notifications.deliver import Sender, Settled
from firstline.oncall import actions as escalation

LONGEST_SLEEP = 1.0  # seconds
DATABASE_PAUSE = 1.0  # seconds between two tries when the database is gone
MOST_ROUNDS = 50  # cycles in a row without listening in between
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Cycle:
    """What a cycle did: how many of each module, how long it took, what failed."""

    now: datetime
    done: dict[str, int] = field(default_factory=dict)
    milliseconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    settled: list[Settled] = field(default_factory=list)

    @property
    def busy(self) -> bool:
        return any(self.done.values())


class Engine:
    """One engine: its delivery threads, when modules last ran, since when one has been failing."""

    def __init__(self) -> None:
        self._sender = Sender(hooks=escalation.LEDGER)
        self._last: dict[str, datetime] = {}
        self._failing_since: dict[str, datetime] = {}

    def cycle(self, *, wait: bool = False) -> Cycle:
        """Do what is due now, once. `wait`: until the deliveries that were started have ended (tests).

        Raises only when the database is gone.
        """
        cycle = Cycle(clock.now())
        for index, module in enumerate(MODULES):
            if index == AFTER_CLOCKS:
                self._deliver(cycle, wait)
            if self._is_time(module, cycle.now):
                self._run(module, cycle)
        if wait:
            self._deliver(cycle, wait)
        self._sign(cycle)
        return cycle

    def settle(self, *, limit: int = 100) -> list[Cycle]:
        """Cycles until nothing is due any more: what a test calls after it has moved the clock."""
        cycles = []
        for _ in range(limit):
            cycles.append(self.cycle(wait=True))
            if not cycles[-1].busy:
                return cycles
        raise RuntimeError(f"the engine found work in each of {limit} cycles: {cycles[-1].done}")

    @property
    def delivering(self) -> bool:
        return not self._sender.idle

    def close(self) -> None:
        self._sender.close()

    def _is_time(self, module: Module, now: datetime) -> bool:
        last = self._last.get(module.name)
        return last is None or now - last >= module.every or now < last

    def _run(self, module: Module, cycle: Cycle) -> None:
        started = time.perf_counter()
        try:
            cycle.done[module.name] = module.run(cycle.now)
        except Exception as error:
            if is_away(error):
                raise
            # isolated from the others, told in the log and in healthz
            self._failed(module.name, error, cycle)
        else:
            self._failing_since.pop(module.name, None)
        self._last[module.name] = cycle.now
        cycle.milliseconds[module.name] = round((time.perf_counter() - started) * 1000, 1)

    def _deliver(self, cycle: Cycle, wait: bool) -> None:
        started = time.perf_counter()
        try:
            settled = self._sender.run(cycle.now, wait=wait)
            cycle.settled += settled
            cycle.done[DELIVERIES] = cycle.done.get(DELIVERIES, 0) + len(settled)
        except Exception as error:
            if is_away(error):
                raise
            self._failed(DELIVERIES, error, cycle)
        else:
            self._failing_since.pop(DELIVERIES, None)
        spent = (time.perf_counter() - started) * 1000
        cycle.milliseconds[DELIVERIES] = round(cycle.milliseconds.get(DELIVERIES, 0) + spent, 1)

    def _failed(self, name: str, error: Exception, cycle: Cycle) -> None:
        cycle.failed[name] = repr(error)[:500]
        self._failing_since.setdefault(name, cycle.now)
        log.error("engine.module_failed", module=name, error=repr(error), exc_info=error)

    def _sign(self, cycle: Cycle) -> None:
        """Leave the sign of life that `/healthz/engine` reads: at most once a second unless something
        happened.
        """
        value = {
            "milliseconds": round(sum(cycle.milliseconds.values()), 1),
            "modules": cycle.milliseconds,
            "failing": {name: since.isoformat() for name, since in self._failing_since.items()},
        }
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO setting (key, value)
                   VALUES ('engine.cycle', %s::jsonb || jsonb_build_object('at', clock_timestamp(), 'id', 1))
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value
                       || jsonb_build_object('id', coalesce((setting.value ->> 'id')::bigint, 0) + 1)
                   WHERE %s OR (setting.value ->> 'at')::timestamptz < clock_timestamp() - interval '1 second'""",
                [json.dumps(value), cycle.busy],
            )


def run(stop: threading.Event) -> None:
    """Turn until `stop` is set. Survives restarts of the database."""
    engine = Engine()
    with closing(engine):
        while not stop.is_set():
            try:
                with psycopg.connect(_url(), autocommit=True, connect_timeout=5) as listening:
                    listening.execute(f"LISTEN {ENGINE}")
                    _turn(engine, listening, stop)
            except (psycopg.Error, DatabaseError, InterfaceError) as error:
                if not is_away(error):
                    raise
                log.warning("engine.database_gone", error=str(error).strip())
                connection.close()
                stop.wait(DATABASE_PAUSE)


def _turn(engine: Engine, listening: "psycopg.Connection[tuple[object, ...]]", stop: threading.Event) -> None:
    rounds = 0
    while not stop.is_set():
        cycle = engine.cycle()
        rounds = rounds + 1 if cycle.busy else 0
        pause = 0.0 if 0 < rounds < MOST_ROUNDS else _pause(engine)
        for _notification in listening.notifies(timeout=pause, stop_after=1):
            pass
        close_old_connections()


def _pause(engine: Engine) -> float:
    """Seconds until the next due instant, at most one; a moment while deliveries are under way."""
    if engine.delivering:
        return 0.02
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({NEXT_DUE}) - firstline_now()")
        (left,) = cursor.fetchone()
    if left is None:
        return LONGEST_SLEEP
    assert isinstance(left, timedelta)
    return min(max(left.total_seconds(), 0.01), LONGEST_SLEEP)


def _url() -> str:
    parameters = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey")
    return conninfo.make_conninfo(**{name: parameters[name] for name in names if name in parameters})
