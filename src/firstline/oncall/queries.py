"""Every read of schedules, policies and pages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from firstline.accounts.models import Person
from firstline.accounts.viewer import Viewer
from firstline.core.errors import NotFound
from firstline.incidents.models import Incident
from firstline.incidents.visibility import visible
from firstline.oncall.actions.looking import assignments_in_force, snapshot
from firstline.oncall.choice import choose
from firstline.oncall.directory import Directory, schedule_from
from firstline.oncall.models import (
    Escalation,
    Override,
    Page,
    Policy,
    PolicyAssignment,
    PolicyVersion,
    Schedule,
    ScheduleVersion,
)
from firstline.oncall.policy import Policy as Document
from firstline.oncall.policy import Target
from firstline.oncall.rules import urgency_of
from firstline.oncall.schedule import OnDuty, gaps
from firstline.oncall.schedule import Schedule as ScheduleDocument
from firstline.oncall.simulation import Simulation
from firstline.oncall.simulation import simulate as run_simulation

AHEAD = timedelta(days=30)


def schedules(viewer: Viewer) -> QuerySet[Schedule]:
    viewer.require("oncall.read")
    return Schedule.objects.filter(synthetic=False).select_related("group").order_by("name")


def schedule(viewer: Viewer, schedule_id: int) -> Schedule:
    viewer.require("oncall.read")
    found = Schedule.objects.select_related("group").filter(id=schedule_id).first()
    if found is None:
        raise NotFound("There is no such schedule.")
    return found


def schedule_in_force(viewer: Viewer, schedule_id: int) -> tuple[ScheduleVersion, ScheduleDocument]:
    """The version in force and what it says."""
    viewer.require("oncall.read")
    row = ScheduleVersion.objects.filter(schedule_id=schedule_id, valid_to=None).first()
    if row is None:
        raise NotFound("There is no such schedule.")
    return row, schedule_from(row.definition)


def who(viewer: Viewer, schedule_id: int, start: datetime, end: datetime) -> list[OnDuty]:
    """The final schedule in a stretch of time."""
    viewer.require("oncall.read")
    return Directory().on_duty(schedule_id, start, end)


def overrides(viewer: Viewer, schedule_id: int, now: datetime) -> list[Override]:
    """What is laid over the schedule and not over yet, the earliest first."""
    viewer.require("oncall.read")
    rows = Override.objects.filter(schedule_id=schedule_id, cancelled_at=None, end__gt=now)
    return list(rows.select_related("person", "by", "created_by").order_by("start", "id")[:100])


def on_call_now(viewer: Viewer, now: datetime) -> list[tuple[Schedule, list[OnDuty]]]:
    """Each schedule with who is on now and until when, looking a week ahead."""
    directory = Directory()
    found = []
    for row in schedules(viewer):
        ahead = directory.on_duty(row.id, now, now + timedelta(days=7))
        found.append((row, [duty for duty in ahead if duty.start <= now]))
    return found


def on_shift(group_id: int, now: datetime) -> set[int]:
    """Who of a group is on call now; everybody where it has no schedule."""
    directory = Directory()
    numbers = directory.schedules_of(group_id)
    if not numbers:
        return {person for person, _lead in directory.members(group_id)}
    return {duty.person for number in numbers for duty in directory.on_duty_at(number, now)}


def policies(viewer: Viewer) -> QuerySet[Policy]:
    viewer.require("oncall.read")
    return Policy.objects.filter(synthetic=False).select_related("owner").order_by("name")


def document_of(row: Policy) -> Document:
    """What a policy of a list says now; its versions should be prefetched."""
    current = next(version for version in row.versions.all() if version.valid_to is None)
    return msgspec.convert(current.definition, Document)


def policy_in_force(viewer: Viewer, policy_id: int) -> tuple[PolicyVersion, Document]:
    viewer.require("oncall.read")
    row = PolicyVersion.objects.filter(policy_id=policy_id, valid_to=None).select_related("policy").first()
    if row is None:
        raise NotFound("There is no such policy.")
    return row, msgspec.convert(row.definition, Document)


def assignments(viewer: Viewer) -> QuerySet[PolicyAssignment]:
    """Which policy pages for what, the most particular first."""
    viewer.require("oncall.read")
    return PolicyAssignment.objects.select_related("service", "policy").order_by(
        "service__name", "priority", "id"
    )


def pages(viewer: Viewer, incident_id: int) -> list[Page]:
    """The ledger of an incident that the viewer may see, oldest first."""
    if not visible(viewer).filter(id=incident_id).exists():
        raise NotFound("There is no such incident.")
    return list(Page.objects.filter(incident_id=incident_id).select_related("person").order_by("id"))


def page_for(person_id: int, page_id: int) -> Page:
    """A page, for the person who was paged. `NotFound` for anybody else's."""
    found = Page.objects.filter(id=page_id, person_id=person_id).select_related("incident", "person").first()
    if found is None:
        raise NotFound("There is no such page.")
    return found


