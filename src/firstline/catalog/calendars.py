"""Every write to calendars and to whose hours they are. An edit is a new version; the past keeps its own."""

from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction

from firstline.accounts.viewer import viewer_for
from firstline.catalog.calendar import Calendar
from firstline.catalog.editing import authorise, check_seen, found, unique
from firstline.catalog.models import BusinessCalendar, CalendarVersion, GroupHours
from firstline.core import config_log
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.core.event_log import plain


def calendar_from(definition: Any) -> Calendar:
    """The calendar that this JSON is; `Invalid` says what is wrong with it."""
    try:
        return msgspec.convert(definition, Calendar)
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(f"This is not a calendar: {error}.", {"definition": str(error)}) from error


@transaction.atomic
def create_calendar(*, name: str, definition: Calendar, actor: Actor, now: datetime) -> BusinessCalendar:
    """Add a calendar, in force from `now` on and before it as well (nothing else was ever there)."""
    authorise(actor, "configuration.edit")
    calendar = BusinessCalendar(name=name.strip())
    unique(BusinessCalendar, calendar, "name", "calendar")
    calendar.save()
    _add_version(calendar, definition, 1, actor, now)
    config_log.changed(
        "calendar",
        calendar.id,
        actor=actor,
        now=now,
        before=None,
        after={"name": calendar.name, "definition": _stored(definition)},
    )
    return calendar


@transaction.atomic
def edit_calendar(
    calendar_id: int, *, name: str, definition: Calendar, actor: Actor, now: datetime, seen: str = ""
) -> BusinessCalendar:
    """Rename it, and where the hours differ put a new version in force from `now` on."""
    authorise(actor, "configuration.edit")
    calendar = found(BusinessCalendar, calendar_id, "calendar")
    current = CalendarVersion.objects.select_for_update().filter(calendar=calendar, valid_to=None).get()
    before = {"name": calendar.name, "definition": current.definition}
    check_seen(before, seen)
    calendar.name = name.strip()
    unique(BusinessCalendar, calendar, "name", "calendar")
    calendar.save()
    stored = _stored(definition)
    if stored != current.definition:
        CalendarVersion.objects.filter(id=current.id).update(valid_to=now)
        _add_version(calendar, definition, current.number + 1, actor, now)
    after = {"name": calendar.name, "definition": stored}
    config_log.changed("calendar", calendar.id, actor=actor, now=now, before=before, after=after)
    return calendar


@transaction.atomic
def set_group_hours(group_id: int, calendar_id: int | None, *, actor: Actor, now: datetime) -> None:
    """Say when a group works (None: always). Its leads may, and administrators."""
    if actor.is_human and group_id not in viewer_for(actor).leads:
        authorise(actor, "configuration.edit")
    before = GroupHours.objects.filter(group_id=group_id).values_list("calendar_id", flat=True).first()
    if calendar_id is None:
        GroupHours.objects.filter(group_id=group_id).delete()
    else:
        found(BusinessCalendar, calendar_id, "calendar")
        GroupHours.objects.update_or_create(group_id=group_id, defaults={"calendar_id": calendar_id})
    config_log.changed(
        "group", group_id, actor=actor, now=now, before={"hours": before}, after={"hours": calendar_id}
    )


def _add_version(
    calendar: BusinessCalendar, definition: Calendar, number: int, actor: Actor, now: datetime
) -> CalendarVersion:
    return CalendarVersion.objects.create(
        calendar=calendar,
        number=number,
        definition=_stored(definition),
        valid_from=now,
        created_by_id=actor.id if actor.is_human else None,
    )


def _stored(definition: Calendar) -> Any:
    """As JSON gives it back: lists, never tuples."""
    return plain(msgspec.to_builtins(definition))
