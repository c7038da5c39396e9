"""The engine's verb: take escalations whose next step is due, and page."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog
from django.db import transaction
from django.utils.translation import override

from firstline.accounts.models import Person
from firstline.core import event_log
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


def step_due(*, now: datetime, limit: int = BATCH) -> int:
    """Engine: what is due of running escalations; returns how many. One that fails is tried again, others go
    on.
    """
    with transaction.atomic():
        rows = list(
            Escalation.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(next_at__lte=now, ended_at=None)
            .select_related("policy", "policy__owner")
            .order_by("next_at", "id")[:limit]
        )
        incidents = _incidents(rows)
        directory = Directory()
        for row in rows:
            try:
                with transaction.atomic():
                    step(row, incidents[row.incident_id], directory, now=now)
            except Exception as error:
                log.exception("escalation.failed", escalation=row.id, incident=row.incident_id)
                Escalation.objects.filter(id=row.id).update(next_at=now + RETRY, error=repr(error)[:2000])
        return len(rows)


def _incidents(rows: Sequence[Escalation]) -> dict[int, Incident]:
    found = Incident.objects.select_related("service", "assignee").defer("search", "description")
    return {incident.id: incident for incident in found.filter(id__in=[row.incident_id for row in rows])}


def step(row: Escalation, incident: Incident, directory: Directory, *, now: datetime) -> None:
    """One escalation's due instant: resume it if it waited, then page whom the next step reaches."""
    policy = msgspec.convert(row.snapshot, Policy)
    cursor = msgspec.convert(row.cursor, Cursor)
    events: list[DomainEvent] = []
    if row.state in ("acknowledged", "snoozed"):
        reason = "no_work" if row.state == "acknowledged" else "snooze_over"
        cursor, row.acknowledged_at, row.acknowledged_by = resumed(cursor), None, None
        events.append(
            EscalationResumed(
                subject_id=incident.id, actor=CLOCKWORK, occurred_at=now, escalation_id=row.id, reason=reason
            )
        )
    directory.unreachable.clear()
    move = advance(
        policy,
        cursor,
        now=now,
        priority=row.priority,
        reach=lambda target: directory.reach(target, incident, now),
        turns=_turns(row.policy_id),
    )
    due_at = row.next_at or now
    row.state, row.error = "running", ""
    row.cursor, row.next_at = msgspec.to_builtins(move.cursor), move.next_at
    _keep_turns(row.policy_id, move)
    events += _passed(row, incident, move, directory, now)
    if move.recipients:
        pages = make_pages(row, incident, move, due_at=due_at, now=now)
        events.append(_paged(row, incident, move, pages, now))
        send_pages(pages, incident, directory, now=now)
    if move.exhausted:
        row.state = "exhausted"
        told = tell_exhausted(row, incident, now)
        events.append(
            EscalationExhausted(
                subject_id=incident.id, actor=CLOCKWORK, occurred_at=now, escalation_id=row.id, told=told
            )
        )
    row.save()
    event_log.record(events, now=now)


def _passed(
    row: Escalation, incident: Incident, move: Advance, directory: Directory, now: datetime
) -> list[DomainEvent]:
    """Steps that paged nobody are said on the incident, and the owner is told of those that reached
    nobody.
    """
    silent = [one.step for one in move.passed if one.why == "nobody"]
    if silent:
        tell_owner(row, incident, silent, now)
    return [
        StepPassed(
            subject_id=incident.id, actor=CLOCKWORK, occurred_at=now, escalation_id=row.id, step=one.step,
            cycle=one.cycle, reason=one.why, unreachable=sorted(directory.unreachable),
        )
        for one in move.passed
    ]  # fmt: skip


def _paged(
    row: Escalation, incident: Incident, move: Advance, pages: Sequence[Page], now: datetime
) -> StepPaged:
    return StepPaged(
        subject_id=incident.id,
        actor=CLOCKWORK,
        occurred_at=now,
        why={str(page.person_id or "sink"): page.because for page in pages},
        escalation_id=row.id,
        step=move.step or 0,
        cycle=move.cycle,
        people=[page.person_id for page in pages if page.person_id is not None],
        pages=[page.id for page in pages],
    )


def make_pages(
    row: Escalation, incident: Incident, move: Advance, *, due_at: datetime, now: datetime
) -> list[Page]:
    """The ledger rows of a step; a second try of the same step makes no second page."""
    return Page.objects.bulk_create(
        [
            Page(
                escalation=row,
                incident=incident,
                step=move.step or 0,
                cycle=move.cycle,
                person_id=recipient.person,
                sink=recipient.sink,
                because=dict(recipient.because),
                due_at=due_at,
                created_at=now,
                key=_key(row, move, recipient),
            )
            for recipient in move.recipients
        ]
    )


def _key(row: Escalation, move: Advance, recipient: Recipient) -> str:
    who = f"{recipient.person}" if recipient.person is not None else recipient.sink[:60]
    return f"{row.id}:{move.cursor.resumes}:{move.cycle}:{move.step}:{who}"


def send_pages(pages: Sequence[Page], incident: Incident, directory: Directory, *, now: datetime) -> None:
    """The deliveries of pages, by each person's own rules; pages overtake everything else."""
    urgency = urgency_of(incident.priority)
    languages = dict(
        Person.objects.filter(id__in=[page.person_id for page in pages]).values_list("id", "language")
    )
    messages = []
    for page in pages:
        with override(languages.get(page.person_id or 0, "en")):
            text = wording.page(incident, links.url(page.id, now=now))
        messages.append(
            Outgoing(
                kind="page",
                subject=text.subject,
                body=text.body,
                key=f"page:{page.id}",
                to=_recipients(page, directory, urgency_at=now, incident=incident),
                subject_id=incident.id,
                urgency=urgency,
                lane=PAGE_LANE,
                synthetic=incident.synthetic,
                context={"page_id": page.id, "number": incident.number, "priority": incident.priority},
            )
        )
    send(messages, now=now)


def _recipients(page: Page, directory: Directory, *, urgency_at: datetime, incident: Incident) -> list[To]:
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
            part=f"{number}",
            fallback=[(method.channel, method.address, method.id) for method in notice.fallback],
        )
        for number, notice in enumerate(
            directory.notices(page.person_id, urgency_at, urgency_of(incident.priority))
        )
    ]


def _turns(policy_id: int | None) -> dict[int, int]:
    """How often each round-robin step has paged; the row stays locked so that two incidents take two
    turns.
    """
    if policy_id is None:
        return {}
    row = PolicyRow.objects.select_for_update().filter(id=policy_id).first()
    return {int(step): int(count) for step, count in row.turns.items()} if row is not None else {}


def _keep_turns(policy_id: int | None, move: Advance) -> None:
    if policy_id is not None and move.turns:
        row = PolicyRow.objects.get(id=policy_id)
        row.turns = {**row.turns, **{str(step): count for step, count in move.turns.items()}}
        row.save(update_fields=["turns"])
