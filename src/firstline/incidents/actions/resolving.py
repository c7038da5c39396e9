"""The end of an incident: resolve, reopen, close, cancel. The verbs that engines drive take lists."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from firstline.accounts.models import Membership
from firstline.catalog.models import ResolutionCode
from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.core.content import save_text
from firstline.core.errors import DomainError, Invalid
from firstline.incidents.actions.talking import add_comment
from firstline.incidents.actions.verbs import closed, reopened, resolved
from firstline.incidents.actions.writing import (
    change,
    commit,
    locked,
    one,
    order_in_force,
    save,
    store,
)
from firstline.incidents.events import (
    Cancelled,
    IncidentEvent,
    ResolutionProposed,
    TaskFinished,
)
from firstline.incidents.lifecycle import CancelReason, ClosedHow, State, check, check_resolution
from firstline.incidents.models import Diagnosis, Incident, Task


@transaction.atomic
def resolve(
    incident_id: int,
    *,
    code: str,
    notes: str,
    actor: Actor,
    now: datetime,
    cause: str = "",
    children: Sequence[int] = (),
    version: int | None = None,
) -> tuple[Incident, dict[int, str]]:
    """Service is restored. Needs a code and notes to the caller (and what `lifecycle.check_resolution` names).

    `children` are those chosen to be resolved with it; the answer tells for each what happened ("" = resolved).
    """
    incident = one(
        incident_id,
        actor=actor,
        verb="incident.work",
        version=version,
        touching=("state", "resolution_code_id"),
    )
    check(incident.state, State.RESOLVED)
    _check_resolution(incident, code, notes, cause)
    _resolve([incident], code=code, notes=notes, cause=cause, actor=actor, now=now, by_rule=False)
    return incident, _resolve_children(incident, children, code, notes, cause, actor, now)


def resolve_by_rule(
    incident_ids: Sequence[int], *, code: str, notes: str, actor: Actor, now: datetime, why: dict[str, Any]
) -> list[Incident]:
    """A rule resolves (alerts ended, caller silent). Security incidents and those already ended are left alone."""
    with transaction.atomic():
        rows = [r for r in locked(incident_ids) if r.is_open and not r.security]
        _resolve(rows, code=code, notes=notes, cause="", actor=actor, now=now, by_rule=True, why=why)
        return rows


def propose_resolution(
    incident_ids: Sequence[int], *, actor: Actor, now: datetime, why: Mapping[str, Any]
) -> None:
    """All alerts have ended: say so; a person decides."""
    with transaction.atomic():
        rows = [row for row in locked(incident_ids) if row.is_open]
        for row in rows:
            row.version += 1
        save(rows, [], now=now)
        event_log.record(
            [
                ResolutionProposed(subject_id=r.id, actor=actor, occurred_at=now, why=why, version=r.version)
                for r in rows
            ],
            now=now,
        )


def _check_resolution(incident: Incident, code: str, notes: str, cause: str) -> None:
    needs_diagnosis = (incident.priority or 5) <= 2 and incident.kind == "incident" and not incident.synthetic
    check_resolution(
        code=code,
        notes=notes,
        cause=cause or incident.cause,
        cause_required=bool(incident.category and incident.category.cause_required),
        diagnosis_required=needs_diagnosis and not Diagnosis.objects.filter(incident=incident).exists(),
        verdict_required=incident.security and not incident.verdict,
    )


def _resolve(
    rows: Sequence[Incident],
    *,
    code: str,
    notes: str,
    cause: str,
    actor: Actor,
    now: datetime,
    by_rule: bool,
    why: Mapping[str, Any] | None = None,
) -> None:
    code_id = _code(code)
    events: list[IncidentEvent] = []
    fields: set[str] = set()
    for row in rows:
        changes, event = resolved(
            row, code_id=code_id, notes=notes, cause=cause, actor=actor, now=now, by_rule=by_rule, why=why
        )
        fields |= set(changes)
        events.append(event)
    save(rows, fields, now=now)
    event_log.record(events, now=now)
    _finish_tasks(rows, "incomplete", actor, now)


def _code(code: str) -> int:
    found = ResolutionCode.objects.filter(code=code, active=True).values_list("id", flat=True).first()
    if found is None:
        raise Invalid("There is no such resolution code.", {"resolution_code": "unknown"})
    return found


def _resolve_children(
    parent: Incident,
    children: Sequence[int],
    code: str,
    notes: str,
    cause: str,
    actor: Actor,
    now: datetime,
) -> dict[int, str]:
    answers: dict[int, str] = {}
    theirs = set(Incident.objects.filter(parent=parent, id__in=children).values_list("id", flat=True))
    for child in sorted(theirs):
        try:
            with transaction.atomic():
                resolve(child, code=code, notes=notes, cause=cause, actor=actor, now=now)
            answers[child] = ""
        except DomainError as error:
            answers[child] = str(error)
    return answers


def _finish_tasks(rows: Sequence[Incident], state: str, actor: Actor, now: datetime) -> None:
    tasks = list(Task.objects.select_for_update().filter(incident__in=rows, state="open"))
    for task in tasks:
        task.state, task.finished_at = state, now
    Task.objects.bulk_update(tasks, ["state", "finished_at"])
    versions = {row.id: row.version for row in rows}
    event_log.record(
        [
            TaskFinished(
                subject_id=task.incident_id,
                actor=actor,
                occurred_at=now,
                task_id=task.id,
                state=state,
                version=versions[task.incident_id],
            )
            for task in tasks
        ],
        now=now,
    )


@transaction.atomic
def reopen(
    incident_id: int,
    *,
    actor: Actor,
    now: datetime,
    comment: str = "",
    as_caller: bool = False,
    by_alert: bool = False,
    on_shift: bool = True,
    why: Mapping[str, Any] | None = None,
) -> Incident:
    """Not fixed: back to the last assignee if `on_shift`, else to the group. Counted; a recurring alert apart."""
    verb = "incident.own" if as_caller else "incident.work"
    incident = one(incident_id, actor=actor, verb=verb)
    changes, event = reopened(
        incident,
        keeps_assignee=on_shift and _still_of_group(incident),
        order=order_in_force(),
        actor=actor,
        now=now,
        comment=comment,
        by_alert=by_alert,
        why=why,
    )
    store(incident, {*changes, "work_next_at"}, [event], now=now)
    if comment.strip():
        add_comment(incident, comment, public=True, actor=actor, now=now, by_caller=as_caller)
    return incident


def _still_of_group(incident: Incident) -> bool:
    if incident.assignee_id is None or incident.group_id is None:
        return incident.assignee_id is not None
    return Membership.objects.filter(
        person_id=incident.assignee_id, group_id=incident.group_id, person__is_active=True
    ).exists()


def close(
    incident_ids: Sequence[int],
    *,
    how: ClosedHow,
    actor: Actor,
    now: datetime,
    why: Mapping[str, Any] | None = None,
) -> list[Incident]:
    """Close what is resolved: confirmed, or by silence. Others of the list are left alone; a security incident and a
    major one never close by silence."""
    with transaction.atomic():
        rows = [row for row in locked(incident_ids) if row.state == State.RESOLVED]
        if how in (ClosedHow.NO_ANSWER, ClosedHow.NO_CALLER):
            rows = [r for r in rows if not r.security and r.major != "declared" and not r.stop_auto_close]
        events = []
        for row in rows:
            _changes, event = closed(row, how=how, actor=actor, now=now, why=why)
            events.append(event)
        save(rows, ["state", "closed_at", "closed_how", "work_next_at"], now=now)
        event_log.record(events, now=now)
        return rows


@transaction.atomic
def cancel(
    incident_id: int,
    *,
    reason: str,
    actor: Actor,
    now: datetime,
    note: str = "",
    version: int | None = None,
) -> Incident:
    """False alarm, withdrawn, spam, not an incident. Terminal; its open tasks are skipped."""
    incident = one(incident_id, actor=actor, verb="incident.work", version=version, touching=("state",))
    check(incident.state, State.CANCELLED)
    if reason not in set(CancelReason) - {CancelReason.DUPLICATE}:
        raise Invalid("Choose why it is cancelled.", {"reason": "choose a reason"})
    if incident.security and not incident.verdict:
        raise Invalid("A security incident needs its verdict first.", {"verdict": "needed"})
    changes = change(
        incident,
        now,
        state=State.CANCELLED.value,
        cancel_reason=reason,
        closed_at=now,
        hold_reason="",
        look_again_at=None,
        work_next_at=None,
    )
    event = Cancelled(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        content_id=save_text(note, now=now) if note.strip() else None,
        reason=reason,
        version=incident.version + 1,
    )
    commit(incident, changes, [event], now=now)
    _finish_tasks([incident], "skipped", actor, now)
    return incident
