"""The engine's verb: take escalations whose next step is due, and page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from django.db import transaction
from django.utils.translation import override

from firstline.accounts.models import Person
from firstline.core import bulk, event_log
from firstline.core.actor import Actor
from firstline.core.event_log import DomainEvent
from firstline.incidents.models import Incident
from firstline.notifications.actions import PAGE_LANE, Outgoing, To, send
from firstline.oncall import links, wording
from firstline.oncall.actions.telling import tell_exhausted, tell_owner
from firstline.oncall.directory import Directory
from firstline.oncall.events import EscalationExhausted, EscalationResumed, StepPaged, StepPassed
from firstline.oncall.models import Escalation, Page
from firstline.oncall.models import Policy as PolicyRow
from firstline.oncall.policy import Advance, Cursor, Policy, Recipient, advance, resumed
from firstline.oncall.rules import urgency_of

CLOCKWORK = Actor.clock("escalation")
BATCH = 200
RETRY = timedelta(seconds=30)
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Move:
    """One escalation's due instant, decided and not yet written."""

    row: Escalation
    incident: Incident
    due_at: datetime
    move: Advance
    unreachable: list[int]
    resumed: str = ""
    pages: list[Page] = field(default_factory=list)


def step_due(*, now: datetime, limit: int = BATCH) -> int:
    """Engine: what is due of running escalations; returns how many.

    The batch is decided and written together. If that fails it is undone and each is taken alone; one that
    fails alone is tried again later, with its error, and holds up no other.
    """
    with transaction.atomic():
        # With the incident: who answers a page locks the incident first and the escalation after it.
        due = Escalation.objects.select_for_update(skip_locked=True, of=("self", "incident")).filter(
            next_at__lte=now, ended_at=None
        )
        due = due.select_related("incident").only("id", "incident__id").order_by("next_at", "id")
        ids = [row.id for row in due[:limit]]
        if not ids:
            return 0
        try:
            with transaction.atomic():
                _take(ids, now)
        except Exception as error:  # noqa: BLE001 - whatever it was, they are taken one by one
            log.warning("escalation.batch_failed", size=len(ids), error=repr(error))
            for escalation_id in ids:
                _alone(escalation_id, now)
        return len(ids)


def _alone(escalation_id: int, now: datetime) -> None:
    try:
        with transaction.atomic():
            _take([escalation_id], now)
    except Exception as error:
        log.exception("escalation.failed", escalation=escalation_id)
        Escalation.objects.filter(id=escalation_id).update(next_at=now + RETRY, error=repr(error)[:2000])


def _take(ids: Sequence[int], now: datetime) -> None:
    """Decide, then write, what is due of these escalations, which are locked."""
    rows = list(
        Escalation.objects.filter(id__in=ids)
        .select_related("policy", "policy__owner")
        .order_by("next_at", "id")
    )
    found = Incident.objects.select_related("service", "assignee").defer("search", "description")
    incidents = {one.id: one for one in found.filter(id__in=[row.incident_id for row in rows])}
    directory, turns = Directory(), _turns(rows)
    moves = [_decide(row, incidents[row.incident_id], directory, turns, now) for row in rows]
    bulk.update(list(turns.values()), ["turns"])
    _write(moves, directory, now)


def _decide(
    row: Escalation, incident: Incident, directory: Directory, turns: dict[int, PolicyRow], now: datetime
) -> _Move:
    """Resume it if it waited, then ask whom the next step reaches. Writes nothing."""
    policy = msgspec.convert(row.snapshot, Policy)
    cursor = msgspec.convert(row.cursor, Cursor)
    reason = {"acknowledged": "no_work", "snoozed": "snooze_over"}.get(row.state, "")
    if reason:
        cursor = resumed(cursor)
    directory.unreachable.clear()
    shared = turns.get(row.policy_id or 0)
    move = advance(
        policy,
        cursor,
        now=now,
        priority=row.priority,
        reach=lambda target: directory.reach(target, incident, now),
        turns={int(step): count for step, count in shared.turns.items()} if shared is not None else {},
    )
    if shared is not None and move.turns:
        shared.turns = {**shared.turns, **{str(step): count for step, count in move.turns.items()}}
    return _Move(row, incident, row.next_at or now, move, sorted(directory.unreachable), reason)


def _write(moves: Sequence[_Move], directory: Directory, now: datetime) -> None:
    for one in moves:
        row = one.row
        if one.resumed:
            row.acknowledged_at, row.acknowledged_by = None, None
        row.state, row.error = "exhausted" if one.move.exhausted else "running", ""
        row.cursor, row.next_at = msgspec.to_builtins(one.move.cursor), one.move.next_at
    bulk.update(
        [one.row for one in moves],
        ["state", "error", "cursor", "next_at", "acknowledged_at", "acknowledged_by"],
    )
    _make_pages(moves, now)
    event_log.record([event for one in moves for event in _events(one, now)], now=now)
    send_pages([(page, one.incident) for one in moves for page in one.pages], directory, now=now)


