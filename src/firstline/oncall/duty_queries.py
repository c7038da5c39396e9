"""Reads about duties across schedules: a person's shifts, feeds, load, offers to swap, the ledger of pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from firstline.accounts.models import Person
from firstline.accounts.viewer import Viewer
from firstline.incidents.visibility import visible
from firstline.notifications.models import Delivery
from firstline.oncall.directory import Directory
from firstline.oncall.ics import Duty
from firstline.oncall.load import Assigned, Double, Load, Paged, doubles, loads
from firstline.oncall.models import Page, Schedule, SwapRequest
from firstline.oncall.queries import names_of, schedules
from firstline.oncall.schedule import OnDuty

BEHIND, AHEAD = timedelta(days=31), timedelta(days=186)
MOST_SCHEDULES = 200
MOST_PAGES = 100_000


@dataclass(frozen=True, slots=True)
class Shift:
    """A duty of one person and the schedule that it is of."""

    schedule: Schedule
    duty: OnDuty


def shifts_of(viewer: Viewer, person_id: int, start: datetime, end: datetime) -> list[Shift]:
    """One person's duties in all schedules that touch `[start, end)`, the earliest first."""
    found = [
        Shift(row, duty)
        for row, duties in _all_duties(viewer, start, end)
        for duty in duties
        if duty.person == person_id
    ]
    return sorted(found, key=lambda shift: (shift.duty.start, shift.schedule.id))


def _all_duties(viewer: Viewer, start: datetime, end: datetime) -> Iterator[tuple[Schedule, list[OnDuty]]]:
    directory = Directory()
    for row in schedules(viewer)[:MOST_SCHEDULES]:
        yield row, directory.on_duty(row.id, start, end)


def feed_of_person(viewer: Viewer, person_id: int, now: datetime) -> list[Duty]:
    """A month back and half a year ahead, for a calendar. What had begun before is left out: its beginning, which
    names the entry, isn't in what was asked.
    """
    start = now - BEHIND
    return [
        _entry(shift.schedule, shift.duty, _("On call: %(schedule)s") % {"schedule": shift.schedule.name})
        for shift in shifts_of(viewer, person_id, start, now + AHEAD)
        if shift.duty.start > start
    ]


def feed_of_schedule(viewer: Viewer, row: Schedule, now: datetime) -> list[Duty]:
    """Everybody's duties of one schedule, in the same stretch of time."""
    viewer.require("oncall.read")
    start = now - BEHIND
    duties = [duty for duty in Directory().on_duty(row.id, start, now + AHEAD) if duty.start > start]
    names = names_of({duty.person for duty in duties})
    return [_entry(row, duty, names.get(duty.person, f"#{duty.person}")) for duty in duties]


def _entry(row: Schedule, duty: OnDuty, summary: str) -> Duty:
    because = {
        "layer": _("Layer %(name)s") % {"name": duty.because.name},
        "override": _("Override"),
        "swap": _("Swap"),
    }[duty.because.kind]
    return Duty(
        schedule_id=row.id,
        person=duty.person,
        start=duty.start,
        end=duty.end,
        summary=summary,
        description=f"{row.name}: {because}",
        url=f"{settings.URL}/console/on-call/{row.id}/",
    )


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Each person's load, and where somebody is on call in two schedules at once."""

    loads: list[Load]
    doubles: list[Double]
    names: dict[int, str]
    schedules: dict[int, str]


def load_of(viewer: Viewer, start: datetime, end: datetime) -> LoadReport:
    """What being on call cost, or will cost, in `[start, end)`."""
    assigned: list[Assigned] = []
    named: dict[int, str] = {}
    for row, duties in _all_duties(viewer, start, end):
        named[row.id] = row.name
        assigned += [Assigned(row.id, ZoneInfo(row.zone), duty) for duty in duties]
    rows = Page.objects.filter(
        person__isnull=False, attempted_at__gte=start, attempted_at__lt=end, incident__synthetic=False
    )
    paged = [
        Paged(person_id, at, ZoneInfo(zone or "UTC"))
        for person_id, at, zone in rows.values_list("person_id", "attempted_at", "person__zone")[:MOST_PAGES]
        if person_id is not None and at is not None
    ]
    found = loads(assigned, paged)
    return LoadReport(found, doubles(assigned), names_of([load.person for load in found]), named)


def offers(viewer: Viewer, schedule_id: int, now: datetime) -> list[SwapRequest]:
    """Swaps that are offered and not over, and those taken that are still ahead."""
    viewer.require("oncall.read")
    rows = SwapRequest.objects.filter(schedule_id=schedule_id, cancelled_at=None, end__gt=now)
    return list(rows.select_related("giver", "taker").order_by("start", "id")[:100])


def known_names() -> dict[str, int]:
    """{mail address or name, case-folded: person id} of the active staff; a name that two have names neither."""
    found: dict[str, int] = {}
    twice: set[str] = set()
    rows = Person.objects.filter(is_active=True).exclude(roles=[])
    for person_id, name, email in rows.values_list("id", "name", "email"):
        for key in {name.casefold().strip(), email.casefold().strip()} - {""}:
            if key in found:
                twice.add(key)
            found[key] = person_id
    return {key: person_id for key, person_id in found.items() if key not in twice}


@dataclass(frozen=True, slots=True)
class Entry:
    """A page as an auditor reads it, with what its deliveries came to."""

    page: Page
    deliveries: Sequence[Delivery]


def ledger(viewer: Viewer, start: datetime, end: datetime, *, limit: int = MOST_PAGES) -> Iterator[Entry]:
    """Every page that fell due in `[start, end)`, of incidents that the viewer may see, the earliest first."""
    viewer.require("audit.read")
    rows = Page.objects.filter(Q(due_at__gte=start) & Q(due_at__lt=end), incident__in=visible(viewer))
    rows = rows.select_related("person", "escalation__policy", "incident").order_by("due_at", "id")
    batch: list[Page] = []
    for row in rows[:limit].iterator(chunk_size=1000):
        batch.append(row)
        if len(batch) == 1000:
            yield from _with_deliveries(batch)
            batch = []
    yield from _with_deliveries(batch)


def _with_deliveries(batch: Sequence[Page]) -> Iterator[Entry]:
    found: dict[int, list[Delivery]] = {}
    for delivery in Delivery.objects.filter(page_id__in=[row.id for row in batch]).order_by("id"):
        found.setdefault(delivery.page_id or 0, []).append(delivery)
    for row in batch:
        yield Entry(row, found.get(row.id, []))
