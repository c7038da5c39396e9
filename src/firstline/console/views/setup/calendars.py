"""Business calendars: hours of the week, public holidays, closed days, exceptional openings."""

import re
from datetime import date, timedelta
from typing import Any

import holidays as holiday_library
from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods

from firstline.catalog import calendars as actions
from firstline.catalog import queries
from firstline.catalog.calendar import (
    ALL_DAY,
    DAY_NAMES,
    Calendar,
    Opening,
    Region,
    Span,
    Week,
    open_days,
    parse_spans,
)
from firstline.console.access import Request, staff
from firstline.console.views.setup import kit
from firstline.console.views.setup.groups import tabs
from firstline.console.views.setup.kit import Cell, Column, Empty, SetupForm, Table
from firstline.console.views.setup.people import zones

_DAYS = {
    "mon": _l("Monday"),
    "tue": _l("Tuesday"),
    "wed": _l("Wednesday"),
    "thu": _l("Thursday"),
    "fri": _l("Friday"),
    "sat": _l("Saturday"),
    "sun": _l("Sunday"),
}


class HoursField(forms.CharField):
    """Hours of a day as people write them: "09:00-12:00, 13:00-17:00", empty for closed."""

    def to_python(self, value: Any) -> Any:
        return spans_of(str(super().to_python(value) or ""))


def spans_of(text: str) -> tuple[Span, ...]:
    """The segments of a day; `ValidationError` says what is not one."""
    found: list[Span] = []
    for part in filter(None, (part.strip() for part in re.split(r"[,;]", text))):
        match = re.fullmatch(r"(\d{1,2}:\d{2})\s*[-–]\s*(\d{1,2}:\d{2})", part)
        if match is None:
            raise forms.ValidationError(_("“%(part)s” is not like 09:00-17:00.") % {"part": part})
        found.append((match[1].zfill(5), match[2].zfill(5)))
    try:
        parse_spans(tuple(found))
    except ValueError as error:
        raise forms.ValidationError(f"{error}.") from error
    return tuple(found)


def words_of(spans: tuple[Span, ...]) -> str:
    return ", ".join(f"{start}-{end}" for start, end in spans)


