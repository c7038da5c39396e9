"""What `firstline doctor` looks at. Each check says what it saw; a finding also says what to do."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from django.db import OperationalError, connection
from django.db.models import Q

from firstline.accounts.models import Membership
from firstline.catalog.calendar import NeverOpens, add_working_time, working_time
from firstline.catalog.calendars import calendar_from
from firstline.catalog.models import CalendarVersion
from firstline.core import clock
from firstline.core.errors import DomainError
from firstline.incidents.lifecycle import TERMINAL
from firstline.incidents.models import Incident
from firstline.intake.models import Source
from firstline.intake.sources.registry import SECURITY_KINDS
from firstline.oncall.queries import unreachable_policies

from . import env, health, metrics
from .env import Environment
from .values import is_loopback

OLDEST = 150000
"""PostgreSQL 15, as its server_version_num."""

SHIFT = timedelta(hours=8)
AUDITOR_SILENT = 300
"""Seconds."""

LITTLE_SPACE = 1_000_000_000
"""Bytes."""


@dataclass(frozen=True)
class Result:
    """`note`: worth knowing, nothing is broken."""

    part: str
    state: Literal["ok", "note", "finding"]
    seen: str
    advice: str = ""


def examine(environment: Environment) -> list[Result]:
    """Every check in order; those that need the database's tables only where it has them."""
    results = [result for check in ALWAYS for result in check(environment)]
    if any(result.part in {"database", "migrations"} and result.state == "finding" for result in results):
        return results
    return results + [result for check in WITH_TABLES for result in check(environment)]


def _settings(environment: Environment) -> Iterator[Result]:
    unknown = env.unknown()
    if unknown:
        yield Result(
            "settings", "finding", f"unknown: {', '.join(unknown)}", "Correct the name; see docs/settings.md."
        )
    else:
        yield Result("settings", "ok", "all understood")
    if not environment.mail_url:
        advice = "Set FIRSTLINE_MAIL_URL, unless a mail server on this machine shall send."
        yield Result("mail", "note", "FIRSTLINE_MAIL_URL is not set", advice)


def _address(environment: Environment) -> Iterator[Result]:
    url = environment.public_url()
    host = urlsplit(url).hostname or ""
    if environment.https:
        yield Result("address", "ok", url)
    elif is_loopback(host) and is_loopback(environment.host):
        yield Result("address", "ok", f"{url} (this machine only)")
    else:
        advice = "Put a proxy that ends TLS in front, and set FIRSTLINE_URL to its https address."
        yield Result("address", "finding", f"{url} is plain http beyond this machine", advice)


def _disk(environment: Environment) -> Iterator[Result]:
    if not environment.data.exists():
        return
    free = shutil.disk_usage(environment.data).free
    seen = f"{environment.data}, {free / 1e9:.1f} GB free"
    if free < LITTLE_SPACE:
        yield Result(
            "data directory", "finding", seen, "Make room: the database stops when the disk is full."
        )
    else:
        yield Result("data directory", "ok", seen)


def _database(_environment: Environment) -> Iterator[Result]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('server_version_num')::int, current_setting('server_version')"
            )
            number, version = cursor.fetchone()
    except OperationalError as error:
        advice = "Start Firstline (firstline up), or check FIRSTLINE_DATABASE_URL."
        yield Result("database", "finding", str(error).strip().splitlines()[0], advice)
        return
    if number < OLDEST:
        yield Result("database", "finding", f"PostgreSQL {version}", "Use PostgreSQL 15 or newer.")
    else:
        yield Result("database", "ok", f"PostgreSQL {version}")
    pending = health.pending_migrations()
    if pending:
        yield Result("migrations", "finding", f"{len(pending)} not applied", "Run: firstline migrate")
    else:
        yield Result("migrations", "ok", "all applied")


