"""Reading the log of configuration: who changed what, from what to what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_date

from firstline.accounts.models import Person
from firstline.core.content import texts
from firstline.core.models import Event
from firstline.core.pagination import paginate

SIZE = 50
_SAYS_NOTHING = ("–", "[]", "{}", "no")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters as they stand in the address; an empty one asks nothing. Days are the reader's."""

    thing: str = ""
    person: int | None = None
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change. `name`: what the thing is called, where the change says. `fields`: (name, from, to) as text; of
    what was created, those that say something."""

    at: datetime
    thing: str
    subject_id: int
    verb: str
    name: str
    who: str
    via: str
    fields: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Found:
    entries: list[Entry]
    next: str | None
    people: list[tuple[int, str]]


def configuration(wanted: Wanted, *, cursor: str | None = None) -> Found:
    """A page of changes, the latest first: four queries."""
    rows = Event.objects.filter(subject_type="configuration")
    if wanted.thing:
        rows = rows.filter(data__thing=wanted.thing)
    if wanted.person is not None:
        rows = rows.filter(actor_kind="person", actor_id=wanted.person)
    if since := _day(wanted.since):
        rows = rows.filter(occurred_at__gte=since)
    if until := _day(wanted.until):
        rows = rows.filter(occurred_at__lt=until + timedelta(days=1))
    page = paginate(rows, ["-occurred_at", "-id"], cursor=cursor, size=SIZE)
    bodies = texts({ref for row in page.rows for ref in _references(row.changes)})
    names = dict(_people())
    return Found(
        [_entry(row, bodies, names) for row in page.rows], page.next, sorted(names.items(), key=_name)
    )


def things() -> list[str]:
    """The kinds of things that were ever changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT data ->> 'thing' FROM event WHERE subject_type = 'configuration' ORDER BY 1"
        )
        return [row[0] for row in cursor.fetchall() if row[0]]


def _people() -> list[tuple[int, str]]:
    """Whoever changed configuration, with the name of today."""
    rows = Event.objects.filter(subject_type="configuration", actor_kind="person")
    return list(Person.objects.filter(id__in=rows.values("actor_id").distinct()).values_list("id", "name"))


def _name(pair: tuple[int, str]) -> str:
    return pair[1].lower()


def _day(text: str) -> datetime | None:
    try:
        day = parse_date(text) if text else None
    except ValueError:
        return None
    return timezone.make_aware(datetime.combine(day, time())) if day else None


def _references(changes: Mapping[str, Sequence[Any]]) -> list[int]:
    values = [value for pair in changes.values() for value in pair]
    return [v["text"] for v in values if isinstance(v, dict) and isinstance(v.get("text"), int)]


def _entry(row: Event, bodies: Mapping[int, str], names: Mapping[int, str]) -> Entry:
    who = names.get(row.actor_id or 0, "") if row.actor_kind == "person" else row.actor_kind
    fields = [
        (name.removesuffix("_id").replace("_", " "), _shown(a, bodies), _shown(b, bodies))
        for name, (a, b) in row.changes.items()
    ]
    called = next((after or before for name, before, after in fields if name in ("name", "title")), "")
    if row.verb.endswith("created"):
        fields = [field for field in fields if field[2] not in _SAYS_NOTHING]
    return Entry(
        at=row.occurred_at,
        thing=str(row.data.get("thing", "")),
        subject_id=row.subject_id,
        verb=row.verb.removeprefix("configuration_"),
        name=called if called != "–" else "",
        who=who,
        via=row.actor_via,
        fields=fields,
    )


def _shown(value: Any, bodies: Mapping[int, str]) -> str:
    if isinstance(value, dict) and "text" in value:
        return bodies.get(value["text"], "")
    if value is None or value == "":
        return "–"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
