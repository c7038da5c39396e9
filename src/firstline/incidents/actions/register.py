"""Registration: whatever is reported becomes an incident, whatever else fails."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from firstline.accounts.models import Person, SupportGroup
from firstline.accounts.viewer import viewer_for
from firstline.core import event_log, live
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.incidents.actions.writing import order_in_force, place_in_queue
from firstline.incidents.events import IncidentOpened
from firstline.incidents.models import AffectedUser, Incident
from firstline.incidents.priority import EXTENTS
from firstline.incidents.visibility import visibility_class

CHANNELS = ("portal", "e-mail", "phone", "chat", "monitoring", "SIEM", "API")
MACHINE_CHANNELS = ("monitoring", "SIEM", "API")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is known when an incident is registered. A person's report needs a caller, a machine's doesn't.

    `received_at` is when the report reached Firstline (clocks start there); `detected_at` may be earlier.
    `registered_at` is given by an import only: when another system registered it.
    """

    title: str
    channel: str
    received_at: datetime
    description: str = ""
    detected_at: datetime | None = None
    registered_at: datetime | None = None
    caller_id: int | None = None
    caller_phone: str = ""
    caller_place: str = ""
    preferred_channel: str = "e-mail"
    reporter_id: int | None = None
    source_id: int | None = None
    service_id: int | None = None
    ci_id: int | None = None
    category_id: int | None = None
    group_id: int | None = None
    degradation: str = "degraded"
    extent: str = "one"
    can_work: str = "difficulty"
    severity: str = ""
    affected_users: int = 1
    deadline: datetime | None = None
    security: bool = False
    kind: str = "incident"
    synthetic: bool = False
    imported_from: str | None = None
    parent_id: int | None = None
    why: dict[str, Any] = field(default_factory=dict)


@transaction.atomic
def register(reports: Sequence[Report], *, actor: Actor, now: datetime) -> list[Incident]:
    """Register incidents. They are categorised, compared and prioritised right after by the engine (`triage`).

    `Invalid` names the field that is missing; `NotAllowed` when the actor may not report for somebody else.
    """
    if actor.is_human:
        _may_report(reports, actor)
    order = order_in_force()
    rows = [_row(report, now) for report in reports]
    made_up = _synthetic_callers(rows)
    _only_security_groups(rows)
    for row in rows:
        row.synthetic = row.synthetic or row.caller_id in made_up
        place_in_queue(row, order)
    Incident.objects.bulk_create(rows)
    AffectedUser.objects.bulk_create(
        AffectedUser(incident=row, person_id=row.caller_id, why="caller", at=row.registered_at)
        for row in rows
        if row.caller_id is not None
    )
    event_log.record(
        [_opened(report, row, actor) for report, row in zip(reports, rows, strict=True)], now=now
    )
    for row in rows:
        live.nudge("incident", row.id, row.version, visibility_class(row))
    return rows


def _only_security_groups(rows: Sequence[Incident]) -> None:
    """A security incident that names an ordinary group has no owner yet: that group could not even see it. Triage
    gives it one."""
    named = {row.group_id for row in rows if row.security and row.group_id is not None}
    if named:
        named -= set(SupportGroup.objects.filter(id__in=named, security=True).values_list("id", flat=True))
    for row in rows:
        if row.security and row.group_id in named:
            row.group_id = None


def _synthetic_callers(rows: Sequence[Incident]) -> set[int]:
    """What nobody real reports is nobody's work."""
    callers = {row.caller_id for row in rows if row.caller_id is not None}
    return set(Person.objects.filter(id__in=callers, synthetic=True).values_list("id", flat=True))


def register_one(report: Report, *, actor: Actor, now: datetime) -> Incident:
    return register([report], actor=actor, now=now)[0]


def _may_report(reports: Sequence[Report], actor: Actor) -> None:
    viewer = viewer_for(actor)
    on_behalf = any(report.caller_id != actor.id for report in reports)
    viewer.require("incident.create" if on_behalf else "report.create")


def _row(report: Report, now: datetime) -> Incident:
    title = " ".join(report.title.replace("\x00", "").split())[:255]
    missing: dict[str, str] = {}
    if not title:
        missing["title"] = "say what happens"
    if report.channel not in CHANNELS:
        missing["channel"] = "unknown channel"
    if report.caller_id is None and report.channel not in MACHINE_CHANNELS:
        missing["caller"] = "a person's report needs a caller"
    if report.extent not in EXTENTS:
        missing["extent"] = "one, several, site or all"
    if report.can_work not in ("yes", "difficulty", "no"):
        missing["can_work"] = "yes, difficulty or no"
    if report.degradation not in ("down", "degraded"):
        missing["degradation"] = "down or degraded"
    if missing:
        raise Invalid("Not registered: " + "; ".join(missing.values()) + ".", missing)
    copied = {
        name: getattr(report, name)
        for name in [
            "channel",
            "caller_id",
            "caller_phone",
            "caller_place",
            "preferred_channel",
            "reporter_id",
            "source_id",
            "service_id",
            "ci_id",
            "category_id",
            "group_id",
            "degradation",
            "extent",
            "can_work",
            "severity",
            "affected_users",
            "deadline",
            "security",
            "kind",
            "synthetic",
            "imported_from",
            "parent_id",
        ]
    }
    at = min(report.registered_at or now, now)
    return Incident(
        title=title,
        description=report.description.replace("\x00", "�"),
        detected_at=min(report.detected_at or report.received_at, report.received_at, at),
        received_at=min(report.received_at, at),
        registered_at=at,
        updated_at=at,
        **copied,
    )


def _opened(report: Report, row: Incident, actor: Actor) -> IncidentOpened:
    facts = {
        name: (None, getattr(row, name))
        for name in (
            "service_id",
            "ci_id",
            "category_id",
            "group_id",
            "caller_id",
            "degradation",
            "extent",
            "can_work",
        )
        if getattr(row, name) not in (None, "")
    }
    return IncidentOpened(
        subject_id=row.id,
        actor=actor,
        occurred_at=row.registered_at,
        changes=facts,
        why=report.why,
        channel=row.channel,
        security=row.security,
        synthetic=row.synthetic,
        version=row.version,
    )