def _engine(_environment: Environment) -> Iterator[Result]:
    state = metrics.engine_state()
    advice = "Start it: firstline up, or firstline engine."
    if state.seconds_since_cycle is None:
        yield Result("engine", "finding", "no cycle was ever recorded", advice)
    elif state.seconds_since_cycle > health.ENGINE_SILENT:
        yield Result("engine", "finding", f"last cycle {state.seconds_since_cycle:.0f} s ago", advice)
    else:
        seen = (
            f"last cycle {state.seconds_since_cycle:.1f} s ago, {state.due} due, {state.inbox} in the inbox"
        )
        yield Result("engine", "ok", f"{seen}, {state.lag_seconds:.1f} s behind")


def _jobs(_environment: Environment) -> Iterator[Result]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'todo'),
                      (SELECT count(*) FROM procrastinate_workers
                        WHERE last_heartbeat > clock_timestamp() - interval '1 minute')
               FROM procrastinate_jobs"""
        )
        failed, waiting, workers = cursor.fetchone()
    seen = f"{workers} running, {waiting} jobs waiting, {failed} failed"
    if not workers:
        yield Result("worker", "finding", seen, "Start it: firstline up, or firstline worker.")
    else:
        yield Result("worker", "note" if failed else "ok", seen)


def _auditor(_environment: Environment) -> Iterator[Result]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT extract(epoch FROM clock_timestamp() - (value ->> 'at')::timestamptz)
               FROM setting WHERE key = 'auditor.run'"""
        )
        row = cursor.fetchone()
    if row is None or row[0] > AUDITOR_SILENT:
        seen = "never ran" if row is None else f"last ran {row[0]:.0f} s ago"
        yield Result("auditor", "finding", seen, "Start it: firstline up, or firstline auditor.")
    else:
        yield Result("auditor", "ok", f"last ran {row[0]:.0f} s ago")


def _calendars(_environment: Environment) -> Iterator[Result]:
    """Eight working hours from now, counted back, must be eight hours, in every calendar in force."""
    now = clock.now()
    sound = 0
    for version in CalendarVersion.objects.filter(valid_to=None).select_related("calendar"):
        name = f"calendar {version.calendar.name}"
        advice = "Correct it under Settings, Calendars."
        try:
            calendar = calendar_from(version.definition)
            end = add_working_time(calendar, now, SHIFT)
        except (DomainError, NeverOpens) as error:
            yield Result(name, "finding", str(error), advice)
            continue
        counted = working_time(calendar, now, end)
        if counted != SHIFT:
            yield Result(name, "finding", f"{SHIFT} of working time are counted back as {counted}", advice)
        else:
            sound += 1
    yield Result("calendars", "ok", f"{sound} add up")


def _policies(_environment: Environment) -> Iterator[Result]:
    unreachable = unreachable_policies(now=clock.now())
    for sentence in unreachable:
        yield Result("escalation", "finding", sentence, "Mend the schedule or the policy under On call.")
    if not unreachable:
        yield Result("escalation", "ok", "every policy reaches somebody in the next 30 days")


def _security(_environment: Environment) -> Iterator[Result]:
    """Security incidents are seen by security groups alone, so somebody must belong to one before they arrive."""
    expected = (
        Source.objects.filter(
            Q(security=True) | Q(kind__in=SECURITY_KINDS), enabled=True, synthetic=False
        ).exists()
        or Incident.objects.filter(security=True, synthetic=False).exclude(state__in=TERMINAL).exists()
    )
    seen_by = Membership.objects.filter(group__security=True, group__active=True, person__is_active=True)
    if expected and not seen_by.exists():
        yield Result(
            "security",
            "finding",
            "security incidents are expected, and no security group has a member: nobody can open them",
            "Make a support group of the kind security under People and groups, and add its members.",
        )
    else:
        yield Result(
            "security", "ok", "somebody sees security incidents" if expected else "none are expected"
        )


Check = Callable[[Environment], Iterator[Result]]
ALWAYS: tuple[Check, ...] = (_settings, _address, _disk, _database)
WITH_TABLES: tuple[Check, ...] = (_engine, _jobs, _auditor, _calendars, _policies, _security)
