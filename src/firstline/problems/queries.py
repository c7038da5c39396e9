"""Every read of problems and known errors. Those of security incidents are for security groups only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, F, Q, QuerySet

from firstline.accounts.models import Person
from firstline.accounts.viewer import Viewer
from firstline.core import event_log
from firstline.core.content import texts
from firstline.core.errors import NotFound
from firstline.core.event_log import DomainEvent
from firstline.incidents.models import Incident
from firstline.incidents.visibility import visible as visible_incidents
from firstline.problems.matching import KnownError, phrases
from firstline.problems.models import PreventiveAction, Problem

STATES = ("open", "known_error", "solved", "closed")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a problem's history: what happened, who did it, the text that belongs to it."""

    event: DomainEvent
    who: str
    text: str


def visible(viewer: Viewer) -> QuerySet[Problem]:
    """Problems that this viewer may know of."""
    found = Problem.objects.all()
    if viewer.everything or viewer.break_glass:
        return found
    if not viewer.may("problem.read"):
        return found.none()
    return found.filter(Q(security=False) | Q(security=True, group_id__in=viewer.security_groups))


def problems(viewer: Viewer, *, state: str = "", text: str = "") -> QuerySet[Problem]:
    """A list: open ones first, each with `linked` (all incidents) and `actions_open`."""
    viewer.require("problem.read")
    found = visible(viewer).filter(synthetic=False).select_related("service", "category", "group", "owner")
    if state == "live":
        found = found.exclude(state__in=["solved", "closed"])
    elif state in STATES:
        found = found.filter(state=state)
    for word in text.split()[:8]:
        found = found.filter(
            Q(title__icontains=word) | Q(description__icontains=word) | Q(root_cause__icontains=word)
        )
    return found.annotate(
        linked=Count("incidents", distinct=True),
        actions_open=Count("actions", filter=Q(actions__done_at=None), distinct=True),
    ).order_by(F("closed_at").desc(nulls_first=True), "-opened_at", "-id")


def problem(viewer: Viewer, problem_id: int) -> Problem:
    found = (
        visible(viewer).select_related("service", "category", "group", "owner").filter(id=problem_id).first()
    )
    if found is None:
        raise NotFound("There is no such problem.")
    return found


def incidents_of(viewer: Viewer, problem_id: int) -> tuple[list[Incident], int]:
    """The linked incidents that the viewer may see, the latest first, and how many more there are."""
    row = problem(viewer, problem_id)
    seen = list(
        visible_incidents(viewer)
        .filter(problem_id=row.id)
        .select_related("service", "group", "assignee")
        .order_by("-registered_at")[:200]
    )
    return seen, row.incidents.count() - len(seen)


def actions_of(viewer: Viewer, problem_id: int) -> QuerySet[PreventiveAction]:
    problem(viewer, problem_id)
    actions = PreventiveAction.objects.filter(problem_id=problem_id).select_related("owner")
    return actions.order_by(F("done_at").asc(nulls_first=True), F("due_on").asc(nulls_last=True), "id")


def open_actions(viewer: Viewer, *, due_by: date | None = None) -> QuerySet[PreventiveAction]:
    """Preventive actions that nobody has done yet, the earliest due first."""
    viewer.require("problem.read")
    found = PreventiveAction.objects.filter(done_at=None, problem__in=visible(viewer))
    if due_by is not None:
        found = found.filter(due_on__lte=due_by)
    return found.select_related("problem", "owner").order_by(F("due_on").asc(nulls_last=True), "id")


def timeline(viewer: Viewer, problem_id: int) -> list[Entry]:
    """Everything that happened to a problem, in order: three queries."""
    problem(viewer, problem_id)
    log = list(event_log.read("problem", problem_id))
    people = [event.actor.id for event in log if event.actor.is_human and event.actor.id is not None]
    names = dict(Person.objects.filter(id__in=people).values_list("id", "name"))
    bodies = texts({event.content_id for event in log if event.content_id is not None})
    return [
        Entry(event, names.get(event.actor.id or 0, ""), bodies.get(event.content_id or 0, ""))
        for event in log
    ]


def public_known_errors(service_id: int | None = None) -> QuerySet[Problem]:
    """What callers may read: title and workaround of what was published to them. Needs no viewer."""
    found = Problem.objects.filter(
        state="known_error", public=True, security=False, synthetic=False
    ).select_related("service")
    if service_id is not None:
        found = found.filter(Q(service_id=service_id) | Q(service=None))
    return found.order_by("-known_error_at", "-id")


def known_errors(*, security_group_id: int | None = None) -> list[KnownError]:
    """What incidents are matched with. Those of security problems only for an incident of the same security group."""
    allowed = Q(security=False)
    if security_group_id is not None:
        allowed |= Q(security=True, group_id=security_group_id)
    rows = Problem.objects.filter(allowed, state="known_error", synthetic=False)
    return [
        KnownError(
            problem_id=row.id,
            title=row.title,
            phrases=phrases(row.match_words),
            service_id=row.service_id,
            category_id=row.category_id,
        )
        for row in rows.order_by("-known_error_at")[:2000]
    ]


def by_ids(viewer: Viewer, ids: Iterable[int]) -> dict[int, Problem]:
    """Those of these problems that the viewer may see."""
    return {row.id: row for row in visible(viewer).filter(id__in=list(ids))}
