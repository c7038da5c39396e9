"""The report page: figures with charts, each of which opens its list and exports CSV."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from firstline.accounts import queries as accounts
from firstline.catalog import queries as catalog
from firstline.console import wording
from firstline.console.access import Request, staff
from firstline.console.shell import page
from firstline.core.errors import Invalid
from firstline.reports import export, queries
from firstline.reports.periods import Period
from firstline.reports.queries import Dimension, Measured, Recurring, Report, Wanted

DIMENSIONS = ("service", "group", "category", "priority")
SHOWN = 6
SPANS = (7, 30, 90, 365)
MOST_IN_ADDRESS = 100


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number with what it means, the list behind it and its export."""

    label: str
    value: str
    detail: str = ""
    href: str = ""
    csv: str = ""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart and the same as a table. `data` goes to the browser as JSON."""

    id: str
    title: str
    note: str
    data: dict[str, Any]
    head: list[str]
    rows: list[list[str]]

    @property
    def key(self) -> str:
        """The id of its JSON on the page."""
        return f"chart-{self.id}"


@require_GET
@staff("report.read")
def reports(request: Request) -> HttpResponse:
    """The figures of a period. A wrong period is said, and the last thirty days are shown."""
    wrong = ""
    try:
        wanted = _wanted(request)
    except Invalid as error:
        wrong, wanted = str(error), Wanted(period=_last(request, 30))
    dimension = cast(Dimension, by if (by := request.GET.get("by", "service")) in DIMENSIONS else "service")
    found = queries.report(request.viewer, wanted, now=request.moment)
    values = queries.by_dimension(request.viewer, wanted, dimension)
    over_time = queries.opened_over_time(request.viewer, wanted, dimension)
    linker = _Links(request, wanted)
    context = {
        "title": _("Reports"),
        "wrong": wrong,
        "wanted": wanted,
        "dimension": dimension,
        "dimensions": [(name, _dimension(name), linker.page(by=name)) for name in DIMENSIONS],
        "spans": [
            (days, linker.page(since=_last(request, days).first, until=_last(request, days).last))
            for days in SPANS
        ],
        "figures": _figures(found, linker),
        "charts": _charts(found, over_time, dimension, wanted, linker),
        "values": [
            (name or _("not named"), m, _share(m.share), _took(m.resolve))
            for name, m in _shown(values, dimension)
        ],
        "services": catalog.services(request.viewer),
        "groups": accounts.groups(request.viewer),
        "categories": catalog.categories(request.viewer),
        "chosen_category": request.GET.get("category", ""),
        "recurring": [_recurring(again) for again in queries.recurring(request.viewer, wanted)],
        "may_open": request.viewer.may("problem.work"),
    }
    return page(
        request, "console/learn/reports.html", context, section="reports", status=422 if wrong else 200
    )


@require_GET
@staff("report.read")
def export_csv(request: Request) -> StreamingHttpResponse:
    """The incidents behind a figure as CSV, streamed."""
    figure = request.GET.get("figure", "opened")
    wanted = _wanted(request)
    rows = queries.rows_behind(request.viewer, wanted, figure, now=request.moment).iterator(chunk_size=1000)
    answer = StreamingHttpResponse(export.lines(rows), content_type="text/csv; charset=utf-8")
    name = (
        f"firstline-{figure if figure.isalpha() else 'opened'}-{wanted.period.first}-{wanted.period.last}.csv"
    )
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _last(request: Request, days: int) -> Period:
    today = request.moment.date()
    return Period(today - timedelta(days=days - 1), today)


def _wanted(request: Request) -> Wanted:
    """What the address asks for; `Invalid` for a period that is none."""
    given = request.GET
    default = _last(request, 30)
    try:
        first = date.fromisoformat(given["since"]) if given.get("since") else default.first
        last = date.fromisoformat(given["until"]) if given.get("until") else default.last
    except ValueError as error:
        raise Invalid(_("A day is written like 2026-11-23.")) from error

    def number(name: str) -> int | None:
        return int(text) if (text := given.get(name, "")).isdecimal() else None

    category = number("category")
    below: tuple[int, ...] = ()
    if category is not None:
        path = catalog.category(request.viewer, category).path
        inside = catalog.categories(request.viewer, inactive=True).filter(path__startswith=f"{path} › ")
        below = (category, *inside.values_list("id", flat=True))
    return Wanted(
        period=Period(first, last),
        service_id=number("service"),
        group_id=number("group"),
        category_ids=below,
        priority=number("priority"),
    )


def _recurring(again: Recurring) -> tuple[Recurring, str]:
    """With the address that opens a problem from these incidents."""
    latest = again.ids[-MOST_IN_ADDRESS:]
    return again, f"{reverse('console:problem_new')}?{urlencode([('incident', id) for id in latest])}"


class _Links:
    """Addresses of lists, exports and of this page with one thing changed."""

    def __init__(self, request: Request, wanted: Wanted) -> None:
        self.asked = request.GET.copy()
        self.period = wanted.period
        terms = [f"priority:P{wanted.priority}"] if wanted.priority else []
        if wanted.service_id is not None:
            terms.append(f"service:{catalog.service(request.viewer, wanted.service_id).slug}")
        if wanted.group_id is not None:
            terms.append(f"group:{accounts.group(request.viewer, wanted.group_id).slug}")
        if wanted.category_ids:
            terms.append(f'category:"{catalog.category(request.viewer, wanted.category_ids[0]).path}"')
        self.terms = terms

    def page(self, **changed: Any) -> str:
        query = self.asked.copy()
        for name, value in changed.items():
            query[name] = str(value)
        return f"?{query.urlencode()}"

    def queue(self, figure: str, first: date | None = None, last: date | None = None, *more: str) -> str:
        """The queue filtered to what a figure counts."""
        span = f"{first or self.period.first}..{last or self.period.last}"
        terms = {
            "backlog": ["is:open"],
            "resolved": [f"resolved:{span}", "is:any"],
            "closed": [f"closed:{span}", "state:closed"],
        }.get(figure, [f"opened:{span}", "is:any"])
        return f"{reverse('console:queue')}?{urlencode({'q': ' '.join([*terms, *self.terms, *more])})}"

    def csv(self, figure: str) -> str:
        query = self.asked.copy()
        query["figure"] = figure
        query["since"], query["until"] = str(self.period.first), str(self.period.last)
        return f"{reverse('console:report_csv')}?{query.urlencode()}"


def _figures(found: Report, link: _Links) -> list[Figure]:
    total = found.total
    answered = sum(found.ratings.values())
    return [
        Figure(label=_("Opened"), value=str(total.opened), href=link.queue("opened"), csv=link.csv("opened")),
        Figure(
            label=_("Resolved"),
            value=str(total.resolved),
            href=link.queue("resolved"),
            csv=link.csv("resolved"),
        ),
        Figure(
            label=_("Open now"),
            value=str(found.backlog),
            detail=_("%(n)s older than a week") % {"n": found.ages["30d"] + found.ages["older"]},
            href=link.queue("backlog"),
            csv=link.csv("backlog"),
        ),
        Figure(
            label=_("Mean time to acknowledge"), value=_took(total.acknowledge), href=link.queue("opened")
        ),
        Figure(label=_("Mean time to resolve"), value=_took(total.resolve), href=link.queue("resolved")),
        Figure(
            label=_("Resolved in time"),
            value=_share(total.share),
            detail=_("%(kept)s of %(all)s with a target") % {"kept": total.kept, "all": total.measured},
            href=link.queue("resolved"),
        ),
        Figure(
            label=_("Reopened"),
            value=_share(total.reopened_share),
            detail=str(total.reopened),
            href=link.queue("resolved", None, None, "is:reopened"),
        ),
        Figure(
            label=_("Rating"),
            value=formats.number_format(found.rating, 1) if found.rating is not None else "–",
            detail=_("%(n)s marks, %(none)s asked without an answer")
            % {"n": answered, "none": found.unrated},
            href=link.queue("closed"),
            csv=link.csv("closed"),
        ),
    ]


def _charts(
    found: Report,
    over_time: Mapping[str, Mapping[date, int]],
    dimension: Dimension,
    wanted: Wanted,
    link: _Links,
) -> list[Chart]:
    days = list(found.over_time)
    labels = [_label(day, wanted.period.step) for day in days]
    spans = [wanted.period.within(day) for day in days]
    measured = list(found.over_time.values())

    def line(
        id: str, title: str, note: str, unit: str, series: list[tuple[str, Callable[[Measured], Any], str]]
    ) -> Chart:
        return Chart(
            id=id,
            title=title,
            note=note,
            head=[_("From"), *(name for name, _value, _figure in series)],
            rows=[
                [label, *(_cell(value(m)) for _n, value, _f in series)]
                for label, m in zip(labels, measured, strict=True)
            ],
            data={
                "kind": "line",
                "unit": unit,
                "labels": labels,
                "series": [
                    {
                        "name": name,
                        "values": [value(m) for m in measured],
                        "links": [link.queue(figure, *span) for span in spans],
                    }
                    for name, value, figure in series
                ],
            },
        )

    return [
        line(
            "flow",
            _("Opened and resolved"),
            _("incidents"),
            "",
            [(_("Opened"), lambda m: m.opened, "opened"), (_("Resolved"), lambda m: m.resolved, "resolved")],
        ),
        _stacked(over_time, dimension, days, labels, spans, link),
        line(
            "times",
            _("Mean times"),
            _("hours"),
            "h",
            [
                (_("To acknowledge"), lambda m: _hours(m.acknowledge), "opened"),
                (_("To resolve"), lambda m: _hours(m.resolve), "resolved"),
            ],
        ),
        line(
            "share",
            _("Resolved in time"),
            _("per cent of those with a target"),
            "%",
            [(_("In time"), lambda m: None if m.share is None else round(m.share * 100, 1), "resolved")],
        ),
        _bars(
            "ages",
            _("Age of what is open"),
            _("now"),
            [(_age(k), n, link.queue("backlog")) for k, n in found.ages.items()],
        ),
        _bars(
            "how",
            _("Closed by"),
            _("whose word closed it"),
            [(_how(k), n, link.queue("closed", None, None, f"how:{k}")) for k, n in found.how.items()],
        ),
        _bars(
            "marks",
            _("Ratings"),
            _("1 is worst, 5 is best"),
            [(str(mark), found.ratings.get(mark, 0), link.queue("closed")) for mark in range(1, 6)],
        ),
    ]


def _stacked(
    over_time: Mapping[str, Mapping[date, int]],
    dimension: Dimension,
    days: list[date],
    labels: list[str],
    spans: list[tuple[date, date]],
    link: _Links,
) -> Chart:
    """Opened by the largest values of a dimension; the rest is one."""
    listed = list(over_time.items())
    shown = [(_value(name, dimension), counts) for name, counts in listed[:SHOWN]]
    if len(listed) > SHOWN:
        rest = {day: sum(counts.get(day, 0) for _n, counts in listed[SHOWN:]) for day in days}
        shown.append((_("others"), rest))
    return Chart(
        id="by",
        title=_("Opened by %(what)s") % {"what": _dimension(dimension).lower()},
        note=_("incidents"),
        head=[_("From"), *(name for name, _c in shown)],
        rows=[
            [label, *(str(c.get(day, 0)) for _n, c in shown)] for label, day in zip(labels, days, strict=True)
        ],
        data={
            "kind": "stack",
            "unit": "",
            "labels": labels,
            "series": [
                {
                    "name": name,
                    "values": [counts.get(day, 0) for day in days],
                    "links": [link.queue("opened", *span) for span in spans],
                }
                for name, counts in shown
            ],
        },
    )


def _bars(id: str, title: str, note: str, bars: list[tuple[str, int, str]]) -> Chart:
    return Chart(
        id=id,
        title=title,
        note=note,
        head=["", _("Incidents")],
        rows=[[label, str(n)] for label, n, _href in bars],
        data={
            "kind": "bar",
            "unit": "",
            "labels": [label for label, _n, _href in bars],
            "series": [
                {"name": title, "values": [n for _l, n, _h in bars], "links": [h for _l, _n, h in bars]}
            ],
        },
    )


def _shown(values: Mapping[str, Measured], dimension: Dimension) -> list[tuple[str, Measured]]:
    return [(_value(name, dimension), measured) for name, measured in values.items()]


def _value(name: str, dimension: Dimension) -> str:
    if dimension == "priority":
        return _("none yet") if name == "0" else f"P{name}"
    return name or _("not named")


def _dimension(name: str) -> str:
    return {
        "service": _("Service"),
        "group": _("Group"),
        "category": _("Category"),
        "priority": _("Priority"),
    }[name]


def _age(key: str) -> str:
    return {
        "1d": _("under a day"),
        "3d": _("1–3 days"),
        "7d": _("3–7 days"),
        "30d": _("7–30 days"),
        "older": _("older"),
    }[key]


def _how(key: str) -> str:
    return {
        "caller": _("the caller"),
        "on_behalf": _("an agent for the caller"),
        "no_answer": _("silence"),
        "no_caller": _("it has no caller"),
    }.get(key, _("not known"))


def _label(day: date, step: str) -> str:
    return formats.date_format(day, "M Y" if step == "month" else "j M")


def _hours(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds() / 3600, 2)


def _cell(value: Any) -> str:
    return "–" if value is None else formats.localize(value)


def _took(length: timedelta | None) -> str:
    return "–" if length is None else wording.duration(length)


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.0f} %"
