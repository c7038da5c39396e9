"""The queue and everything that lists incidents:

selection, order, counts, saved views, why a place in the queue.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils.translation import gettext as _

from firstline.accounts.models import SupportGroup
from firstline.accounts.viewer import Viewer
from firstline.core import installation
from firstline.core.pagination import Page, paginate
from firstline.desk import filters
from firstline.desk.filters import Filter
from firstline.desk.models import SavedView, Seen
from firstline.incidents import queue_order
from firstline.incidents.lifecycle import OPEN
from firstline.incidents.models import Incident, Watcher
from firstline.incidents.visibility import visible
from firstline.sla.models import Clock

COUNTED_TO = 999
PAGE = 50
NEAR = timedelta(minutes=30)
ORDERS: dict[str, tuple[str, ...]] = {
    "work_next": ("work_next_at", "id"),
    "updated": ("-updated_at", "-id"),
    "opened": ("-registered_at", "-id"),
    "resolved": ("-resolved_at", "-id"),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a list.

    `clock`: the target that matters now; `unread`: changed since this person looked.
    """

    incident: Incident
    clock: Clock | None
    unread: bool


@dataclass(frozen=True, kw_only=True)
class Queue:
    rows: list[Row]
    next: str | None
    sort: str


@dataclass(frozen=True, kw_only=True)
class View:
    """A tab of the queue. `id` is None for those that everybody has."""

    name: str
    query: str
    id: int | None = None
    owner: str = ""  # personal, group, shared; empty for built-in
    hot: bool = False


def select(viewer: Viewer, wanted: Filter, *, now: datetime) -> QuerySet[Incident]:
    """The incidents that match and that the viewer may see, in no order. Synthetic ones never."""
    found = visible(viewer).filter(synthetic=False).filter(_states(wanted))
    for key, condition in _CONDITIONS.items():
        if values := wanted.values(key):
            any_of = Q(pk__in=[])
            for value in values:
                any_of |= condition(value, now)
            found = found.filter(any_of)
    for flag in wanted.values("is"):
        if flag in _FLAGS:
            found = found.filter(_FLAGS[flag](viewer, now))
    for value in wanted.values("owner"):
        found = found.filter(_owner(viewer, value))
    return found.filter(_text(wanted)) if wanted.text else found


def queue(
    viewer: Viewer,
    wanted: Filter,
    *,
    now: datetime,
    sort: str = "",
    cursor: str | None = None,
    size: int = PAGE,
) -> Queue:
    """A page of the list: three queries, however long it is. `Invalid` for a damaged cursor.

    Sorted by *work next* where only open incidents can match, by the last change otherwise.
    """
    order = sort if sort in ORDERS else "work_next" if wanted.only_open else "updated"
    page: Page[Incident] = paginate(
        _whole(select(viewer, wanted, now=now)), ORDERS[order], cursor=cursor, size=size
    )
    return Queue(rows=_rows(viewer, page.rows), next=page.next, sort=order)


def rows(viewer: Viewer, incident_ids: Sequence[int]) -> list[Row]:
    """These rows, for a page that shows them already.

    At most 200; those that are gone or hidden are left out.
    """
    return _rows(viewer, list(_whole(visible(viewer).filter(id__in=list(incident_ids)[:200]))))


def counts(viewer: Viewer, wanted: Sequence[Filter], *, now: datetime) -> list[int]:
    """How many match each filter, exact to 999 and 1000 beyond: one query for all of them."""
    if not wanted:
        return []
    parts: list[str] = []
    parameters: list[Any] = []
    for one in wanted:
        limited = select(viewer, one, now=now).order_by().values("pk")[: COUNTED_TO + 1]
        sql, values = limited.query.sql_with_params()
        parts.append(f"(SELECT count(*) FROM ({sql}) AS counted)")  # noqa: S608 - the ORM's own SQL
        parameters.extend(values)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", parameters)
        return [int(number) for number in cursor.fetchone()]