class CalendarForm(SetupForm):
    name = forms.CharField(label=_l("Name"), max_length=80)
    zone = forms.ChoiceField(label=_l("Time zone"), initial="UTC")
    mon = HoursField(label=_DAYS["mon"], required=False)
    tue = HoursField(label=_DAYS["tue"], required=False)
    wed = HoursField(label=_DAYS["wed"], required=False)
    thu = HoursField(label=_DAYS["thu"], required=False)
    fri = HoursField(label=_DAYS["fri"], required=False)
    sat = HoursField(label=_DAYS["sat"], required=False)
    sun = HoursField(label=_DAYS["sun"], required=False)
    country = forms.ChoiceField(label=_l("Public holidays of"), required=False)
    subdivision = forms.CharField(
        label=_l("Region"),
        max_length=10,
        required=False,
        help_text=_l("Its code where holidays differ, such as BY."),
    )
    closed = kit.text(_l("Closed days"), _l("One a line, as 2026-12-24."))
    openings = kit.text(
        _l("Exceptional openings"), _l("One a line: 2026-12-31 09:00-12:00. They beat holidays and the week.")
    )
    sections = (
        (_l("Calendar"), "", ("name", "zone")),
        (_l("Hours of the week"), _l("such as 09:00-12:00, 13:00-17:00; empty: closed"), DAY_NAMES),
        (_l("Other days"), "", ("country", "subdivision", "closed", "openings")),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("zone", zones())
        codes = sorted(holiday_library.list_supported_countries())
        self.offer("country", [(code, code) for code in codes], nothing=_("None"))

    def clean_closed(self) -> tuple[date, ...]:
        return tuple(_day(line) for line in _lines(self.cleaned_data["closed"]))

    def clean_openings(self) -> tuple[Opening, ...]:
        found = []
        for line in _lines(self.cleaned_data["openings"]):
            day, _blank, hours = line.partition(" ")
            found.append(Opening(_day(day), spans_of(hours)))
        return tuple(found)

    def definition(self, kept: Calendar | None) -> Calendar:
        """The calendar as entered, with the further regions of `kept`; `Invalid` when the region is unknown."""
        data = self.cleaned_data
        region = {"country": data["country"], "subdivision": data["subdivision"] or None}
        further = [
            {"country": r.country, "subdivision": r.subdivision} for r in (kept.regions[1:] if kept else ())
        ]
        return actions.calendar_from(
            {
                "zone": data["zone"],
                "week": {day: data[day] for day in DAY_NAMES},
                "regions": [*([region] if data["country"] else []), *further],
                "closed": [day.isoformat() for day in data["closed"]],
                "openings": [{"day": o.day.isoformat(), "segments": o.segments} for o in data["openings"]],
            }
        )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _day(text: str) -> date:
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise forms.ValidationError(_("“%(text)s” is not a day such as 2026-12-24.") % {"text": text})
    return day


@require_GET
@staff("service.read")
def calendars(request: Request) -> HttpResponse:
    may = request.viewer.may("configuration.edit")
    rows, pages = kit.pages_of(request, queries.calendars(request.viewer))
    table = Table(
        caption=_("Calendars"),
        columns=[
            Column(label=_("Calendar")),
            Column(label=_("Hours")),
            Column(label=_("Time zone"), wide=True),
            Column(label=_("Holidays"), wide=True),
        ],
        rows=[
            [
                Cell(text=row.name, href=reverse("console:calendar", args=[row.pk])),
                Cell(text=_in_words(row.in_force[0].definition)),
                Cell(text=row.in_force[0].definition["zone"]),
                Cell(
                    text=", ".join(r["country"] for r in row.in_force[0].definition.get("regions", [])) or "–"
                ),
            ]
            for row in rows
            if row.in_force
        ],
        empty=Empty(
            icon="calendar-days",
            title=_("No calendar yet"),
            text=_("When people work: targets run in these hours."),
            href=reverse("console:calendar_new") if may else "",
            action=_("Add the first calendar"),
        ),
        page=pages,
    )
    new = (reverse("console:calendar_new"), _("Add a calendar")) if may else None
    return kit.list_page(
        request, title=_("Calendars"), section="groups", table=table, tabs=tabs("calendars"), new=new
    )


def _in_words(definition: dict[str, Any]) -> str:
    week = definition.get("week", {})
    days = [tuple(tuple(span) for span in week.get(day, [])) for day in DAY_NAMES]
    if all(day == ALL_DAY for day in days):
        return _("always")
    parts: list[str] = []
    at = 0
    while at < 7:
        last = at
        while last < 6 and days[last + 1] == days[at]:
            last += 1
        if days[at]:
            names = str(_DAYS[DAY_NAMES[at]])[:2] + (
                f"–{str(_DAYS[DAY_NAMES[last]])[:2]}" if last > at else ""
            )
            parts.append(f"{names} {words_of(days[at])}")
        at = last + 1
    return "; ".join(parts) or _("never")


@require_http_methods(["GET", "POST"])
@staff("service.read", write="configuration.edit")
def calendar(request: Request, calendar_id: int | None = None) -> HttpResponse:
    row = queries.calendar(request.viewer, calendar_id) if calendar_id is not None else None
    now = queries.calendar_at(row.pk, request.moment) if row else None
    form = CalendarForm(kit.posted(request), initial=_initial(row, now))

    def save(data: dict[str, Any]) -> None:
        common = {
            "name": data["name"],
            "definition": form.definition(now),
            "actor": request.actor,
            "now": request.moment,
        }
        if row is None:
            actions.create_calendar(**common)
        else:
            actions.edit_calendar(row.pk, seen=data["seen"], **common)

    today = request.moment.date()
    ahead = open_days(now, today, today + timedelta(days=20)) if now else []
    return kit.form_page(
        request,
        form,
        title=row.name if row else _("Add a calendar"),
        section="groups",
        back=reverse("console:calendars"),
        save=save,
        done=_("Saved. In force from now on; what was measured before keeps its hours."),
        may_edit=request.viewer.may("configuration.edit"),
        template="console/setup/calendar.html",
        more={
            "days": [(today + timedelta(days=n), today + timedelta(days=n) in ahead) for n in range(21)]
            if now
            else []
        },
    )


def _initial(row: Any, now: Calendar | None) -> dict[str, Any]:
    if row is None or now is None:
        return dict.fromkeys(DAY_NAMES[:5], "09:00-17:00")
    week: Week = now.week
    region = now.regions[0] if now.regions else Region(country="")
    return {
        "name": row.name,
        "zone": now.zone,
        **{day: words_of(spans) for day, spans in zip(DAY_NAMES, week.days(), strict=True)},
        "country": region.country,
        "subdivision": region.subdivision or "",
        "closed": "\n".join(day.isoformat() for day in now.closed),
        "openings": "\n".join(f"{o.day.isoformat()} {words_of(o.segments)}" for o in now.openings),
        "seen": kit.seen_of({"name": row.name, "definition": row.in_force[0].definition}),
    }
