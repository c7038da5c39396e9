"""Alerts that a person moves: split out of an incident into a new or another one, and the undoing of it.

The person's word holds: a span that was taken out of an incident never joins it again by itself, nor does the next
stretch of the same alert. No rule is changed by it.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from firstline.core import due, event_log
from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotFound
from firstline.incidents.actions import Report, register_one
from firstline.incidents.actions.relating import link, merge
from firstline.incidents.actions.writing import locked, one, save
from firstline.incidents.lifecycle import State
from firstline.incidents.models import Incident
from firstline.intake import ending, keys
from firstline.intake.correlation import Arrival
from firstline.intake.events import AlertsSplitOff, AlertsTakenOver
from firstline.intake.explaining import PERSON
from firstline.intake.joining import template_key_of
from firstline.intake.models import AlertMove, AlertSpan
from firstline.intake.signal import SEVERITY_ORDER, Entity, EntityKind, Severity

MOST = 2000  # spans in one move
NAMED = 20  # in the event

MOVE = """
UPDATE alert_span SET incident_id = %(target)s WHERE id = ANY(%(spans)s)
"""
EDGES = """
UPDATE alert_edge SET incident_id = %(target)s, rule = %(rule)s, why = %(why)s::jsonb, joined_at = %(now)s,
  apart_from = CASE WHEN %(apart)s THEN array_remove(apart_from, %(target)s) || ARRAY[%(origin)s]
    ELSE array_remove(apart_from, %(target)s) END