def newcomers(viewer: Viewer, wanted: Filter, *, since: datetime, now: datetime) -> int:
    """How many incidents of this list were registered after `since`, counted to 1000."""
    fresh = select(viewer, wanted, now=now).filter(registered_at__gt=since)
    return fresh.order_by()[: COUNTED_TO + 1].count()


def views(viewer: Viewer) -> list[View]:
    """The tabs:

    the viewer's groups, what everybody needs, then saved views: personal, of their groups, shared.
    """
    mine = SupportGroup.objects.filter(id__in=viewer.groups, synthetic=False).order_by("line", "name")
    found = [View(name=group.name, query=f"is:open group:{group.slug}") for group in mine[:4]]
    found += [
        View(name=_("Mine"), query="is:open owner:me"),
        View(name=_("Unassigned"), query="is:open is:unassigned", hot=True),
        View(name=_("Breaching soon"), query="is:open is:risk", hot=True),
        View(name=_("Waiting for caller"), query="is:open is:waiting"),
        View(name=_("Major"), query="is:open is:major", hot=True),
        View(name=_("All open"), query="is:open"),
    ]
    return found + [_saved(view) for view in saved_views(viewer)[:12]]


def saved_views(viewer: Viewer) -> QuerySet[SavedView]:
    """Saved views that the viewer may use."""
    own = Q(person_id=viewer.person_id) if viewer.person_id else Q(pk__in=[])
    shared = Q(person=None, group=None)
    return SavedView.objects.filter(own | shared | Q(group_id__in=viewer.groups)).select_related("group")


def explain(viewer: Viewer, incident: Incident) -> queue_order.Position:
    """Why an open incident stands where it stands: the terms of its `work_next_at`."""
    targets = Clock.objects.filter(incident=incident, state="running", due_at__isnull=False)
    return queue_order.position(
        order_in_force(),
        priority=incident.priority,
        registered_at=incident.registered_at,
        targets=[due for due in targets.values_list("due_at", flat=True) if due is not None],
    )


def order_in_force() -> queue_order.Order:
    """Patience and boost as the administrator set them."""
    return queue_order.Order.from_settings(
        installation.get("patience_hours"), installation.get("boost_minutes")
    )


def place(viewer: Viewer, incident: Incident, *, now: datetime) -> int | None:
    """How many open incidents of the same group come before this one, counted to 1000;

    None if it isn't open.
    """
    if incident.work_next_at is None or not incident.is_open:
        return None
    before = Q(work_next_at__lt=incident.work_next_at) | Q(
        work_next_at=incident.work_next_at, id__lt=incident.id
    )
    same = visible(viewer).filter(synthetic=False, state__in=OPEN, group_id=incident.group_id).filter(before)
    return same.order_by()[: COUNTED_TO + 1].count()


def _saved(view: SavedView) -> View:
    owner = "personal" if view.person_id else "group" if view.group_id else "shared"
    return View(name=view.name, query=view.query, id=view.pk, owner=owner)


def _whole(found: QuerySet[Incident]) -> QuerySet[Incident]:
    """With what a row shows; the clocks come with one more query."""
    clocks = Clock.objects.filter(target__in=("response", "resolution"))
    return (
        found.select_related("service", "group", "assignee", "caller")
        .defer("search", "description", "resolution_notes", "cause", "public_status")
        .prefetch_related(Prefetch("clocks", queryset=clocks, to_attr="targets"))
    )


def _rows(viewer: Viewer, incidents: Sequence[Incident]) -> list[Row]:
    seen: dict[int, int] = {}
    if viewer.person_id is not None and incidents:
        looked = Seen.objects.filter(person_id=viewer.person_id, incident_id__in=[i.pk for i in incidents])
        seen = dict(looked.values_list("incident_id", "version"))
    return [
        Row(
            incident=incident,
            clock=_clock_that_matters(getattr(incident, "targets", [])),
            unread=seen.get(incident.pk, 0) < incident.version,
        )
        for incident in incidents
    ]


