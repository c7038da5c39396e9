"""Major incidents: proposed by rule, declared by anyone on duty, withdrawn or ended by a person."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from firstline.core.actor import Actor
from firstline.core.content import save_text
from firstline.core.errors import Invalid
from firstline.incidents.actions.writing import change, commit, locked, one
from firstline.incidents.events import MajorDeclared, MajorEnded, MajorProposed, MajorWithdrawn, StatusPosted
from firstline.incidents.models import Incident, MajorIncident, StatusUpdate


@transaction.atomic
def propose(incident_id: int, *, actor: Actor, now: datetime, why: Mapping[str, Any]) -> Incident:
    """Say that this may be a major incident. Proposing twice changes nothing."""
    incident = (
        one(incident_id, actor=actor, verb="incident.work") if actor.is_human else locked([incident_id])[0]
    )
    if not incident.is_open or incident.major in ("proposed", "declared"):
        return incident
    changes = change(incident, now, major="proposed")
    MajorIncident.objects.update_or_create(
        incident=incident, defaults={"proposed_at": now, "withdrawn_at": None}
    )
    event = MajorProposed(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        why=why,
        version=incident.version + 1,
    )
    return commit(incident, changes, [event], now=now)


@transaction.atomic
def declare(
    incident_id: int, *, actor: Actor, now: datetime, commander_id: int | None = None, every_minutes: int = 30
) -> Incident:
    """It is a major incident, led by `commander` (by default who declares). Updates are due each `every_minutes`."""
    incident = one(incident_id, actor=actor, verb="incident.major.declare")
    if not incident.is_open:
        raise Invalid(f"{incident.number} is {incident.state}; only an open incident can be major.")
    if incident.major == "declared":
        return incident
    commander = commander_id if commander_id is not None else actor.id if actor.is_human else None
    changes = change(incident, now, major="declared")
    MajorIncident.objects.update_or_create(
        incident=incident,
        defaults={
            "declared_at": now,
            "withdrawn_at": None,
            "ended_at": None,
            "commander_id": commander,
            "update_every_minutes": every_minutes,
            "next_update_at": now + timedelta(minutes=every_minutes),
        },
    )
    event = MajorDeclared(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        commander_id=commander,
        version=incident.version + 1,
    )
    return commit(incident, changes, [event], now=now)


@transaction.atomic
def withdraw(incident_id: int, *, reason: str, actor: Actor, now: datetime) -> Incident:
    """It is none, says a lead or manager, with the reason."""
    incident = one(incident_id, actor=actor, verb="incident.major.withdraw")
    if incident.major not in ("proposed", "declared"):
        raise Invalid("This is no major incident.")
    if not reason.strip():
        raise Invalid("Say why.", {"reason": "needed"})
    changes = change(incident, now, major="withdrawn")
    MajorIncident.objects.filter(incident=incident).update(withdrawn_at=now, next_update_at=None)
    event = MajorWithdrawn(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        content_id=save_text(reason, now=now),
        version=incident.version + 1,
    )
    return commit(incident, changes, [event], now=now)


@transaction.atomic
def end(incident_id: int, *, actor: Actor, now: datetime) -> Incident:
    """The major part is over; the incident goes on to its closure."""
    incident = one(incident_id, actor=actor, verb="incident.major.declare")
    if incident.major != "declared":
        raise Invalid("This is no major incident.")
    changes = change(incident, now, major="over")
    MajorIncident.objects.filter(incident=incident).update(ended_at=now, next_update_at=None)
    event = MajorEnded(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        version=incident.version + 1,
    )
    return commit(incident, changes, [event], now=now)


@transaction.atomic
def post_status(incident_id: int, body: str, *, actor: Actor, now: datetime) -> StatusUpdate:
    """Tell stakeholders how it stands; the update clock starts again."""
    incident = one(incident_id, actor=actor, verb="incident.publish")
    if not body.strip():
        raise Invalid("Write how it stands.", {"body": "empty"})
    row = StatusUpdate.objects.create(
        incident=incident,
        content_id=save_text(body.strip(), now=now),
        author_id=actor.id if actor.is_human else None,
        created_at=now,
    )
    facts = MajorIncident.objects.filter(incident=incident, declared_at__isnull=False, ended_at=None).first()
    if facts is not None:
        facts.next_update_at = now + timedelta(minutes=facts.update_every_minutes)
        facts.save(update_fields=["next_update_at"])
    event = StatusPosted(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        content_id=row.content_id,
        status_update_id=row.id,
        version=incident.version + 1,
    )
    commit(incident, {}, [event], now=now)
    return row
