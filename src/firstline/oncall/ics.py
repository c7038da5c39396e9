"""Duties as calendar files (RFC 5545), and calendar files as the fixed shifts of a layer.

Pure. A file that is read names its people by the mail address of an attendee, or by name or address in the summary of
an event; repeated events count with their exceptions (RRULE, RDATE, EXDATE, RECURRENCE-ID). A date without a time is a
whole local day of the schedule's zone, a time without a zone is local time of it.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from firstline.catalog.calendar import wall_instant
from firstline.oncall.schedule import Shift

MOST_BYTES = 512 * 1024
MOST_SHIFTS = 2000
NAMESPACE = uuid.UUID("6f6c2c1e-5a0e-4a53-9a5c-0d2f7b0f6d55")
PRODUCT = "-//Firstline//On call//EN"
REFRESH = timedelta(hours=1)


class NotACalendar(ValueError):
    """The text can't be used; the message says why, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One entry of a feed. `schedule_id`, `person` and `start` name it: its UID stays when its end moves."""

    schedule_id: int
    person: int
    start: datetime
    end: datetime
    summary: str
    description: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class ReadShifts:
    """What a file came to. `unknown`: whom it names and nobody here is, with how many of their shifts."""

    shifts: tuple[Shift, ...]
    unknown: Mapping[str, int]


def write(name: str, duties: Iterable[Duty], *, now: datetime, host: str) -> bytes:
    """A feed of these duties. Instants are written in UTC, so that no reader needs to know a zone."""
    feed = icalendar.Calendar()
    feed.add("prodid", PRODUCT)
    feed.add("version", "2.0")
    feed.add("calscale", "GREGORIAN")
    feed.add("method", "PUBLISH")
    feed.add("name", name)
    feed.add("x-wr-calname", name)
    feed.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    feed.add("x-published-ttl", "PT1H")
    for duty in duties:
        feed.add_component(_event(duty, now, host))
    return bytes(feed.to_ical())


def _event(duty: Duty, now: datetime, host: str) -> icalendar.Event:
    event = icalendar.Event()
    event.add("uid", f"{uid_of(duty)}@{host}")
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", duty.start.astimezone(UTC))
    event.add("dtend", duty.end.astimezone(UTC))
    event.add("summary", duty.summary)
    event.add("transp", "TRANSPARENT")  # on call is not busy
    if duty.description:
        event.add("description", duty.description)
    if duty.url:
        event.add("url", duty.url)
    return event


def uid_of(duty: Duty) -> uuid.UUID:
    """The same for the same person's duty of a schedule that begins at the same instant, however long it is."""
    return uuid.uuid5(NAMESPACE, f"{duty.schedule_id}/{duty.person}/{duty.start.astimezone(UTC).isoformat()}")


def read(text: str, people: Mapping[str, int], zone: ZoneInfo, start: datetime, end: datetime) -> ReadShifts:
    """The shifts of a calendar file that touch `[start, end)`.

    `people`: {mail address or name, case-folded: person id}. Cancelled events are left out. Raises NotACalendar for
    what is no calendar, is too large, repeats more often than a schedule can hold, or names nobody who is known.
    """
    if len(text.encode()) > MOST_BYTES:
        raise NotACalendar(f"the calendar is larger than {MOST_BYTES // 1024} KiB")
    shifts: set[tuple[datetime, datetime, int]] = set()
    unknown: dict[str, int] = {}
    for event in _events(text, start, end):
        if str(event.get("status", "")).upper() == "CANCELLED":
            continue
        opening, closing = _span(event, zone)
        if opening >= closing or closing <= start or opening >= end:
            continue
        persons, others = _who(event, people)
        shifts |= {(opening, closing, person) for person in persons}
        for name in others:
            unknown[name] = unknown.get(name, 0) + 1
        if len(shifts) > MOST_SHIFTS:
            raise NotACalendar(f"the calendar has more than {MOST_SHIFTS} shifts until {end:%Y-%m-%d}")
    if not shifts:
        raise NotACalendar(_nobody(unknown, start, end))
    ordered = tuple(Shift(person, opening, closing) for opening, closing, person in sorted(shifts))
    return ReadShifts(ordered, unknown)


def _events(text: str, start: datetime, end: datetime) -> Iterator[icalendar.Event]:
    try:
        calendars = icalendar.Calendar.from_ical(text, multiple=True)
        if not calendars:
            raise NotACalendar("there is no calendar in it (BEGIN:VCALENDAR)")
        for calendar in calendars:
            for number, event in enumerate(recurring_ical_events.of(calendar).between(start, end)):
                if number > MOST_SHIFTS:
                    raise NotACalendar(
                        f"the calendar has more than {MOST_SHIFTS} events until {end:%Y-%m-%d}"
                    )
                yield event
    except NotACalendar:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise NotACalendar(f"this calendar can't be read: {error}") from error


def _span(event: icalendar.Event, zone: ZoneInfo) -> tuple[datetime, datetime]:
    return _instant(event.start, zone), _instant(event.end, zone)


def _instant(value: date | datetime, zone: ZoneInfo) -> datetime:
    if not isinstance(value, datetime):
        return wall_instant(zone, datetime.combine(value, time()))
    return value.astimezone(UTC) if value.tzinfo is not None else wall_instant(zone, value)


def _who(event: icalendar.Event, people: Mapping[str, int]) -> tuple[set[int], list[str]]:
    """The people of an event: its attendees; without any, what the summary says."""
    named = [_address(one) for one in _listed(event.get("ATTENDEE"))]
    if not named:
        summary = str(event.get("SUMMARY", "")).strip()
        named = [part.strip() for part in summary.replace(";", ",").split(",") if part.strip()]
    found = {people[name.casefold()] for name in named if name.casefold() in people}
    return found, [name for name in named if name.casefold() not in people]


def _listed(value: object) -> Sequence[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _address(attendee: object) -> str:
    return str(attendee).split(":", 1)[-1] if str(attendee).lower().startswith("mailto:") else str(attendee)


def _nobody(unknown: Mapping[str, int], start: datetime, end: datetime) -> str:
    if unknown:
        names = ", ".join(sorted(unknown, key=lambda name: -unknown[name])[:5])
        return f"nobody here has the name or the mail address of anybody in it: {names}"
    return f"it has no shift between {start:%Y-%m-%d} and {end:%Y-%m-%d}"