def _clock_that_matters(clocks: Sequence[Clock]) -> Clock | None:
    """The running target that is due first; else the resolution target, paused or over."""
    running = [clock for clock in clocks if clock.state == "running" and clock.due_at is not None]
    if running:
        return min(running, key=lambda clock: (clock.due_at, clock.pk))
    return next((clock for clock in clocks if clock.target == "resolution"), None)


def _states(wanted: Filter) -> Q:
    flags = wanted.values("is")
    if states := wanted.values("state"):
        return Q(state__in=states)
    if "closed" in flags:
        return Q(state__in=("closed", "cancelled"))
    return Q(state__in=sorted(OPEN)) if wanted.only_open else Q()


def _text(wanted: Filter) -> Q:
    """Words by prefix in title, description and resolution; a number by itself finds that incident too."""
    words = filters.words(wanted.text)
    if not words:
        return Q(pk__in=[])
    matches = Q(
        search=SearchQuery(" & ".join(f"{word}:*" for word in words), search_type="raw", config="simple")
    )
    return matches | Q(pk=wanted.number) if wanted.number is not None else matches


def _owner(viewer: Viewer, value: str) -> Q:
    if value == "me":
        return Q(assignee_id=viewer.person_id) if viewer.person_id else Q(pk__in=[])
    if value == "none":
        return Q(assignee=None)
    return Q(assignee__email__iexact=value)


def _during(field: str, value: str, now: datetime) -> Q:
    start, end = filters.span(value, now=now)
    found = Q()
    if start is not None:
        found &= Q(**{f"{field}__gte": start})
    if end is not None:
        found &= Q(**{f"{field}__lt": end})
    return found


def _running(**conditions: object) -> Q:
    clocks = Clock.objects.filter(incident=OuterRef("pk"), state="running", **conditions)
    return Q(Exists(clocks))


_CONDITIONS: dict[str, Callable[[str, datetime], Q]] = {
    "priority": lambda value, now: Q(priority=int(value[1:])),
    "group": lambda value, now: Q(group__slug=value),
    "service": lambda value, now: Q(service__slug=value),
    "category": lambda value, now: Q(category__path=value) | Q(category__path__startswith=f"{value} ›"),
    "caller": lambda value, now: Q(caller__email__iexact=value) | Q(caller__name__icontains=value),
    "hold": lambda value, now: Q(state="on_hold", hold_reason=value),
    "channel": lambda value, now: Q(channel=value),
    "opened": lambda value, now: _during("registered_at", value, now),
    "resolved": lambda value, now: _during("resolved_at", value, now),
    "closed": lambda value, now: _during("closed_at", value, now),
    "how": lambda value, now: Q(closed_how=value),
}
_FLAGS: dict[str, Callable[[Viewer, datetime], Q]] = {
    "mine": lambda viewer, now: _owner(viewer, "me"),
    "unassigned": lambda viewer, now: Q(assignee=None),
    "major": lambda viewer, now: Q(major__in=("proposed", "declared")),
    "security": lambda viewer, now: Q(security=True),
    "late": lambda viewer, now: _running(due_at__lte=now),
    "risk": lambda viewer, now: _running(due_at__lte=now + NEAR) | _warned(),
    "waiting": lambda viewer, now: Q(state="on_hold", hold_reason="caller"),
    "replied": lambda viewer, now: Q(caller_replied_at__isnull=False),
    "reopened": lambda viewer, now: Q(reopenings__gt=0),
    "request": lambda viewer, now: Q(kind="request"),
    "unread": lambda viewer, now: (
        ~Q(
            Exists(
                Seen.objects.filter(
                    incident=OuterRef("pk"), person_id=viewer.person_id or 0, version__gte=OuterRef("version")
                )
            )
        )
    ),
    "watched": lambda viewer, now: Q(
        Exists(Watcher.objects.filter(incident=OuterRef("pk"), person_id=viewer.person_id or 0))
    ),
}


def _warned() -> Q:
    """A running target of which somebody has already been warned."""
    return Q(Exists(Clock.objects.filter(~Q(warned=[]), incident=OuterRef("pk"), state="running")))
