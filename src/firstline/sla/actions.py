"""Every write to clocks: evaluate incidents anew, warn, breach. All take lists; the engine drives them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from firstline.catalog.calendar import ALWAYS
from firstline.catalog.queries import calendar_version
from firstline.core import bulk, event_log
from firstline.core.actor import Actor
from firstline.core.batch import run_due
from firstline.core.due import DueItem
from firstline.core.event_log import DomainEvent
from firstline.incidents.actions.writing import set_targets
from firstline.incidents.models import Incident
from firstline.sla.agreement import Candidate, Facts, choose
from firstline.sla.clock import fold
from firstline.sla.evaluation import (
    Applied,
    Reading,
    applied_at,
    differs,
    last_applied,
    lowered_late,
    priority_lowered,
    read_clocks,
    targets_of,
    with_entry,
)
from firstline.sla.events import AgreementApplied, BreachSuperseded, LoweredLate, TargetBreached
from firstline.sla.facts import Documents, candidates, facts_of, histories
from firstline.sla.models import Clock
from firstline.sla.reactions import EVALUATE
from firstline.sla.reading import History, clock_events
from firstline.sla.telling import tell_breaches

CLOCKWORK = Actor.clock("agreement")
BATCH = 200


def evaluate_due(*, now: datetime, limit: int = BATCH) -> int:
    """Engine: evaluate what changed. An incident whose agreement or calendar is broken holds up only
    itself.
    """
    return run_due(EVALUATE, lambda items: _evaluate_items(items, now), now=now, limit=limit, of="incident")


def _evaluate_items(items: Sequence[DueItem], now: datetime) -> None:
    evaluate([item.subject_id for item in items], now=now)


@transaction.atomic
def evaluate(incident_ids: Iterable[int], *, now: datetime) -> None:
    """Match these incidents with the agreements and bring their clocks up to date.

    1. The first agreement whose conditions match holds; while it stays the same one, so does its version.
    2. If it or its targets are new, that is an event, dated at the change that made them so.
    3. The clocks are the fold of the log; their rows, what is due next, and new breaches follow from it.
    """
    incidents = list(
        Incident.objects.select_for_update(of=("self",))
        .select_related("caller")
        .defer("search", "description")
        .filter(id__in=list(incident_ids))
        .order_by("id")
    )
    documents = Documents()
    tried = candidates(documents)
    facts, logs = facts_of(incidents), dict(histories(incidents))
    events: list[DomainEvent] = []
    for incident in incidents:
        applied = _applicable(incident, facts[incident.id], logs[incident.id], tried, documents)
        if applied is not None:
            events += _applied_events(incident, applied, logs[incident.id], documents)
            logs[incident.id] = with_entry(logs[incident.id], applied.as_entry())
    event_log.record(events, now=now)
    _store(incidents, logs, documents, now)


def _applicable(
    incident: Incident, facts: Facts, history: History, tried: Sequence[Candidate], documents: Documents
) -> Applied | None:
    """What holds for the incident now, where that is news."""
    last = last_applied(history)
    match = choose(tried, facts)
    at = applied_at(history, incident.registered_at)
    if match is None:
        nothing = Applied(
            agreement_id=None, version_id=None, calendar_version_id=None, priority=facts.priority,
            targets={}, retroactive=True, conditions=(), at=at,
        )  # fmt: skip
        return nothing if last is not None and differs(nothing, last) else None
    version_id, calendar_id = match.candidate.version_id, _calendar_version(match.candidate, at)
    if last is not None and last.data.get("agreement_id") == match.candidate.agreement_id:
        version_id, calendar_id = last.data["version_id"], last.data["calendar_version_id"]
    document = documents.agreement(version_id)
    calendar = documents.calendar(calendar_id) if calendar_id is not None else ALWAYS
    applied = Applied(
        agreement_id=match.candidate.agreement_id,
        version_id=version_id,
        calendar_version_id=calendar_id,
        priority=facts.priority,
        targets=targets_of(document, facts.priority, calendar, incident.received_at),
        retroactive=document.on_change == "retroactive" or last is None,
        conditions=match.conditions,
        at=at,
    )
    return applied if differs(applied, last) else None


def _calendar_version(candidate: Candidate, at: datetime) -> int | None:
    if candidate.document.calendar is None:
        return None
    version = calendar_version(candidate.document.calendar, at)
    return version.id if version is not None else None


def _applied_events(
    incident: Incident, applied: Applied, history: History, documents: Documents
) -> list[DomainEvent]:
    events: list[DomainEvent] = [
        AgreementApplied(
            subject_id=incident.id,
            actor=CLOCKWORK,
            occurred_at=applied.at,
            why={"conditions": list(applied.conditions)},
            agreement_id=applied.agreement_id,
            version_id=applied.version_id,
            calendar_version_id=applied.calendar_version_id,
            priority=applied.priority,
            targets=dict(applied.targets),
            retroactive=applied.retroactive,
        )
    ]
    lowered = priority_lowered(history)
    before = clock_events(history, "resolution", documents.terms(history.entries))
    if lowered is not None and before is not None and lowered[0] == applied.at:
        share = lowered_late(history, fold(before), applied.at)
        if share is not None:
            events.append(
                LoweredLate(subject_id=incident.id, actor=CLOCKWORK, occurred_at=applied.at, share=share)
            )
    return events


def _store(
    incidents: Sequence[Incident], logs: Mapping[int, History], documents: Documents, now: datetime
) -> None:
    """Bring the rows up to date, record breaches found and taken back, and move the queue."""
    rows = {
        (row.incident_id, row.target): row
        for row in Clock.objects.select_for_update().filter(incident__in=incidents).order_by("id")
    }
    made: list[Clock] = []
    events: list[DomainEvent] = []
    breached: list[Clock] = []
    for incident in incidents:
        history = logs[incident.id]
        last = last_applied(history)
        version_id = last.data.get("version_id") if last is not None else None
        terms = documents.terms(history.entries)
        shares = {version_id: documents.agreement(version_id).shares()} if version_id is not None else {}
        for target, reading in read_clocks(history, terms, shares, now).items():
            row = rows.get((incident.id, target))
            if row is None and version_id is None:
                continue
            if row is None:
                row = Clock(incident_id=incident.id, target=target)
                made.append(row)
            known = row.breached_at
            _write(row, reading, version_id, last.data.get("calendar_version_id") if last else None)
            events += _breaches(row, reading, known)
            if reading.breached_at is not None and known is None:
                breached.append(row)
    Clock.objects.bulk_create(made)
    fresh = {id(row) for row in made}
    bulk.update([row for row in rows.values() if id(row) not in fresh], _FIELDS)
    ids = event_log.record(events, now=now)
    if ids:
        tell_breaches(breached, now=now)
    move_in_queue([incident.id for incident in incidents])


_FIELDS = [field.name for field in Clock._meta.fields if field.name not in ("id", "incident", "target")]


def _write(row: Clock, reading: Reading, version_id: int | None, calendar_version_id: int | None) -> None:
    if version_id is not None:
        row.agreement_version_id = version_id
        row.calendar_version_id = calendar_version_id
    if row.started_at is not None and row.started_at != reading.started_at:
        row.warned, row.breached_at = [], None  # the next update's clock has started anew
    row.state = reading.state
    row.started_at = reading.started_at
    row.target_seconds = round(reading.target_time.total_seconds())
    row.elapsed_seconds = reading.elapsed.total_seconds()
    row.changed_at = reading.changed_at
    row.due_at = reading.due_at
    row.stopped_at = reading.stopped_at
    row.breached_at = reading.breached_at
    row.next_at = reading.next_at(row.warned)
    row.flags = {**(row.flags or {}), "warn": [[share, at.isoformat()] for share, at in reading.warn]}


def _breaches(row: Clock, reading: Reading, known: datetime | None) -> list[DomainEvent]:
    """The events of a breach that the fold found, or took back, since the row was last written."""
    found: list[DomainEvent] = []
    if known is not None and known in reading.superseded and reading.breached_at != known:
        found.append(
            BreachSuperseded(
                subject_id=row.incident_id,
                actor=CLOCKWORK,
                occurred_at=reading.changed_at,
                target=row.target,
                breached_at=known,
            )
        )
    if reading.breached_at is not None and reading.breached_at != known:
        found.append(
            TargetBreached(
                subject_id=row.incident_id,
                actor=CLOCKWORK,
                occurred_at=reading.breached_at,
                target=row.target,
                due_at=reading.due_at,
            )
        )
    return found


def move_in_queue(incident_ids: Sequence[int]) -> None:
    """Give the queue the due instants of the running clocks of these incidents."""
    targets: dict[int, list[datetime]] = {incident_id: [] for incident_id in incident_ids}
    running = Clock.objects.filter(incident_id__in=incident_ids, state="running", due_at__isnull=False)
    for incident_id, due_at in running.values_list("incident_id", "due_at"):
        if due_at is not None:
            targets[incident_id].append(due_at)
    if targets:
        set_targets(targets)
