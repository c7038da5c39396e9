"""A process of its own that checks the engine's work: which pages ought to have gone out by now, and did
they?

It imports `core` and the models and nothing of what it checks (a contract in pyproject.toml holds that): the
little that it needs to know of policies and schedules is written here a second time, slowly and plainly, from
the event log and the documents in force.

A finding goes by mail straight to the administrators, turns `/healthz/engine` red, and asks the engine for an
incident, which is extra.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.core.mail import send_mail
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.db.models import Q

from firstline.accounts.models import Membership, Person
from firstline.core import clock, due
from firstline.core.models import Event, Setting
from firstline.incidents.models import Incident
from firstline.notifications.models import ContactMethod, Delivery
from firstline.oncall.models import (
    Escalation,
    Override,
    PolicyAssignment,
    Schedule,
    ScheduleVersion,
    SwapRequest,
)

LATE = timedelta(minutes=1)
LOOK_BACK = timedelta(hours=2)
EVERY = 15.0
FINDING = "auditor.finding"
SETTING = "auditor.run"
STEP_VERBS = (
    "escalation_started", "step_paged", "step_passed", "escalation_resumed", "escalation_acknowledged",
    "escalation_snoozed", "escalation_exhausted", "escalation_ended",
)  # fmt: skip
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """`key` names it, so that it is told once."""

    key: str
    incident_id: int
    due_at: datetime
    text: str


def run(stop: threading.Event) -> None:
    """Audit every quarter of a minute until `stop` is set. Survives restarts of the database."""
    while not stop.is_set():
        try:
            audit_once()
            close_old_connections()
        except (OperationalError, InterfaceError) as error:
            log.warning("auditor.database_gone", error=str(error).strip())
            connection.close()
        stop.wait(EVERY)


def audit_once() -> list[Finding]:
    """One round: find, tell of what is new, leave the sign of life."""
    started = time.perf_counter()
    now = clock.now()
    findings = list(audit(now))
    known = _known()
    new = [finding for finding in findings if finding.key not in known]
    _sign(findings, round((time.perf_counter() - started) * 1000, 1))
    if new:
        _tell(new)
        due.schedule(FINDING, [(finding.incident_id, now) for finding in new], {"finding": new[0].text})
    return findings


def audit(now: datetime) -> Iterator[Finding]:
    """Everything that ought to have happened more than a minute ago and did not."""
    yield from _never_started(now)
    yield from _steps(now)
    yield from _deliveries(now)


def _never_started(now: datetime) -> Iterator[Finding]:
    """Open incidents of a paging priority that nobody has and that no escalation was started for."""
    rows = Incident.objects.filter(
        state__in=("new", "assigned"), kind="incident", acknowledged_at=None, priority__isnull=False,
        imported_from=None, updated_at__lt=now - LATE,
    ).exclude(escalations__isnull=False)  # fmt: skip
    assignments = list(PolicyAssignment.objects.all())
    for incident in rows.only("id", "priority", "service_id"):
        if not _pages(assignments, incident):
            continue
        since = (
            Event.objects.filter(subject_type="incident", subject_id=incident.id, changes__has_key="priority")
            .order_by("-recorded_at")
            .values_list("recorded_at", flat=True)
            .first()
        )
        if since is not None and since < now - LATE:
            text = f"{incident.number} is P{incident.priority} and no escalation was started"
            yield Finding(f"start:{incident.id}", incident.id, since, text)


def _pages(assignments: Sequence[PolicyAssignment], incident: Incident) -> bool:
    """Whether (service, priority) pages: the most particular row decides, else P1 to P3 do."""
    best: tuple[bool, bool, int] | None = None
    pages = incident.priority is not None and incident.priority <= 3
    for row in assignments:
        if row.service_id not in (None, incident.service_id) or row.priority not in (None, incident.priority):
            continue
        rank = (row.service_id is not None, row.priority is not None, -row.id)
        if best is None or rank > best:
            best, pages = rank, row.policy_id is not None
    return pages


def _steps(now: datetime) -> Iterator[Finding]:
    """Escalations whose next step is late, and steps that paged others than they should have."""
    recent = Q(ended_at=None) | Q(ended_at__gt=now - LOOK_BACK)
    for row in Escalation.objects.filter(recent).select_related("incident"):
        events = list(
            Event.objects.filter(
                subject_type="incident",
                subject_id=row.incident_id,
                verb__in=STEP_VERBS,
                data__escalation_id=row.id,
            ).order_by("occurred_at", "id")
        )
        if row.ended_at is None:
            yield from _late_step(row, events, now)
        for event in events:
            if event.verb == "step_paged" and event.recorded_at > now - LOOK_BACK:
                yield from _wrong_people(row, event)


def _late_step(row: Escalation, events: Sequence[Event], now: datetime) -> Iterator[Finding]:
    """The log says when something happened last; the policy says how long until the next thing."""
    last = next((event for event in reversed(events) if event.verb != "step_passed"), None)
    if last is None or last.verb in ("escalation_ended", "escalation_exhausted"):
        return
    steps = row.snapshot["steps"]
    if last.verb == "escalation_acknowledged":
        minutes = row.snapshot.get("ack_timeout")
        if not minutes or row.incident.state in ("in_progress", "on_hold"):
            return
        expected = last.occurred_at + timedelta(minutes=minutes)
    elif last.verb == "escalation_snoozed":
        expected = datetime.fromisoformat(last.data["until"])
    elif last.verb == "step_paged":
        expected = last.occurred_at + timedelta(minutes=steps[last.data["step"]].get("delay", 15))
    else:
        expected = last.occurred_at
    if expected < now - LATE and not _waits(row, now):
        text = f"{row.incident.number}: the step due at {expected:%Y-%m-%d %H:%M} UTC has not been taken"
        yield Finding(f"step:{row.id}:{expected.isoformat()}", row.incident_id, expected, text)


def _waits(row: Escalation, now: datetime) -> bool:
    """Whether hours explain that nothing happens: the policy's, or those of the step that comes next."""
    if row.snapshot.get("calendar"):
        return True if row.next_at is None else row.next_at > now
    number = row.cursor.get("step", 0)
    steps = row.snapshot["steps"]
    if number >= len(steps):
        # Between two rounds in which nobody was reached there is a pause of a whole round.
        return row.next_at is not None and row.next_at > now
    hours = steps[number].get("hours")
    if not hours or row.priority in hours.get("exempt", [1, 2]):
        return row.next_at is not None and row.next_at > now and not row.cursor.get("reached")
    local = now.astimezone(ZoneInfo(hours["zone"]))
    return not _in_window(hours["window"], local.replace(tzinfo=None))


