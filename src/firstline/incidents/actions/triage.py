"""What follows registration, in this order and in the log too: categorised → compared → prioritised → owned.

Categorising belongs to `classification`; `workflow.triage` calls it first, then `compare`, `prioritise`, `give_owner`.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min

from firstline.accounts.models import SupportGroup
from firstline.catalog.calendar import is_open
from firstline.catalog.graph import reach, turned
from firstline.catalog.models import Service
from firstline.catalog.queries import calendar_at, edges
from firstline.core import event_log, installation
from firstline.core.actor import Actor
from firstline.core.models import Event
from firstline.incidents.actions.majors import propose
from firstline.incidents.actions.writing import locked, order_in_force, place_in_queue, save
from firstline.incidents.comparison import Candidate, Comparison, compare, is_burst
from firstline.incidents.events import (
    Assigned,
    Compared,
    IncidentEvent,
    Prioritised,
    PriorityProposed,
    PublishOffered,
)
from firstline.incidents.lifecycle import OPEN
from firstline.incidents.models import Incident, Matrix
from firstline.incidents.priority import DEFAULT_MATRIX, Facts, assess, like_original, reassess
from firstline.incidents.priority import Matrix as MatrixValue

CANDIDATES = 200
AHEAD = 1000
_ENGINE = Actor.system("triage")


def matrix_in_force() -> MatrixValue:
    """The newest matrix; the default until one was saved."""
    row = Matrix.objects.order_by("-valid_from", "-id").first()
    if row is None:
        return DEFAULT_MATRIX
    return MatrixValue(tuple(row.impacts), tuple(row.urgencies), tuple(tuple(cells) for cells in row.cells))


def compare_new(rows: Sequence[Incident], *, now: datetime) -> dict[int, Comparison]:
    """Compare fresh incidents with what is in progress; record it; propose a major incident on a burst; offer to
    publish what is reported for the third time."""
    settings = installation.get_all()
    near = timedelta(minutes=settings["burst_minutes"])
    candidates = _Candidates(rows)
    ahead = _ahead(rows)
    found: dict[int, Comparison] = {}
    events: list[IncidentEvent] = []
    for row in rows:
        result = compare(row.title, row.service_id, candidates.of(row), now=now, near=near)
        found[row.id] = result
        row.version += 1
        events.append(
            Compared(
                subject_id=row.id,
                actor=_ENGINE,
                occurred_at=now,
                duplicates=[list(pair) for pair in result.duplicates],
                neighbours=list(result.neighbours),
                ahead=ahead[row.id],
                why={"recent_on_service": result.recent_on_service, "minutes": settings["burst_minutes"]},
                version=row.version,
            )
        )
    save(rows, [], now=now)
    event_log.record(events + _offers(rows, found, now), now=now)
    _propose_majors(rows, found, settings["burst_incidents"], now)
    return found


class _Candidates:
    """Open incidents of the services concerned and of what these depend on, read in one query per batch."""

    def __init__(self, rows: Sequence[Incident]) -> None:
        known = edges()
        concerned = {row.service_id for row in rows if row.service_id}
        self._steps = {service: {service: 0, **reach(service, known)} for service in concerned}
        found = (
            Incident.objects.filter(
                state__in=OPEN,
                synthetic=False,
                service_id__in={s for steps in self._steps.values() for s in steps},
            )
            .order_by("-id")
            .values_list("id", "title", "service_id", "registered_at", "priority", "caller_id", "security")
        )
        self._by_service: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
        for values in found[: CANDIDATES + len(rows)]:
            self._by_service[values[2]].append(values)

    def of(self, row: Incident) -> list[Candidate]:
        """Those that came before this one. Security incidents are compared among themselves only."""
        if row.synthetic:
            return []
        return [
            Candidate(id, title, service_id, at, priority, caller_id, distance)
            for service, distance in self._steps.get(row.service_id or 0, {}).items()
            for id, title, service_id, at, priority, caller_id, security in self._by_service[service]
            if id < row.id and security == row.security
        ]


def _ahead(rows: Sequence[Incident]) -> dict[int, int]:
    """How many open incidents stand before each in the order of work, counted to `AHEAD`."""
    queue = list(
        Incident.objects.filter(state__in=OPEN, synthetic=False)
        .order_by("work_next_at", "id")
        .values_list("work_next_at", flat=True)[:AHEAD]
    )
    instants = [at for at in queue if at is not None]
    return {row.id: bisect_left(instants, row.work_next_at or row.registered_at) for row in rows}


def _offers(rows: Sequence[Incident], found: Mapping[int, Comparison], now: datetime) -> list[IncidentEvent]:
    """For each original that people now report for the third time: once, and only while it is not published."""
    similar = {
        min(id for id, _ in found[row.id].duplicates): [id for id, _ in found[row.id].duplicates]
        for row in rows
        if row.caller_id is not None and len(found[row.id].duplicates) >= 2
    }
    if not similar:
        return []
    offered = Event.objects.filter(
        subject_type="incident", subject_id__in=similar, verb=PublishOffered.verb
    ).values_list("subject_id", flat=True)
    originals = Incident.objects.filter(id__in=set(similar) - set(offered), published_at=None, security=False)
    return [
        PublishOffered(
            subject_id=id, actor=_ENGINE, occurred_at=now, why={"similar": similar[id]}, version=version
        )
        for id, version in originals.values_list("id", "version")
    ]


def _propose_majors(
    rows: Sequence[Incident], found: Mapping[int, Comparison], threshold: int, now: datetime
) -> None:
    """One proposal for each service in a burst that has no major incident, proposed or refused, among its open ones."""
    bursts = {
        (row.service_id, row.security): found[row.id].recent_on_service + 1
        for row in rows
        if row.service_id is not None
        and not row.synthetic
        and is_burst(found[row.id].recent_on_service, threshold=threshold)
    }
    if not bursts:
        return
    open_ones = Incident.objects.filter(
        state__in=OPEN, synthetic=False, service_id__in={service for service, _ in bursts}
    ).values("service_id", "security")
    for near in open_ones.annotate(first=Min("id"), major=Max("major")):
        count = bursts.get((near["service_id"], near["security"]))
        if count is not None and near["major"] == "":
            propose(
                near["first"], actor=_ENGINE, now=now, why={"burst": count, "service_id": near["service_id"]}
            )


def prioritise(
    incident_ids: Sequence[int],
    *,
    now: datetime,
    comparisons: Mapping[int, Comparison] | None = None,
    lower: bool = False,
    actor: Actor = _ENGINE,
) -> list[Incident]:
    """Assess impact and urgency with their evidence and set the priority of the matrix's cell.

    Raising applies at once, lowering is only proposed (`lower`: a person lifted the override, so it applies).
    """
    rows = [row for row in locked(incident_ids) if row.is_open and row.kind == "incident"]
    matrix, order = matrix_in_force(), order_in_force()
    facts = _Facts(rows, comparisons or {}, now)
    events: list[IncidentEvent] = []
    for row in rows:
        event = _prioritise(row, facts.of(row), matrix, (comparisons or {}).get(row.id), lower, actor, now)
        place_in_queue(row, order)
        if event is not None:
            events.append(event)
    save(
        rows,
        ["impact", "urgency", "priority", "proposed_priority", "extent", "affected_users", "work_next_at"],
        now=now,
    )
    event_log.record(events, now=now)
    return rows


def _prioritise(
    row: Incident,
    facts: Facts,
    matrix: MatrixValue,
    comparison: Comparison | None,
    lower: bool,
    actor: Actor,
    now: datetime,
) -> IncidentEvent | None:
    assessed = assess(facts, matrix, now=now)
    wanted = like_original(assessed.priority, comparison.originals_priority if comparison else ())
    why: dict[str, Any] = assessed.why()
    if wanted != assessed.priority:
        why["like_original"] = wanted
    decision = reassess(None if lower else row.priority, wanted, fixed=row.priority_fixed)
    before = (row.impact, row.urgency, row.priority)
    if decision.apply is not None:
        row.impact, row.urgency, row.priority = assessed.impact, assessed.urgency, decision.apply
        row.extent, row.proposed_priority = assessed.extent, None
        names = ("impact", "urgency", "priority")
        changes = {
            name: (old, new)
            for name, old, new in zip(names, before, (row.impact, row.urgency, row.priority), strict=True)
            if old != new
        }
        if not changes:
            return None
        row.version += 1
        return Prioritised(
            subject_id=row.id,
            actor=actor,
            occurred_at=now,
            changes=changes,
            why=why,
            impact=row.impact,
            urgency=row.urgency,
            priority=row.priority,
            version=row.version,
        )
    if decision.propose is not None and decision.propose != row.proposed_priority:
        row.proposed_priority = decision.propose
        row.version += 1
        return PriorityProposed(
            subject_id=row.id,
            actor=actor,
            occurred_at=now,
            why=why,
            priority=decision.propose,
            version=row.version,
        )
    return None


class _Facts:
    """What is known of a batch, read in few queries."""

    def __init__(
        self, rows: Sequence[Incident], comparisons: Mapping[int, Comparison], now: datetime
    ) -> None:
        ids = {row.service_id for row in rows if row.service_id}
        self._services = {s.id: s for s in Service.objects.filter(id__in=ids)}
        below = turned(edges())
        self._downstream = {s: len(reach(s, below)) for s in ids}
        self._calendars = {s.calendar_id: calendar_at(s.calendar_id, now) for s in self._services.values()}
        since = now - timedelta(minutes=30)
        reports = (
            Incident.objects.filter(
                service_id__in=ids,
                state__in=OPEN,
                synthetic=False,
                registered_at__gte=since,
                caller__isnull=False,
            )
            .values("service_id", "security")
            .annotate(n=Count("caller", distinct=True))
        )
        self._reports: Counter[tuple[int, bool]] = Counter(
            {(r["service_id"], r["security"]): r["n"] for r in reports}
        )
        self._now = now

    def of(self, row: Incident) -> Facts:
        service = self._services.get(row.service_id or 0)
        from_machine = row.caller_id is None
        reported = self._reports[row.service_id or 0, row.security] if not row.synthetic else 0
        common: dict[str, Any] = {
            "extent": row.extent,
            "affected_users": max(row.affected_users, reported),
            "degradation": row.degradation,
            "can_work": row.can_work,
            "severity": row.severity,
            "security": row.security,
            "deadline": row.deadline,
            "from_machine": from_machine,
        }
        if service is None:
            return Facts(**common)
        return Facts(
            **common,
            criticality=service.criticality,
            several_from=service.several_from,
            site_from=service.site_from,
            all_from=service.all_from,
            downstream_services=self._downstream[service.id],
            cost_per_hour=float(service.cost_per_hour),
            public_facing=service.public_facing,
            in_business_hours=service.calendar_id is None
            or is_open(self._calendars[service.calendar_id], self._now),
        )


def give_owner(
    rows: Sequence[Incident], *, now: datetime, chosen: Mapping[int, tuple[int, str]] | None = None
) -> None:
    """Ownership never ends nowhere: the group `chosen` by categorising {incident id: (group id, why)}, else the
    category's, else the service's, else the catch-all group."""
    homeless = [row for row in rows if row.group_id is None and row.assignee_id is None and row.is_open]
    if not homeless:
        return
    catch_all = SupportGroup.objects.filter(catch_all=True).values_list("id", flat=True).first()
    security = (
        SupportGroup.objects.filter(security=True, active=True)
        .order_by("id")
        .values_list("id", flat=True)
        .first()
    )
    groups = dict(SupportGroup.objects.filter(active=True).values_list("id", "security"))
    events: list[IncidentEvent] = []
    given = []
    for row in homeless:
        group, why = (chosen or {}).get(row.id, (None, ""))
        if group not in groups or (row.security and not groups[group]):
            group, why = _owner(row, groups, catch_all, security)
        if group is None:
            continue
        changes: dict[str, Any] = {"group_id": (None, group)}
        row.group_id = group
        row.version += 1
        given.append(row)
        events.append(
            Assigned(
                subject_id=row.id,
                actor=_ENGINE,
                occurred_at=now,
                changes=changes,
                why={"by": why},
                version=row.version,
            )
        )
    save(given, ["group_id"], now=now)
    event_log.record(events, now=now)


def _owner(
    row: Incident, groups: Mapping[int, bool], catch_all: int | None, security: int | None
) -> tuple[int | None, str]:
    choices = (
        (row.category.group_id if row.category else None, "category"),
        (row.service.group_id if row.service else None, "service"),
    )
    for group, why in choices:
        if group is not None and group in groups and (groups[group] or not row.security):
            return group, why
    if row.security and security is not None:
        return security, "security"
    return catch_all, "catch_all"
