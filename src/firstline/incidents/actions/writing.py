"""What every write does: lock, check rights and version, change fields, save, record, tell open pages."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F
from psycopg import sql

from firstline.accounts.models import Person
from firstline.accounts.viewer import viewer_for
from firstline.core import event_log, installation, live
from firstline.core.actor import Actor, ActorKind
from firstline.core.content import save_text, texts
from firstline.core.errors import Conflict, NotFound
from firstline.core.models import Event
from firstline.incidents.events import IncidentEvent
from firstline.incidents.lifecycle import OPEN
from firstline.incidents.models import Incident
from firstline.incidents.queue_order import Order, position
from firstline.incidents.visibility import own, visibility_class, visible

TEXT_FIELDS = frozenset(
    {
        "title",
        "description",
        "resolution_notes",
        "cause",
        "public_title",
        "public_status",
        "caller_phone",
        "caller_place",
    }
)
Changes = dict[str, tuple[Any, Any]]


def locked(ids: Iterable[int]) -> list[Incident]:
    """These incidents, locked in the order of their ids so that two batches never wait for each other."""
    return list(
        Incident.objects.select_for_update(of=("self",))
        .defer("search")
        .filter(id__in=list(ids))
        .order_by("id")
    )


def one(
    incident_id: int,
    *,
    actor: Actor,
    verb: str,
    version: int | None = None,
    touching: Sequence[str] = (),
) -> Incident:
    """Lock one incident for an actor's write.

    `NotFound` when the actor may not know of it, `NotAllowed` when the role doesn't include `verb`, `Conflict` when
    a field that this write is `touching` was changed after `version`.
    """
    if actor.kind in (ActorKind.PERSON, ActorKind.MACHINE):
        viewer = viewer_for(actor)
        viewer.require(verb)
        reachable = own(viewer) if verb == "incident.own" else visible(viewer)
        if not reachable.filter(id=incident_id).exists():
            raise NotFound("There is no such incident.")
    found = locked([incident_id])
    if not found:
        raise NotFound("There is no such incident.")
    incident = found[0]
    if version is not None and version != incident.version:
        _refuse_conflict(incident, version, touching)
    return incident


def _refuse_conflict(incident: Incident, seen: int, touching: Sequence[str]) -> None:
    later = Event.objects.filter(
        subject_type="incident", subject_id=incident.id, data__version__gt=seen
    ).order_by("id")
    theirs: dict[str, object] = {}
    for event in later:
        for name in set(event.changes) & set(touching):
            theirs[name] = {
                "value": _shown(event.changes[name][1]),
                "by": _who(event),
                "at": event.occurred_at.isoformat(),
            }
    if theirs:
        raise Conflict(
            "Somebody changed this meanwhile: "
            + ", ".join(sorted(theirs))
            + ". Look at their change, then decide.",
            theirs,
        )


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping) and "text" in value:
        return texts([value["text"]]).get(value["text"], "")
    return value


def _who(event: Event) -> str:
    if event.actor_kind == ActorKind.PERSON and event.actor_id is not None:
        return Person.objects.filter(id=event.actor_id).values_list("name", flat=True).first() or ""
    return event.actor_kind


def change(incident: Incident, now: datetime, **values: Any) -> Changes:
    """Set fields, return what really changed as {field: (from, to)}; texts become references to `content`."""
    changes: Changes = {}
    for name, value in values.items():
        before = getattr(incident, name)
        if before == value:
            continue
        setattr(incident, name, value)
        changes[name] = (
            (None, {"text": save_text(str(value), now=now)} if value else None)
            if name in TEXT_FIELDS
            else (before, value)
        )
    return changes


def save(incidents: Sequence[Incident], fields: Iterable[str], *, now: datetime) -> None:
    """Write these fields of these incidents, with their new version. `version` is already raised by `bump`."""
    names = {*fields, "version", "updated_at"}
    for incident in incidents:
        incident.updated_at = now
    if len(incidents) == 1:
        incidents[0].save(update_fields=names)
    elif incidents:
        write_rows(incidents, names)
    for incident in incidents:
        live.nudge("incident", incident.id, incident.version, visibility_class(incident))


def write_rows(incidents: Sequence[Incident], fields: Iterable[str]) -> None:
    """Write these fields of many locked incidents in one statement, whose length doesn't grow with their number
    (Django's bulk_update builds a CASE with one branch per row and field)."""
    columns = [field for field in Incident._meta.concrete_fields if {field.name, field.attname} & set(fields)]
    if not incidents or not columns:
        return
    arrays = [
        [column.get_db_prep_save(getattr(incident, column.attname), connection) for incident in incidents]
        for column in columns
    ]
    names = [sql.Identifier(str(column.column)) for column in columns]
    assigned: list[sql.Composable] = [sql.SQL("{0} = new.{0}").format(name) for name in names]
    types = [sql.SQL(f"%s::{column.db_type(connection)}[]") for column in columns]
    statement = sql.SQL(
        "UPDATE incident SET {} FROM unnest({}) AS new(row, {}) WHERE incident.id = new.row"
    ).format(
        sql.SQL(", ").join(assigned),
        sql.SQL(", ").join([sql.SQL("%s::bigint[]"), *types]),
        sql.SQL(", ").join(names),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [[incident.id for incident in incidents], *arrays])


def store(
    incident: Incident, fields: Iterable[str], events: Sequence[IncidentEvent], *, now: datetime
) -> Incident:
    """Save one incident that a verb has changed (its version is raised) and record what happened, if anything did."""
    if events:
        save([incident], fields, now=now)
        event_log.record(events, now=now)
    return incident


def commit(
    incident: Incident, changes: Changes, events: Sequence[IncidentEvent], *, now: datetime
) -> Incident:
    """Save one incident with its changes and record its events (their `version` must be `incident.version + 1`)."""
    incident.version += 1
    save([incident], changes, now=now)
    event_log.record(events, now=now)
    return incident


def order_in_force() -> Order:
    settings = installation.get_all()
    return Order.from_settings(settings["patience_hours"], settings["boost_minutes"])


def place_in_queue(incident: Incident, order: Order, targets: Sequence[datetime] = ()) -> None:
    """Set `work_next_at` of an open incident; nothing otherwise."""
    if incident.state in OPEN:
        incident.work_next_at = position(
            order, priority=incident.priority, registered_at=incident.registered_at, targets=targets
        ).at


def set_targets(targets: Mapping[int, Sequence[datetime]]) -> None:
    """Move incidents in the queue after their running targets changed: {incident id: due instants}. No event: the
    position is a cache of clocks and priority."""
    order = order_in_force()
    rows = locked(targets)
    for incident in rows:
        place_in_queue(incident, order, targets[incident.id])
    write_rows(rows, ["work_next_at"])


def bump_versions(ids: Iterable[int]) -> None:
    Incident.objects.filter(id__in=list(ids)).update(version=F("version") + 1)