def _in_window(window: Mapping[str, Any], local: datetime) -> bool:
    start, end = window.get("start", "00:00"), window.get("end", "24:00")
    days = window.get("days") or DAYS
    minute = f"{local:%H:%M}"
    today, yesterday = DAYS[local.weekday()], DAYS[(local.weekday() - 1) % 7]
    if start < end:
        return today in days and start <= minute < end
    return (today in days and minute >= start) or (yesterday in days and minute < end)


def _wrong_people(row: Escalation, event: Event) -> Iterator[Finding]:
    """Everybody whom the step's targets meant at that instant, and who could be reached, was paged."""
    step = row.snapshot["steps"][event.data["step"]]
    if step.get("round_robin"):
        return
    meant = {person for target in step["targets"] for person in _meant(target, row, event.occurred_at)}
    if row.incident.security:
        members = Membership.objects.filter(group_id=row.incident.group_id).values_list(
            "person_id", flat=True
        )
        meant &= set(members)
    missing = _reachable(meant) - set(event.data["people"])
    if missing:
        text = f"{row.incident.number}: step {event.data['step'] + 1} ought to have paged person {sorted(missing)[0]}"
        yield Finding(f"people:{event.id}", row.incident_id, event.occurred_at, text)


def _meant(target: Mapping[str, Any], row: Escalation, at: datetime) -> set[int]:
    kind, number = target["kind"], target.get("id")
    if kind == "person":
        return {int(number)} if number is not None else set()
    if kind == "schedule":
        return _on_duty(int(number or 0), at)
    if kind not in ("group", "lead"):
        return set()
    group = number if number is not None else row.group_id
    members = Membership.objects.filter(group_id=group, person__is_active=True) if group is not None else None
    if members is None:
        return set()
    if kind == "lead":
        return set(members.filter(lead=True).values_list("person_id", flat=True))
    schedules = list(Schedule.objects.filter(group_id=group).values_list("id", flat=True))
    if not schedules:
        return set(members.values_list("person_id", flat=True))
    return {person for schedule in schedules for person in _on_duty(schedule, at)}


def _reachable(people: set[int]) -> set[int]:
    found = Person.objects.filter(id__in=people, is_active=True)
    proved = found.filter(email_verified_at__isnull=False, email_bounced_at=None).values_list("id", flat=True)
    methods = ContactMethod.objects.filter(person__in=found, active=True, verified_at__isnull=False)
    return {*proved, *methods.values_list("person_id", flat=True)}


def _on_duty(schedule_id: int, at: datetime) -> set[int]:
    """Who a schedule has on call at an instant, by walking its handoffs one by one."""
    versions = ScheduleVersion.objects.filter(schedule_id=schedule_id, valid_from__lte=at)
    version = versions.order_by("-valid_from", "-id").first()
    if version is None:
        return set()
    zone = ZoneInfo(version.definition["zone"])
    on: set[int] = set()
    for layer in reversed(version.definition.get("layers", [])):
        on = _of_layer(layer, zone, at)
        if on:
            break
    changes = Override.objects.filter(schedule_id=schedule_id, cancelled_at=None, start__lte=at, end__gt=at)
    for change in changes.order_by("rank", "id"):
        on = _changed(on, change)
    swaps = SwapRequest.objects.filter(schedule_id=schedule_id, cancelled_at=None, start__lte=at, end__gt=at)
    for swap in swaps.filter(taker__isnull=False).order_by("id"):
        if swap.giver_id in on and swap.taker_id is not None:
            on = (on - {swap.giver_id}) | {swap.taker_id}
    return on