def _events(one: _Move, now: datetime) -> list[DomainEvent]:
    """What is said on the incident, and to the owners where nobody was reached or nobody answered."""
    common: dict[str, Any] = {
        "subject_id": one.incident.id, "actor": CLOCKWORK, "occurred_at": now, "escalation_id": one.row.id,
    }  # fmt: skip
    events: list[DomainEvent] = []
    if one.resumed:
        events.append(EscalationResumed(**common, reason=one.resumed))
    silent = [passed.step for passed in one.move.passed if passed.why == "nobody"]
    if silent:
        tell_owner(one.row, one.incident, silent, now)
    events += [
        StepPassed(
            **common, step=passed.step, cycle=passed.cycle, reason=passed.why, unreachable=one.unreachable
        )
        for passed in one.move.passed
    ]
    if one.pages:
        events.append(
            StepPaged(
                **common,
                why={str(page.person_id or "sink"): page.because for page in one.pages},
                step=one.move.step or 0,
                cycle=one.move.cycle,
                people=[page.person_id for page in one.pages if page.person_id is not None],
                pages=[page.id for page in one.pages],
            )
        )
    if one.move.exhausted:
        events.append(EscalationExhausted(**common, told=tell_exhausted(one.row, one.incident, now)))
    return events


def _make_pages(moves: Sequence[_Move], now: datetime) -> None:
    """The ledger rows; a second try of the same step would be the same page."""
    for one in moves:
        one.pages = [
            Page(
                escalation=one.row,
                incident=one.incident,
                step=one.move.step or 0,
                cycle=one.move.cycle,
                person_id=recipient.person,
                sink=recipient.sink,
                because=dict(recipient.because),
                due_at=one.due_at,
                created_at=now,
                key=_key(one.row, one.move, recipient),
            )
            for recipient in one.move.recipients
        ]
    Page.objects.bulk_create([page for one in moves for page in one.pages])


def _key(row: Escalation, move: Advance, recipient: Recipient) -> str:
    who = f"{recipient.person}" if recipient.person is not None else recipient.sink[:60]
    return f"{row.id}:{move.cursor.resumes}:{move.cycle}:{move.step}:{who}"


def send_pages(pages: Sequence[tuple[Page, Incident]], directory: Directory, *, now: datetime) -> None:
    """The deliveries of pages, by each person's own rules; pages overtake everything else."""
    people = {page.person_id for page, _ in pages if page.person_id is not None}
    again = _paged_before(pages)
    languages = dict(Person.objects.filter(id__in=people).values_list("id", "language"))
    messages = []
    for page, incident in pages:
        with override(languages.get(page.person_id or 0, "en")):
            text = wording.page(incident, links.url(page.id, now=now))
        messages.append(
            Outgoing(
                kind="page",
                subject=text.subject,
                body=text.body,
                key=f"page:{page.id}",
                to=_recipients(page, directory, incident, now, may_wait=page.id in again),
                subject_id=incident.id,
                urgency=urgency_of(incident.priority),
                lane=PAGE_LANE,
                synthetic=incident.synthetic,
                context={"page_id": page.id, "number": incident.number, "priority": incident.priority},
            )
        )
    send(messages, now=now)


def _paged_before(pages: Sequence[tuple[Page, Incident]]) -> set[int]:
    """Those that are not the first page of their incident for their person."""
    earlier = Page.objects.filter(
        incident_id__in={incident.id for _, incident in pages},
        person_id__in={page.person_id for page, _ in pages if page.person_id is not None},
    ).values_list("incident_id", "person_id", "id")
    first: dict[tuple[int, int | None], int] = {}
    for incident_id, person_id, page_id in earlier:
        known = first.get((incident_id, person_id))
        first[incident_id, person_id] = page_id if known is None else min(known, page_id)
    return {
        page.id for page, incident in pages if first.get((incident.id, page.person_id), page.id) < page.id
    }


def _recipients(
    page: Page, directory: Directory, incident: Incident, now: datetime, *, may_wait: bool
) -> list[To]:
    if page.person_id is None:
        channel, _, address = page.sink.partition(":")
        return [To(channel=channel, address=address, page_id=page.id)]
    return [
        To(
            person_id=page.person_id,
            method_id=notice.method.id,
            channel=notice.method.channel,
            address=notice.method.address,
            page_id=page.id,
            at=notice.at,
            may_wait=may_wait,
            part=f"{number}",
            fallback=[(method.channel, method.address, method.id) for method in notice.fallback],
        )
        for number, notice in enumerate(directory.notices(page.person_id, now, urgency_of(incident.priority)))
    ]


def _turns(rows: Sequence[Escalation]) -> dict[int, PolicyRow]:
    """The policies with a round robin, locked so that two incidents take two turns."""
    ids = {
        row.policy_id
        for row in rows
        if row.policy_id is not None
        and any(step.get("round_robin") for step in row.snapshot.get("steps", []))
    }
    return {row.id: row for row in PolicyRow.objects.select_for_update().filter(id__in=ids).order_by("id")}