WHERE span_id = ANY(%(spans)s)
"""


@transaction.atomic
def split(
    incident_id: int,
    alert_ids: Iterable[int],
    *,
    actor: Actor,
    now: datetime,
    to_id: int | None = None,
    version: int | None = None,
) -> AlertMove:
    """Take these alerts out of the incident into another (`to_id`), or into one that is opened for them.

    `Invalid` when nothing would stay (merge the incidents instead), when the other is over, or one of both is a
    matter of security and the other is not; `Conflict` when somebody changed the incident's owner or state meanwhile.
    """
    pair = {
        at: one(at, actor=actor, verb="incident.work") for at in sorted({incident_id, to_id or incident_id})
    }
    origin = one(incident_id, actor=actor, verb="incident.work", version=version, touching=("state",))
    spans = _spans(origin, alert_ids)
    if to_id is None:
        target = _opened_for(origin, spans, actor=actor, now=now)
    else:
        target = pair[to_id]
        _check_target(origin, target)
    move = AlertMove.objects.create(
        origin=origin,
        target=target,
        span_ids=[span.id for span in spans],
        opened=to_id is None,
        moved_at=now,
        moved_by_id=actor.id if actor.is_human else None,
    )
    _carry(spans, origin, target, move, actor=actor, now=now, undone=False)
    if to_id is None:
        link(target.id, kind="related", other_id=origin.id, actor=actor, now=now)
    return move


@transaction.atomic
def undo_split(incident_id: int, *, actor: Actor, now: datetime) -> AlertMove:
    """Bring back what was last split off from the incident, or into it: alerts that are still there go back where they
    were. An incident that was opened for them, and has no others, is merged into the one that they came from."""
    one(incident_id, actor=actor, verb="incident.work")
    move = last_move(incident_id)
    if move is None:
        raise Invalid(_("No split is left to be undone here."))
    pair = {at: one(at, actor=actor, verb="incident.work") for at in sorted((move.origin_id, move.target_id))}
    origin, target = pair[move.origin_id], pair[move.target_id]
    if origin.state in (State.CLOSED, State.CANCELLED):
        raise Invalid(_("%(number)s is over: its alerts can't go back.") % {"number": origin.number})
    spans = list(
        AlertSpan.objects.filter(id__in=move.span_ids, incident=target)
        .select_for_update(of=("self",))
        .order_by("id")
    )
    if not spans:
        raise Invalid(_("None of these alerts is there any more."))
    move.undone_at = now
    move.save(update_fields=["undone_at"])
    _carry(spans, target, origin, move, actor=actor, now=now, undone=True)
    left = AlertSpan.objects.filter(incident=target).exists()
    if move.opened and not left and target.is_open:
        merge(target.id, origin.id, actor=actor, now=now)
    return move


def last_move(incident_id: int) -> AlertMove | None:
    """The last split off from this incident, or into it, that stands."""
    rows = AlertMove.objects.filter(undone_at=None)
    found = [
        rows.filter(**{side: incident_id}).order_by("-id").first() for side in ("origin_id", "target_id")
    ]
    return max((row for row in found if row is not None), key=lambda row: row.id, default=None)


def _spans(origin: Incident, alert_ids: Iterable[int]) -> list[AlertSpan]:
    """The spans of these alerts in the incident, locked; at least one other alert stays."""
    wanted = sorted(set(alert_ids))
    if not wanted:
        raise Invalid(_("Choose at least one alert."), {"alerts": _("Choose at least one.")})
    mine = AlertSpan.objects.filter(incident=origin)
    spans = list(
        mine.filter(alert_id__in=wanted)
        .select_for_update(of=("self",))
        .select_related("source")
        .order_by("id")[: MOST + 1]
    )
    if {span.alert_id for span in spans} != set(wanted):
        raise NotFound(_("One of these alerts is no longer part of this incident."))
    if len(spans) > MOST:
        raise Invalid(_("At most %(most)s alerts at once.") % {"most": MOST}, {"alerts": str(MOST)})
    if not mine.exclude(alert_id__in=wanted).exists():
        message = _("All its alerts would go: merge the incident instead.")
        raise Invalid(message, {"alerts": message})
    return spans


def _check_target(origin: Incident, target: Incident) -> None:
    message = ""
    if target.id == origin.id:
        message = _("Choose another incident.")
    elif target.merged_into_id is not None or target.state in (State.CLOSED, State.CANCELLED):
        message = _("%(number)s is over: alerts can't go there.") % {"number": target.number}
    elif target.security != origin.security:
        message = _("A security incident and an ordinary one don't share alerts.")
    if message:
        raise Invalid(message, {"to": message})


def _opened_for(origin: Incident, spans: Sequence[AlertSpan], *, actor: Actor, now: datetime) -> Incident:
    """A new incident that tells of the worst of them; received when the first of them was."""
    worst = min(spans, key=lambda span: (_rank(span.severity), span.first_seen_at, span.id))
    first = min(span.first_seen_at for span in spans)
    return register_one(
        Report(
            title=worst.title,
            description=worst.description,
            channel="SIEM" if origin.security else "monitoring",
            received_at=min(first, now),
            detected_at=min(*(span.started_at for span in spans), first, now),
            source_id=worst.source_id,
            service_id=worst.service_id,
            ci_id=worst.ci_id,
            group_id=origin.group_id if origin.security else None,
            degradation="down" if worst.severity == Severity.CRITICAL else "degraded",
            severity=worst.severity,
            security=origin.security,
            synthetic=origin.synthetic,
            why={"by": PERSON, "split_from": origin.id},
        ),
        actor=actor,
        now=now,
    )


def _rank(severity: str) -> int:
    return Severity(severity).rank if severity in SEVERITY_ORDER else len(SEVERITY_ORDER)


def _carry(
    spans: Sequence[AlertSpan],
    origin: Incident,
    target: Incident,
    move: AlertMove,
    *,
    actor: Actor,
    now: datetime,
    undone: bool,
) -> None:
    """Move the spans with their edges and keys; both incidents say so, and both are looked at as to their ending."""
    ids = [span.id for span in spans]
    why: dict[str, Any] = {"ground": PERSON, "incident": origin.id, "move": move.id}
    values: dict[str, Any] = {
        "target": target.id,
        "origin": origin.id,
        "spans": ids,
        "rule": PERSON,
        "why": json.dumps(why),
        "now": now,
        "apart": not undone,
    }
    with connection.cursor() as cursor:
        cursor.execute(MOVE, values)
        cursor.execute(EDGES, values)
    keys.move(origin.id, target.id, [arrival_of(span) for span in spans])
    due.unschedule(ending.KIND, [target.id, origin.id])
    _tell(spans, origin.id, target.id, move, why, actor=actor, now=now, undone=undone)
    ending.look([origin.id, target.id], now=now)


def _tell(
    spans: Sequence[AlertSpan],
    origin_id: int,
    target_id: int,
    move: AlertMove,
    why: dict[str, Any],
    *,
    actor: Actor,
    now: datetime,
    undone: bool,
) -> None:
    common: dict[str, Any] = {
        "actor": actor,
        "occurred_at": now,
        "why": why,
        "count": len(spans),
        "move_id": move.id,
        "undone": undone,
        "spans": [span.id for span in spans[:NAMED]],
    }
    worst = min((span.severity for span in spans), key=_rank)
    events: list[AlertsSplitOff | AlertsTakenOver] = []
    rows = locked([origin_id, target_id])
    for row in rows:
        row.version += 1
        if row.id == origin_id:
            events.append(
                AlertsSplitOff(subject_id=row.id, other_id=target_id, version=row.version, **common)
            )
            continue
        changes = {"severity": (row.severity, worst)} if _rank(worst) < _rank(row.severity) else {}
        row.severity = worst if changes else row.severity
        events.append(
            AlertsTakenOver(
                subject_id=row.id, other_id=origin_id, version=row.version, changes=changes, **common
            )
        )
        if changes:
            due.schedule("reassess", [(row.id, now)])
    save(rows, ["severity"], now=now)
    event_log.record(events, now=now)


def arrival_of(span: AlertSpan) -> Arrival:
    """A stored span as correlation compares it."""
    return Arrival(
        alert_id=span.alert_id,
        source_id=span.source_id,
        group=span.grouping_key,
        seen_at=span.first_seen_at,
        service_id=span.service_id,
        ci_id=span.ci_id,
        security=span.security,
        entities=tuple(entities_in(span.entities)),
        template=template_key_of(span.title),
    )


def entities_in(stored: Sequence[Any]) -> Iterable[Entity]:
    """Entities as a span keeps them (a list of objects); what is none of ours is left out."""
    for each in stored:
        if isinstance(each, dict) and each.get("kind") in set(EntityKind):
            yield Entity(EntityKind(each["kind"]), str(each.get("value", "")), str(each.get("role", "")))
