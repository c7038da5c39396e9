"""Every write of diagnosis: evidence that was gathered, checks and their runs."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from firstline.catalog.editing import apply, authorise, check_seen, found, unique, values
from firstline.catalog.queries import upstream
from firstline.core import config_log, live
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.diagnosis.gathering import Found, gather
from firstline.diagnosis.models import Check, CheckRun, Evidence
from firstline.diagnosis.probe import Answer, check_target, probe
from firstline.incidents.models import Incident
from firstline.incidents.visibility import visibility_class

CHECK = ("name", "kind", "target", "expect", "timeout_seconds", "service_id", "ci_id", "active")
FRESH = timedelta(
    seconds=30
)  # a run younger than this is not repeated: a storm must not become one of checks
MOST_CHECKS = 10


def gather_evidence(incident_id: int, *, now: datetime, firing: Mapping[int, int] | None = None) -> int:
    """Look for evidence and lay it beside the incident; what was found before is replaced. Returns how much."""
    incident = Incident.objects.select_related("category").filter(id=incident_id).first()
    if incident is None or not incident.is_open:
        return 0
    items = gather(incident, now=now, firing=firing)
    with transaction.atomic():
        kept = Evidence.objects.filter(incident=incident).exclude(kind="check")
        kept.delete()
        _lay(incident, items, now)
    return len(items)


def run_checks(incident_id: int, *, now: datetime) -> int:
    """Ask the registered targets of the incident's item, service and what it needs. Returns how many were asked.

    Network first, then one short transaction; a target asked within 30 s is not asked again.
    """
    incident = Incident.objects.filter(id=incident_id).first()
    if incident is None or not incident.is_open:
        return 0
    runs = []
    for check in checks_of(incident):
        recent = CheckRun.objects.filter(target=check, at__gt=now - FRESH).order_by("-at").first()
        if recent is None:
            recent = record_run(check, ask(check), incident_id=incident.id, now=now)
        runs.append((check, recent))
    items = [
        Found(
            kind="check",
            key=str(check.id),
            data={"check_id": check.id, "ok": run.ok, **({} if run.ok else {"tone": "alarm"})},
            why={"service": check.service_id, "milliseconds": run.milliseconds, "answer": run.answer},
            score=0.0 if run.ok else 1.0,
        )
        for check, run in runs
    ]
    with transaction.atomic():
        Evidence.objects.filter(incident=incident, kind="check").delete()
        _lay(incident, items, now)
    return len(items)


def checks_of(incident: Incident) -> Sequence[Check]:
    """The active checks of the incident's item, then of its service, then of what it needs, nearest first."""
    steps = {incident.service_id: 0, **upstream(incident.service_id)} if incident.service_id else {}
    rows = list(Check.objects.filter(active=True, service_id__in=steps))
    if incident.ci_id is not None:
        rows += Check.objects.filter(active=True, ci_id=incident.ci_id).exclude(service_id__in=steps)
    rows.sort(
        key=lambda check: (check.ci_id != incident.ci_id, steps.get(check.service_id or 0, 0), check.id)
    )
    return rows[:MOST_CHECKS]


def ask(check: Check) -> Answer:
    """Probe the target now. Takes up to its timeout; never inside of a transaction."""
    kind: Any = check.kind
    return probe(kind, check.target, expect=check.expect, timeout=check.timeout_seconds)


def record_run(check: Check, answer: Answer, *, incident_id: int | None, now: datetime) -> CheckRun:
    return CheckRun.objects.create(
        target=check,
        incident_id=incident_id,
        at=now,
        ok=answer.ok,
        milliseconds=answer.milliseconds,
        answer=answer.text,
    )


@transaction.atomic
def create_check(*, name: str, kind: str, target: str, actor: Actor, now: datetime, **fields: Any) -> Check:
    """Register a target. Only administrators do: a check reaches whatever the server reaches."""
    authorise(actor, "configuration.edit")
    check = Check(name=name.strip(), kind=kind, target=target)
    apply(check, fields, set(CHECK))
    _validate(check)
    check.save()
    config_log.changed("check", check.id, actor=actor, now=now, before=None, after=values(check, CHECK))
    return check


@transaction.atomic
def edit_check(check_id: int, *, actor: Actor, now: datetime, seen: str = "", **fields: Any) -> Check:
    authorise(actor, "configuration.edit")
    check = found(Check, check_id, "check")
    before = values(check, CHECK)
    check_seen(before, seen)
    apply(check, fields, set(CHECK))
    _validate(check)
    check.save()
    config_log.changed("check", check.id, actor=actor, now=now, before=before, after=values(check, CHECK))
    return check


def try_check(check_id: int, *, actor: Actor, now: datetime) -> CheckRun:
    """Ask a registered target now, for its page."""
    authorise(actor, "configuration.edit")
    with transaction.atomic():
        check = found(Check, check_id, "check")
    return record_run(check, ask(check), incident_id=None, now=now)


def _validate(check: Check) -> None:
    unique(Check, check, "name", "check")
    if check.kind not in ("http", "tcp"):
        raise Invalid("A check asks by HTTP or TCP.", {"kind": "Choose HTTP or TCP."})
    if not 1 <= check.timeout_seconds <= 30:
        raise Invalid("A check takes 1 to 30 seconds.", {"timeout_seconds": "1 to 30"})
    check.target = check_target(check.kind, check.target)
    if check.service_id is None and check.ci_id is None:
        message = "Say whose health it shows: a service or a configuration item."
        raise Invalid(message, {"service": message})


def _lay(incident: Incident, items: Sequence[Found], now: datetime) -> None:
    Evidence.objects.bulk_create(
        [
            Evidence(
                incident=incident,
                kind=item.kind,
                key=item.key,
                data=item.data,
                why=item.why,
                score=item.score,
                seen_at=now,
            )
            for item in items
        ],
        update_conflicts=True,
        unique_fields=["incident", "kind", "key"],
        update_fields=["data", "why", "score", "seen_at"],
    )
    live.nudge("incident", incident.id, incident.version, visibility_class(incident))
