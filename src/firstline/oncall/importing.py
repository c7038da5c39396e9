"""A calendar file as a layer of a schedule."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from firstline.catalog.editing import found
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.oncall import configure, ics
from firstline.oncall.duty_queries import known_names
from firstline.oncall.models import Schedule, ScheduleVersion
from firstline.oncall.schedule import Layer
from firstline.oncall.schedule import Schedule as Document

BEHIND, AHEAD = timedelta(days=1), timedelta(days=400)


def layer_from_calendar(
    schedule_id: int, *, layer: str, text: str, actor: Actor, now: datetime
) -> ics.ReadShifts:
    """The shifts of a calendar file, for 400 days from now, as the fixed shifts of a layer.

    A layer of this name gets these shifts instead of its own; a new one lies on top of the others. `Invalid` says why a
    file can't be used.
    """
    row = found(Schedule, schedule_id, "schedule")
    if not layer.strip():
        raise Invalid("A layer has a name.", {"layer": "needed"})
    zone = ZoneInfo(row.zone)
    try:
        read = ics.read(text, known_names(), zone, now - BEHIND, now + AHEAD)
    except ics.NotACalendar as error:
        raise Invalid(f"{str(error)[:1].upper()}{str(error)[1:]}.", {"file": "not usable"}) from error
    document = msgspec.convert(
        ScheduleVersion.objects.get(schedule_id=schedule_id, valid_to=None).definition, Document
    )
    configure.edit_schedule(
        schedule_id,
        name=row.name,
        group_id=row.group_id,
        definition=_with(document, layer.strip(), read),
        actor=actor,
        now=now,
    )
    return read


def _with(document: Document, name: str, read: ics.ReadShifts) -> Document:
    fresh = Layer(name=name, shifts=read.shifts)
    if any(layer.name == name for layer in document.layers):
        layers = tuple(
            msgspec.structs.replace(layer, rotation=None, shifts=read.shifts) if layer.name == name else layer
            for layer in document.layers
        )
    else:
        layers = (*document.layers, fresh)
    return msgspec.structs.replace(document, layers=layers)
