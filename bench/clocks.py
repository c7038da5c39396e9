"""How late the engine is when much falls due at once, what an idle cycle costs, how many pages it sends a second, and
how long a year of a schedule takes to draw.

    python -m bench.clocks [--incidents 1000000] [--open 50000] [--due 10000] [--pages 2000]

An embedded PostgreSQL with durability on; the engine's own loop turns in this process. The last line is JSON.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.filling import fill
from bench.intake import about, database

PATIENCE = 120  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--incidents", type=int, default=1_000_000, help="in the database")
    parser.add_argument("--open", type=int, default=50_000, help="of them; each has two running clocks")
    parser.add_argument("--due", type=int, default=10_000, help="clocks that fall due at one instant")
    parser.add_argument(
        "--pages", type=int, default=2_000, help="incidents whose paging starts at one instant"
    )
    given = parser.parse_args()
    with database():
        ids = surroundings()
        from django.db import connection

        fill(connection, given.incidents, open=given.open, **ids)
        start_clocks()
        found: dict[str, Any] = {"incidents": given.incidents, "open": given.open, "due": given.due}
        found |= idle_cycle()
        found |= lateness(given.due)
        found |= paging(given.pages, ids)
    found |= year_of_schedule()
    table(found)
    print(json.dumps({"bench": "clocks", **about(), **found}))


def surroundings() -> dict[str, Any]:
    """What incidents hang on: people, groups with leads, services."""
    from firstline.accounts.actions import create_group, create_person, ensure_callers, set_members
    from firstline.catalog.actions import create_service
    from firstline.catalog.models import Category, ResolutionCode
    from firstline.core import clock
    from firstline.core.actor import Actor
    from firstline.sla.models import AgreementVersion
    from firstline.workflow.seed import ensure_defaults

    now, actor = clock.now(), Actor.system("bench")
    ensure_defaults(now=now)
    callers = ensure_callers({f"caller{n}@example.org": f"Caller {n}" for n in range(200)}, now=now)
    agents = [
        create_person(email=f"agent{n}@example.org", roles=["agent"], actor=actor, now=now).id
        for n in range(40)
    ]
    groups = [create_group(name=f"Group {n}", actor=actor, now=now).id for n in range(8)]
    for place, group in enumerate(groups):
        members = agents[place * 5 : place * 5 + 5]
        set_members(group, {members[0]: True, **dict.fromkeys(members[1:], False)}, actor=actor, now=now)
    return {
        "callers": list(callers.values()),
        "agents": agents,
        "groups": groups,
        "services": [create_service(name=f"Service {n}", actor=actor, now=now).id for n in range(20)],
        "categories": list(Category.objects.values_list("id", flat=True)),
        "code": ResolutionCode.objects.values_list("id", flat=True)[0],
        "agreement": AgreementVersion.objects.values_list("id", flat=True)[0],
    }


def start_clocks() -> None:
    """Every clock runs and is due in two days, with its warning an hour before."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE clock SET due_at = firstline_now() + interval '48 hours',
                   next_at = firstline_now() + interval '47 hours',
                   flags = jsonb_build_object('warn', jsonb_build_array(jsonb_build_array(
                       0.75, to_char((firstline_now() + interval '47 hours') AT TIME ZONE 'UTC',
                                     'YYYY-MM-DD"T"HH24:MI:SS.US+00:00'))))"""
        )
        cursor.execute("VACUUM ANALYZE clock")


def idle_cycle(times: int = 40) -> dict[str, Any]:
    """Time spent in the database by a cycle that finds nothing to do, in milliseconds."""
    from django.db import connection

    from firstline.engine.loop import Engine

    engine, spent = Engine(), 0.0

    def timed(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        nonlocal spent
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent += time.perf_counter() - begun

    engine.settle(limit=10_000)
    taken = []
    with contextlib.closing(engine), connection.execute_wrapper(timed):
        for _ in range(times):
            spent = 0.0
            cycle = engine.cycle()
            assert not cycle.busy, cycle.done
            taken.append(spent * 1000)
    return {"idle_cycle_ms": round(statistics.median(taken), 2), "idle_cycle_max_ms": round(max(taken), 2)}


def lateness(count: int) -> dict[str, Any]:
    """How long after the instant at which `count` clocks fall due each breach is committed, in seconds."""
    from django.db import connection

    from firstline.core import clock
    from firstline.core.models import Event
    from firstline.engine.loop import Engine

    due = clock.now() + timedelta(seconds=1)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE clock SET due_at = %s, next_at = %s, flags = '{"warn": []}'
               WHERE id IN (SELECT id FROM clock WHERE target = 'resolution' ORDER BY id LIMIT %s)""",
            [due, due, count],
        )
        cursor.execute("VACUUM ANALYZE clock")
    before = Event.objects.filter(verb="target_breached").count()
    committed: list[tuple[int, float]] = []
    with contextlib.closing(Engine()) as engine:
        while clock.now() <= due:
            time.sleep(0.005)
        while sum(done for done, _ in committed) < count:
            done = engine.cycle().done["clocks"]
            committed.append((done, (clock.now() - due).total_seconds()))
        recorded = Event.objects.filter(verb="target_breached").count() - before
        assert recorded == count, f"{recorded} breaches are in the log, {count} fell due"
        engine.settle(limit=100_000)
    each = [late for done, late in committed for _ in range(done)]
    return {
        "lateness_p50_s": round(statistics.median(each), 2),
        "lateness_p99_s": round(each[int(len(each) * 0.99)], 2),
        "lateness_max_s": round(each[-1], 2),
    }


