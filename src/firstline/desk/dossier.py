"""Everything about one incident that a page or program shows: a bounded number of queries, whatever its length."""

from dataclasses import dataclass

from django.db.models import Q

from firstline.accounts.viewer import Viewer
from firstline.closure.models import Confirmation
from firstline.core.models import Due
from firstline.diagnosis.queries import Item as Evidence
from firstline.diagnosis.queries import evidence_for
from firstline.incidents import queries
from firstline.incidents.events import Compared
from firstline.incidents.lifecycle import OPEN
from firstline.incidents.models import (
    AffectedUser,
    Attachment,
    Diagnosis,
    Incident,
    Link,
    MajorIncident,
    Merge,
    StatusUpdate,
    Task,
    Watcher,
)
from firstline.incidents.queries import Entry
from firstline.incidents.visibility import visible
from firstline.intake.models import Edge
from firstline.oncall.models import Escalation, Page
from firstline.problems.models import ProblemIncident
from firstline.problems.queries import visible as visible_problems
from firstline.sla.models import Clock

ALERTS = 50


@dataclass(frozen=True, kw_only=True)
class Dossier:
    incident: Incident
    entries: list[Entry]
    files: list[Attachment]
    clocks: list[Clock]
    evidence: dict[str, list[Evidence]]
    pages: list[Page]
    escalation: Escalation | None
    alerts: list[Edge]
    tasks: list[Task]
    watchers: list[Watcher]
    affected: list[AffectedUser]
    links: list[Link]
    parent: Incident | None  # this and `original`: None as well where the viewer may not see it
    original: Incident | None
    children: list[Incident]
    merged: list[Incident]
    problems: list[ProblemIncident]
    statement: Diagnosis | None
    confirmation: Confirmation | None
    major: MajorIncident | None
    updates: list[tuple[StatusUpdate, str]]
    others: list[Incident]
    failing: list[Due]
    duplicates: list[Incident]
    neighbours: list[Incident]


def read(viewer: Viewer, incident_id: int) -> Dossier:
    """Everything about an incident."""
    incident = queries.incident(viewer, incident_id)
    entries = queries.timeline(viewer, incident_id)
    duplicates, neighbours = _compared(viewer, incident, entries)
    above = _above(viewer, incident)
    loose = Attachment.objects.filter(incident=incident, comment=None).select_related("blob", "added_by")
    return Dossier(
        incident=incident,
        entries=entries,
        duplicates=duplicates,
        neighbours=neighbours,
        files=list(loose.order_by("id")),
        clocks=list(Clock.objects.filter(incident=incident).exclude(state="cancelled").order_by("id")),
        evidence=evidence_for(viewer, incident),
        pages=list(Page.objects.filter(incident=incident).select_related("person").order_by("-id")[:50]),
        escalation=Escalation.objects.filter(incident=incident)
        .select_related("policy")
        .order_by("-id")
        .first(),
        alerts=_alerts(incident),
        tasks=list(Task.objects.filter(incident=incident).select_related("assignee").order_by("id")),
        watchers=list(Watcher.objects.filter(incident=incident).select_related("person").order_by("id")),
        affected=list(
            AffectedUser.objects.filter(incident=incident).select_related("person").order_by("id")[:200]
        ),
        links=_links(viewer, incident),
        parent=above.get(incident.parent_id),
        original=above.get(incident.merged_into_id),
        children=list(visible(viewer).filter(parent=incident).order_by("id")[:100]),
        merged=list(visible(viewer).filter(merged_into=incident).order_by("id")[:100]),
        problems=list(
            ProblemIncident.objects.filter(incident=incident, problem__in=visible_problems(viewer))
            .select_related("problem")
            .order_by("id")
        ),
        statement=Diagnosis.objects.filter(incident=incident)
        .select_related("author")
        .order_by("-id")
        .first(),
        confirmation=Confirmation.objects.filter(incident=incident).order_by("-resolution_number").first(),
        major=MajorIncident.objects.filter(incident=incident).select_related("commander").first(),
        updates=_updates(incident),
        others=queries.other_open_of_caller(viewer, incident),
        failing=list(
            Due.objects.filter(subject_id=incident.pk, failing_since__isnull=False).exclude(error="")
        ),
    )


def undoable_merge(incident: Incident) -> Merge | None:
    """The merge that made this a duplicate, while it stands."""
    return Merge.objects.filter(duplicate=incident, undone_at=None).order_by("-id").first()


def _above(viewer: Viewer, incident: Incident) -> dict[int | None, Incident]:
    """The parent and the incident that this one was merged into, as far as the viewer may see them."""
    ids = [id for id in (incident.parent_id, incident.merged_into_id) if id is not None]
    return {row.pk: row for row in visible(viewer).filter(id__in=ids)} if ids else {}


def _alerts(incident: Incident) -> list[Edge]:
    edges = Edge.objects.filter(incident=incident).select_related("span__source", "span__service")
    return list(edges.order_by("-id")[:ALERTS])


def _links(viewer: Viewer, incident: Incident) -> list[Link]:
    rows = Link.objects.filter(Q(incident=incident) | Q(other=incident)).select_related("incident", "other")
    found = list(rows.order_by("id"))
    ids = {row.incident_id for row in found} | {row.other_id for row in found if row.other_id}
    shown = set(visible(viewer).filter(id__in=ids).values_list("id", flat=True)) if ids else set()
    for row in found:
        far = row.other if row.incident_id == incident.pk else row.incident
        row.far = far if far is not None and far.pk in shown else None  # type: ignore[attr-defined]
    return found


def _updates(incident: Incident) -> list[tuple[StatusUpdate, str]]:
    rows = StatusUpdate.objects.filter(incident=incident).select_related("content", "author").order_by("-id")
    return [(row, row.content.body) for row in rows[:20]]


def _compared(
    viewer: Viewer, incident: Incident, entries: list[Entry]
) -> tuple[list[Incident], list[Incident]]:
    """What the comparison at registration found and the viewer may see: probable duplicates, the likeliest first, and
    what is in progress nearby. Those that are merged or over are left out."""
    found = next((entry.event for entry in entries if isinstance(entry.event, Compared)), None)
    if found is None or incident.merged_into_id is not None:
        return [], []
    doubles = [int(pair[0]) for pair in found.duplicates]
    near = [number for number in found.neighbours if number not in doubles]
    rows = visible(viewer).filter(id__in=[*doubles, *near], merged_into=None, state__in=sorted(OPEN))
    known = {row.pk: row for row in rows.select_related("service")}
    return [known[i] for i in doubles if i in known][:5], [known[i] for i in near if i in known][:5]