def my_open_pages(viewer: Viewer) -> list[Page]:
    """What the viewer was paged for and has not answered."""
    if viewer.person_id is None:
        return []
    rows = Page.objects.filter(person_id=viewer.person_id, ended_at=None, acknowledged_at=None)
    return list(rows.select_related("incident").order_by("-id")[:50])


def running(viewer: Viewer, incident_id: int) -> Escalation | None:
    """The escalation of an incident that has not ended."""
    if not visible(viewer).filter(id=incident_id).exists():
        raise NotFound("There is no such incident.")
    rows = Escalation.objects.filter(incident_id=incident_id, ended_at=None)
    return rows.select_related("policy", "acknowledged_by").first()


@dataclass(frozen=True, slots=True)
class Question:
    """An incident that has not happened."""

    service_id: int | None
    group_id: int | None
    priority: int
    at: datetime
    security: bool = False


def simulate(viewer: Viewer, question: Question, *, policy_id: int | None = None) -> Simulation | None:
    """Who would be paged for it, when and why, if nobody answered; None where this only queues. Touches
    nothing.
    """
    viewer.require("oncall.read")
    incident = _imagined(question)
    if policy_id is not None:
        document = policy_in_force(viewer, policy_id)[1]
    else:
        choice = choose(assignments_in_force(), service=question.service_id, priority=question.priority)
        if not choice.pages:
            return None
        document = snapshot(choice, incident, question.at)
    directory = Directory()
    urgency = urgency_of(question.priority)
    return run_simulation(
        document,
        at=question.at,
        priority=question.priority,
        reach=lambda target, at: directory.reach(target, incident, at),
        notices=lambda person, at: directory.notices(person, at, urgency),
    )


def _imagined(question: Question) -> Incident:
    return Incident(
        service_id=question.service_id,
        group_id=question.group_id,
        priority=question.priority,
        security=question.security,
    )


def names_of(person_ids: Iterable[int]) -> dict[int, str]:
    return dict(Person.objects.filter(id__in=set(person_ids)).values_list("id", "name"))


def unreachable_policies(*, now: datetime) -> list[str]:
    """One sentence for each way in which a policy would reach nobody: gaps in the next 30 days, people
    without a verified way to be reached, steps without anybody."""
    directory = Directory()
    found: list[str] = []
    for row in PolicyVersion.objects.filter(valid_to=None, policy__synthetic=False).select_related("policy"):
        try:
            document = msgspec.convert(row.definition, Document)
        except (msgspec.ValidationError, ValueError) as error:
            found.append(
                _("Policy %(name)s can't be read: %(error)s") % {"name": row.policy.name, "error": error}
            )
            continue
        for number, step in enumerate(document.steps, start=1):
            for target in step.targets:
                found += [
                    _("Policy %(name)s, step %(step)s: %(what)s")
                    % {"name": row.policy.name, "step": number, "what": sentence}
                    for sentence in _unreachable(target, directory, now)
                ]
    return found


def _unreachable(target: Target, directory: Directory, now: datetime) -> Sequence[str]:
    if target.kind == "person" and target.id is not None:
        known = directory.reachability(target.id)
        return [] if known is not None and known.ways else [_without_way([target.id])]
    if target.kind == "schedule" and target.id is not None:
        return _of_schedule(target.id, directory, now)
    if target.kind in ("group", "lead") and target.id is not None:
        numbers = directory.schedules_of(target.id) if target.kind == "group" else []
        if numbers:
            return [sentence for number in numbers for sentence in _of_schedule(number, directory, now)]
        people = [person for person, lead in directory.members(target.id) if lead or target.kind == "group"]
        reached = [person for person in people if (way := directory.reachability(person)) and way.ways]
        return [] if reached else [_("the group has nobody who can be reached")]
    return []


def _of_schedule(schedule_id: int, directory: Directory, now: datetime) -> list[str]:
    duties = directory.on_duty(schedule_id, now, now + AHEAD)
    name = Schedule.objects.filter(id=schedule_id).values_list("name", flat=True).first() or str(schedule_id)
    found = []
    empty: list[tuple[Any, Any]] = gaps(duties, now, now + AHEAD)
    if empty:
        found.append(
            _("schedule %(name)s has nobody from %(start)s to %(end)s UTC")
            % {"name": name, "start": f"{empty[0][0]:%Y-%m-%d %H:%M}", "end": f"{empty[0][1]:%Y-%m-%d %H:%M}"}
        )
    mute = {
        duty.person
        for duty in duties
        if (known := directory.reachability(duty.person)) is None or not known.ways
    }
    return [*found, _without_way(sorted(mute))] if mute else found


def _without_way(people: Sequence[int]) -> str:
    names = ", ".join(names_of(people).values()) or "?"
    return _("%(names)s can't be reached: no verified contact method") % {"names": names}