def _changed(on: set[int], change: Override) -> set[int]:
    if change.kind == "replace" and change.person_id is None:
        return {change.by_id} if change.by_id is not None else set()
    if change.kind == "replace":
        return (on - {change.person_id}) | {change.by_id} if change.person_id in on and change.by_id else on
    if change.kind == "add":
        return on | {change.by_id} if change.by_id is not None else on
    return on - {change.person_id} if change.person_id is not None else on


def _of_layer(layer: Mapping[str, Any], zone: ZoneInfo, at: datetime) -> set[int]:
    local = at.astimezone(zone).replace(tzinfo=None)
    windows = layer.get("windows", [])
    if windows and not any(_in_window(window, local) for window in windows):
        return set()
    found = {
        shift["person"]
        for shift in layer.get("shifts", [])
        if _instant(shift["start"], zone) <= at < _instant(shift["end"], zone)
    }
    rotation = layer.get("rotation")
    person = _of_rotation(rotation, zone, at) if rotation else None
    return found | ({person} if person is not None else set())


def _of_rotation(rotation: Mapping[str, Any], zone: ZoneInfo, at: datetime) -> int | None:
    """Walk from the first handoff; what the wall clock says is made an instant one handoff at a time."""
    people = rotation["participants"]
    start = datetime.fromisoformat(rotation["start"])
    days = rotation.get("days", [])
    if not people or _instant(start, zone) > at:
        return None
    taken, wall = 0, start
    while _instant(following := _next_handoff(rotation["unit"], start, taken + 1, wall), zone) <= at:
        taken, wall = taken + 1, following
    if days and DAYS[wall.weekday()] not in days:
        return None
    turn = (_worked(start, wall, days) if days else taken) // rotation["every"]
    person: int = people[(turn + rotation.get("offset", 0)) % len(people)]
    return person


def _worked(start: datetime, wall: datetime, days: Sequence[str]) -> int:
    span = range((wall - start).days)
    return sum(DAYS[(start + timedelta(days=number)).weekday()] in days for number in span)


def _next_handoff(unit: str, start: datetime, count: int, wall: datetime) -> datetime:
    if unit == "month":
        year, month = divmod(start.year * 12 + start.month - 1 + count, 12)
        first = start.replace(year=year, month=month + 1, day=1)
        last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return first.replace(day=min(start.day, last.day))
    return wall + {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}[unit]


def _instant(text: str | datetime, zone: ZoneInfo) -> datetime:
    """A wall time's instant: the first of two; inside a gap, the first instant after it, found minute by
    minute.
    """
    wall = datetime.fromisoformat(text) if isinstance(text, str) else text
    if wall.tzinfo is not None:
        return wall.astimezone(UTC)
    while (instant := wall.replace(tzinfo=zone).astimezone(UTC)).astimezone(zone).replace(
        tzinfo=None
    ) != wall:
        wall += timedelta(minutes=1)
    return instant


def _deliveries(now: datetime) -> Iterator[Finding]:
    """Pages that nobody has even tried to send."""
    rows = Delivery.objects.filter(
        page_id__isnull=False, state__in=("due", "sending"), attempts=0, due_at__lt=now - LATE
    ).select_related("message")
    for row in rows.order_by("due_at")[:100]:
        incident_id = row.message.subject_id or 0
        text = f"INC-{incident_id:06d}: a page by {row.channel} due at {row.due_at:%Y-%m-%d %H:%M} UTC has not left"
        yield Finding(f"delivery:{row.id}", incident_id, row.due_at, text)


def _known() -> set[str]:
    row = Setting.objects.filter(key=SETTING).first()
    return {finding["key"] for finding in row.value.get("findings", [])} if row is not None else set()


def _sign(findings: Sequence[Finding], milliseconds: float) -> None:
    value = {
        "milliseconds": milliseconds,
        "findings": [
            {"key": one.key, "incident": one.incident_id, "text": one.text} for one in findings[:50]
        ],
    }
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO setting (key, value) VALUES (%s, %s::jsonb || jsonb_build_object('at', clock_timestamp()))
               ON CONFLICT (key) DO UPDATE SET value = excluded.value""",
            [SETTING, json.dumps(value)],
        )


def _tell(findings: Sequence[Finding]) -> None:
    """Straight to the administrators' mail, past everything that is being checked."""
    people = Person.objects.filter(roles__contains=["administrator"], is_active=True)
    addresses = list(people.values_list("email", flat=True))
    lines = [finding.text for finding in findings]
    log.error("auditor.finding", findings=lines)
    if addresses:
        try:
            send_mail(
                f"Firstline: {len(lines)} page(s) late or missing",
                "\n".join(lines) + "\n\nLook at /healthz/engine and at the log of the engine.\n",
                None,
                addresses,
            )
        except OSError as error:
            log.error("auditor.mail_failed", error=str(error))
