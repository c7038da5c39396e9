"""Every read of the catalogue."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from django.db.models import Count, F, Prefetch, Q, QuerySet

from firstline.accounts.viewer import Viewer
from firstline.catalog import graph
from firstline.catalog.calendar import ALWAYS, Calendar
from firstline.catalog.models import (
    BusinessCalendar,
    CalendarVersion,
    Category,
    Change,
    ConfigurationItem,
    GroupHours,
    ResolutionCode,
    Service,
    ServiceDependency,
)
from firstline.core.errors import NotFound


def services(
    viewer: Viewer, text: str = "", *, synthetic: bool = False, inactive: bool = False
) -> QuerySet[Service]:
    """Services by name, with their owner and group."""
    viewer.require("service.read")
    found = Service.objects.select_related("owner", "group").order_by("name", "id")
    if not synthetic:
        found = found.filter(synthetic=False)
    if not inactive:
        found = found.filter(active=True)
    for word in text.split():
        found = found.filter(Q(name__icontains=word) | Q(description__icontains=word))
    return found


def portal_services() -> QuerySet[Service]:
    """What a caller may choose from; no viewer, as the portal's report needs no account."""
    return Service.objects.filter(active=True, in_portal=True, synthetic=False).order_by("name", "id")


def service(viewer: Viewer, service_id: int) -> Service:
    viewer.require("service.read")
    found = Service.objects.select_related("owner", "group", "calendar").filter(id=service_id).first()
    if found is None:
        raise NotFound("There is no such service.")
    return found


def needs(viewer: Viewer, service_id: int) -> list[Service]:
    """What this service needs directly."""
    viewer.require("service.read")
    return list(Service.objects.filter(needed_by__service_id=service_id).order_by("name"))


def edges() -> list[tuple[int, int]]:
    """The whole dependency graph as (service, upstream); some thousand pairs at most."""
    return list(ServiceDependency.objects.order_by("id").values_list("service_id", "upstream_id"))


def upstream(service_id: int) -> dict[int, int]:
    """Ids of the services that this one needs, with how many steps away, nearest first."""
    return graph.reach(service_id, edges())


def downstream(service_id: int) -> dict[int, int]:
    """Ids of the services that need this one, with how many steps away, nearest first."""
    return graph.reach(service_id, graph.turned(edges()))


def items(viewer: Viewer, text: str = "") -> QuerySet[ConfigurationItem]:
    viewer.require("service.read")
    found = ConfigurationItem.objects.select_related("service").order_by("name", "id")
    for word in text.split():
        found = found.filter(
            Q(name__icontains=word) | Q(kind__icontains=word) | Q(service__name__icontains=word)
        )
    return found


def item(viewer: Viewer, item_id: int) -> ConfigurationItem:
    viewer.require("service.read")
    found = ConfigurationItem.objects.select_related("service").filter(id=item_id).first()
    if found is None:
        raise NotFound("There is no such configuration item.")
    return found


def item_named(name: str) -> ConfigurationItem | None:
    """The item that a signal means: by name, else by one of its aliases."""
    if not name:
        return None
    named = ConfigurationItem.objects.filter(name__iexact=name).first()
    return named or ConfigurationItem.objects.filter(aliases__contains=[name]).first()


def service_named(name: str) -> Service | None:
    """The service that a signal means, by name or slug."""
    if not name:
        return None
    return (
        Service.objects.filter(Q(name__iexact=name) | Q(slug__iexact=name), active=True)
        .order_by("id")
        .first()
    )


def categories(viewer: Viewer, *, inactive: bool = False) -> QuerySet[Category]:
    """The tree in the order of its paths."""
    viewer.require("incident.read")
    found = Category.objects.select_related("group", "service", "parent").order_by("path")
    return found if inactive else found.filter(active=True)


def category(viewer: Viewer, category_id: int) -> Category:
    viewer.require("incident.read")
    found = Category.objects.select_related("group", "service", "parent").filter(id=category_id).first()
    if found is None:
        raise NotFound("There is no such category.")
    return found


def resolution_codes(viewer: Viewer, *, inactive: bool = False) -> QuerySet[ResolutionCode]:
    viewer.require("incident.read")
    found = ResolutionCode.objects.order_by("name", "id")
    return found if inactive else found.filter(active=True)


def resolution_code(viewer: Viewer, code_id: int) -> ResolutionCode:
    viewer.require("incident.read")
    found = ResolutionCode.objects.filter(id=code_id).first()
    if found is None:
        raise NotFound("There is no such resolution code.")
    return found


def changes(viewer: Viewer) -> QuerySet[Change]:
    """All changes, the latest first; one without an instant counts at its planned start."""
    viewer.require("service.read")
    found = Change.objects.select_related("service", "ci").annotate(at=F("happened_at"))
    return found.order_by(F("happened_at").desc(nulls_first=True), "-id")


def change(viewer: Viewer, change_id: int) -> Change:
    viewer.require("service.read")
    found = Change.objects.select_related("service", "ci").filter(id=change_id).first()
    if found is None:
        raise NotFound("There is no such change.")
    return found


def recent_changes(
    service_ids: Iterable[int], ci_id: int | None, *, before: datetime, within: timedelta, limit: int = 20
) -> list[Change]:
    """What was changed on these services or this item in the time before an instant, the latest first.

    Planned work whose window contains the instant counts as well, cancelled changes never.
    """
    on = Q(service_id__in=list(service_ids))
    if ci_id is not None:
        on |= Q(ci_id=ci_id)
    happened = Q(happened_at__gt=before - within, happened_at__lte=before)
    under_way = Q(happened_at=None, planned_start__lte=before, planned_end__gte=before)
    found = Change.objects.filter(on, happened | under_way).exclude(state="cancelled")
    found = found.select_related("service", "ci").order_by(F("happened_at").desc(nulls_first=True), "-id")
    return list(found[:limit])


def calendars(viewer: Viewer) -> QuerySet[BusinessCalendar]:
    """Calendars, each with the version in force as `in_force[0]` and how many versions there were."""
    viewer.require("service.read")
    current = Prefetch("versions", CalendarVersion.objects.filter(valid_to=None), to_attr="in_force")
    return (
        BusinessCalendar.objects.prefetch_related(current).annotate(edits=Count("versions")).order_by("name")
    )


def calendar(viewer: Viewer, calendar_id: int) -> BusinessCalendar:
    found = calendars(viewer).filter(id=calendar_id).first()
    if found is None:
        raise NotFound("There is no such calendar.")
    return found


def calendar_version(calendar_id: int, at: datetime) -> CalendarVersion | None:
    """The version that was in force at an instant; before the first one, the first."""
    versions = CalendarVersion.objects.filter(calendar_id=calendar_id).order_by("valid_from")
    return versions.filter(valid_from__lte=at).last() or versions.first()


def calendar_at(calendar_id: int | None, at: datetime) -> Calendar:
    """What a calendar said at an instant; without one: always."""
    version = calendar_version(calendar_id, at) if calendar_id is not None else None
    return ALWAYS if version is None else msgspec.convert(version.definition, Calendar)


def group_calendar_id(group_id: int) -> int | None:
    """The calendar of a group's hours, None when nothing is said."""
    return GroupHours.objects.filter(group_id=group_id).values_list("calendar_id", flat=True).first()


def group_calendar(group_id: int, at: datetime) -> Calendar:
    """When a group works, as it was at an instant."""
    return calendar_at(group_calendar_id(group_id), at)
