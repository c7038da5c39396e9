"""When a heartbeat is expected, and what a call of its address means: pure.

A schedule is a period, or a cron expression on the clock of a zone. As Debian's cron does it, a job of a fixed time
that clocks skip (02:30 on the last Sunday of March) is expected right after the gap, one that comes twice only the
first time; a job of every so many minutes follows real time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

SUCCESS, START, FAIL, LOG = "success", "start", "fail", "log"
RUN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
MOST_RUNS = 50
KEPT_BODY = 10_000  # characters of what a job said


class BadSchedule(ValueError):
    """The schedule can't be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`cron` empty: every `period`. `max_run`: from start to end of one run; None: without limit."""

    period: timedelta = timedelta(minutes=5)
    cron: str = ""
    zone: str = "UTC"
    grace: timedelta = timedelta(minutes=1)
    max_run: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """One call: what it says, of which run, and how long that run took if it ended it."""

    at: datetime
    kind: str
    run: str = ""
    exit_status: int | None = None
    seconds: float | None = None
    body: str = ""

    @property
    def is_beat(self) -> bool:
        """Whether the job was heard of: it came to an end, well or not."""
        return self.kind in (SUCCESS, FAIL)


@dataclass(slots=True, kw_only=True)
class State:
    """What is known of a heartbeat. `runs`: when each run that is under way started, by its id (empty: without)."""

    runs: dict[str, datetime] = field(default_factory=dict)
    last_beat_at: datetime | None = None
    last_kind: str = ""
    expected_at: datetime | None = None
    missing_since: datetime | None = None


def ping_of(path: str, *, at: datetime, run: str = "", body: str = "") -> Ping:
    """What follows the token: nothing, `start`, `fail`, `log`, or an exit status, of which 0 is success."""
    suffix = path.strip("/").lower()
    run = run.lower() if RUN_ID.fullmatch(run) else ""
    body = body.replace("\x00", "").strip()[:KEPT_BODY]
    if suffix.isdigit():
        status = int(suffix)
        return Ping(at=at, kind=FAIL if status else SUCCESS, run=run, exit_status=status, body=body)
    return Ping(at=at, kind=suffix if suffix in (START, FAIL, LOG) else SUCCESS, run=run, body=body)


def hear(state: State, ping: Ping, schedule: Schedule) -> Ping:
    """Change `state` by a call; returns the call with its duration, where the start of its run is known."""
    seconds = None
    if ping.kind == LOG:
        return ping
    if ping.kind == START:
        state.runs.pop(ping.run, None)
        state.runs[ping.run] = ping.at
        state.runs = dict(list(state.runs.items())[-MOST_RUNS:])
    else:
        started = state.runs.pop(ping.run, None)
        seconds = max(0.0, (ping.at - started).total_seconds()) if started is not None else None
        state.last_beat_at = ping.at
        state.expected_at = expected_after(schedule, ping.at)
        state.missing_since = None
    state.last_kind = ping.kind
    return Ping(
        at=ping.at,
        kind=ping.kind,
        run=ping.run,
        exit_status=ping.exit_status,
        seconds=seconds,
        body=ping.body,
    )


def missing_at(state: State, schedule: Schedule) -> datetime | None:
    """When it counts as missing: the next beat does not come in its grace, or a run does not end. None: never."""
    if state.missing_since is not None:
        return None
    return min((at for at, _run in deadlines(state, schedule)), default=None)


def deadlines(state: State, schedule: Schedule) -> Iterator[tuple[datetime, bool]]:
    """(instant, whether it is that of a run under way)."""
    if state.expected_at is not None:
        yield state.expected_at + schedule.grace, False
    if schedule.max_run is not None and state.runs:
        yield min(state.runs.values()) + schedule.max_run, True


def expected_after(schedule: Schedule, after: datetime) -> datetime | None:
    """The first expected beat later than `after`; None when a cron expression names no further day."""
    if not schedule.cron:
        return after + schedule.period
    return next(expected(schedule, after), None)


def expected(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """The expected beats later than `after`, in order, without end unless the schedule has one."""
    if not schedule.cron:
        at = after
        while True:
            at += schedule.period
            yield at
    for each in CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.zone))):
        instant = each.astimezone(UTC)
        if instant > after:  # a local time that comes twice was there already
            yield instant


def check(schedule: Schedule) -> None:
    """Raises `BadSchedule` for what can't be kept."""
    try:
        zone = ZoneInfo(schedule.zone)
    except (KeyError, ValueError, OSError):
        raise BadSchedule(f"{schedule.zone} is no time zone.") from None
    if schedule.cron:
        if len(schedule.cron.split()) != 5:
            raise BadSchedule("A cron expression has five fields: minute, hour, day, month, weekday.")
        try:
            next(CronSim(schedule.cron, datetime(2026, 1, 1, tzinfo=zone)))
        except CronSimError as error:
            raise BadSchedule(f"This is not a cron expression: {error}.") from error
        except StopIteration:
            raise BadSchedule("This cron expression never happens.") from None


def instants_from(runs: Mapping[str, str]) -> dict[str, datetime]:
    """Runs as they are stored."""
    return {run: datetime.fromisoformat(at) for run, at in runs.items()}


def instants_of(runs: Mapping[str, datetime]) -> dict[str, str]:
    return {run: at.isoformat() for run, at in runs.items()}