@contextlib.contextmanager
def sink() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-m", "bench.sink"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


def paging(count: int, ids: dict[str, Any]) -> dict[str, Any]:
    """From the first step of `count` escalations due to the last page written down as delivered."""
    from firstline.core import clock
    from firstline.engine.loop import Engine
    from firstline.notifications.models import Attempt
    from firstline.oncall import actions as oncall
    from firstline.oncall.models import Escalation, Page

    with sink() as port, contextlib.closing(Engine()) as engine:
        incidents = to_be_paged(count, ids, port)
        for start in range(0, count, 200):
            oncall.look(incidents[start : start + 200], now=clock.now())
        waiting = Escalation.objects.filter(next_at__isnull=False, ended_at=None).count()
        assert waiting == count, f"{waiting} escalations started"
        begun = time.perf_counter()
        gone = 0
        while gone < count:
            gone += sum(one.page_id is not None and one.ok for one in engine.cycle().settled)
            if time.perf_counter() - begun > PATIENCE:
                failed = Attempt.objects.filter(ok=False).values_list("answer", flat=True)[:3]
                raise SystemExit(f"{gone} of {count} pages went out in {PATIENCE} s: {list(failed)}")
        seconds = time.perf_counter() - begun
    assert Page.objects.filter(delivered_at__isnull=False).count() == count
    assert Attempt.objects.filter(delivery__page_id__isnull=False, ok=True).count() == count
    return {"pages": count, "pages_per_s": round(count / seconds)}


def to_be_paged(count: int, ids: dict[str, Any], port: int) -> list[int]:
    """Open incidents of one service whose policy pages a person at once, through a webhook of the sink."""
    from firstline.accounts.models import Person
    from firstline.core import clock, installation
    from firstline.core.actor import Actor
    from firstline.incidents.models import Incident
    from firstline.notifications.models import ContactMethod, NotificationRule
    from firstline.oncall import configure
    from firstline.oncall.models import PolicyAssignment
    from firstline.oncall.policy import Policy, Step, Target

    now, actor = clock.now(), Actor.system("bench")
    installation.put("enabled_webhook_hosts", ["127.0.0.1"], actor=actor, now=now)
    person = Person.objects.get(id=ids["agents"][0])
    method = ContactMethod.objects.create(
        person=person, channel="webhook", address=f"http://127.0.0.1:{port}/", verified_at=now
    )
    for urgency in ("high", "low"):
        NotificationRule.objects.create(person=person, urgency=urgency, method=method)
    policy = configure.create_policy(
        name="Bench",
        definition=Policy(steps=(Step((Target("person", person.id),), 600),)),
        actor=actor,
        now=now,
    )
    PolicyAssignment.objects.all().delete()
    configure.assign_policy(service_id=None, priority=None, policy_id=policy.id, actor=actor, now=now)
    wanted = list(
        Incident.objects.filter(state="new", security=False)
        .order_by("id")
        .values_list("id", flat=True)[:count]
    )
    Incident.objects.filter(id__in=wanted).update(
        assignee=None, priority=1, kind="incident", imported_from=None
    )
    return wanted


def year_of_schedule(people: int = 20, times: int = 20) -> dict[str, Any]:
    """A year of a schedule of two layers with 20 people and an override each week, in milliseconds."""
    from firstline.oncall.rotation import Rotation, Window
    from firstline.oncall.schedule import Changes, Layer, Override, Schedule, who

    start = datetime(2026, 1, 1, tzinfo=UTC)
    numbers, half = tuple(range(1, people + 1)), people // 2
    nine = datetime(2026, 1, 1, 9)  # noqa: DTZ001 - local time
    schedule = Schedule(
        zone="Europe/Kyiv",
        layers=(
            Layer(
                name="week", rotation=Rotation(every=1, unit="week", start=nine, participants=numbers[:half])
            ),
            Layer(
                name="day",
                rotation=Rotation(every=1, unit="day", start=nine, participants=numbers[half:]),
                windows=(Window(start="09:00", end="18:00", days=("mon", "tue", "wed", "thu", "fri")),),
            ),
        ),
    )
    overrides = tuple(
        Override(
            id=week, kind="replace", person=None, by=1 + week % people,
            start=start + timedelta(weeks=week, hours=9), end=start + timedelta(weeks=week, hours=17),
        )
        for week in range(52)
    )  # fmt: skip
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        duties = who(schedule, start, start + timedelta(days=365), Changes(overrides=overrides))
        taken.append((time.perf_counter() - begun) * 1000)
    assert len(duties) > 365
    return {"schedule_year_ms": round(statistics.median(taken), 1), "duties": len(duties)}


def table(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table("what", "measured", "wanted")
    for what, key, wanted in (
        ("idle cycle, time in the database, ms (median)", "idle_cycle_ms", "10"),
        (f"{found['due']:,} clocks due at one instant: late by, s (99 %)", "lateness_p99_s", "2"),
        ("pages a second, written down as delivered", "pages_per_s", "500"),
        ("a year of a schedule of 20 people, ms", "schedule_year_ms", "50"),
    ):
        shown.add_row(what, str(found[key]), wanted)
    Console(width=120).print(shown)


if __name__ == "__main__":
    main()
