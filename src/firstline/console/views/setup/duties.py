"""Around a schedule: offers to swap, shifts from a calendar file, what being on call costs, the ledger of pages."""

import csv
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from firstline.console.access import Request, staff
from firstline.console.shell import page
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import SetupForm
from firstline.console.views.setup.schedules import tabs
from firstline.core.errors import Invalid
from firstline.oncall import changing, duty_queries, importing
from firstline.reports.export import safe

PERIODS = {"7": 7, "28": 28, "90": 90}


class SwapForm(SetupForm):
    start = forms.DateTimeField(label=_l("From"), widget=kit.moment_input())
    end = forms.DateTimeField(label=_l("Until"), widget=kit.moment_input())


@require_POST
@staff("oncall.read")
def swap_ask(request: Request, schedule_id: int) -> HttpResponse:
    """Offer one's own shifts of a stretch of time; until somebody takes them nothing changes."""
    form = SwapForm(request.POST)

    def ask() -> None:
        if not form.is_valid():
            raise Invalid(_("Say from when until when."))
        changing.ask_swap(
            schedule_id,
            start=form.cleaned_data["start"],
            end=form.cleaned_data["end"],
            actor=request.actor,
            now=request.moment,
        )

    return kit.do_and_return(
        request, ask, _("Offered. You stay on call until somebody takes it."), _of(schedule_id)
    )


@require_POST
@staff("oncall.read")
def swap_take(request: Request, schedule_id: int, swap_id: int) -> HttpResponse:
    return kit.do_and_return(
        request,
        lambda: changing.take_swap(swap_id, actor=request.actor, now=request.moment),
        _("Yours now. The grid shows it."),
        _of(schedule_id),
    )


@require_POST
@staff("oncall.read")
def swap_cancel(request: Request, schedule_id: int, swap_id: int) -> HttpResponse:
    return kit.do_and_return(
        request,
        lambda: changing.cancel_swap(swap_id, actor=request.actor, now=request.moment),
        _("Taken back."),
        _of(schedule_id),
    )


def _of(schedule_id: int) -> str:
    return reverse("console:schedule", args=[schedule_id])


class FileForm(forms.Form):
    layer = forms.CharField(label=_l("Layer"), max_length=60)
    file = forms.FileField(label=_l("Calendar file (.ics)"))


@require_POST
@staff("oncall.edit")
def shifts_import(request: Request, schedule_id: int) -> HttpResponse:
    """A calendar file becomes the fixed shifts of a layer."""
    form = FileForm(request.POST, request.FILES)
    done: dict[str, Any] = {}

    def read() -> None:
        if not form.is_valid():
            raise Invalid(_("Name a layer and choose a calendar file."))
        text = form.cleaned_data["file"].read().decode("utf-8", "replace")
        done["read"] = importing.layer_from_calendar(
            schedule_id, layer=form.cleaned_data["layer"], text=text, actor=request.actor, now=request.moment
        )

    def said() -> str:
        found = done["read"]
        count = len(found.shifts)
        words = ngettext("%(count)s shift is in the layer.", "%(count)s shifts are in the layer.", count) % {
            "count": count
        }
        if found.unknown:
            names = ", ".join(sorted(found.unknown)[:5])
            words += " " + _("Left out, since nobody here has this name or address: %(names)s") % {
                "names": names
            }
        return words

    return kit.do_and_return(request, read, said, _of(schedule_id))


@require_GET
@staff("oncall.read")
def load(request: Request) -> HttpResponse:
    """Hours, nights, weekends, pages and rest of each person, in the last days or the next."""
    start, end = _period(request)
    report = duty_queries.load_of(request.viewer, start, end)
    context = {
        "title": _("Load"),
        "tabs": tabs("oncall_load"),
        "report": report,
        "rows": [(report.names.get(load.person, f"#{load.person}"), load) for load in report.loads],
        "doubles": [
            (report.names.get(d.person, ""), [report.schedules[s] for s in d.schedules], d.start, d.end)
            for d in report.doubles[:20]
        ],
        "start": start,
        "end": end,
        "periods": list(PERIODS),
        "period": request.GET.get("days", "28"),
        "ahead": request.GET.get("ahead") == "1",
        "may_audit": request.viewer.may("audit.read"),
    }
    return page(request, "console/setup/load.html", context, section="oncall")


def _period(request: Request) -> tuple[datetime, datetime]:
    """Whole days in the reader's zone: the last ones with today, or from today on."""
    days = PERIODS.get(request.GET.get("days", "28"), 28)
    zone = timezone.get_current_timezone()
    today = datetime.combine(request.moment.astimezone(zone).date(), time(), zone)
    if request.GET.get("ahead") == "1":
        return today, today + timedelta(days=days)
    return today - timedelta(days=days - 1), today + timedelta(days=1)


HEADINGS = (
    "due_at", "incident", "priority", "policy", "step", "cycle", "person", "because", "attempted_at", "delivered_at",
    "acknowledged_at", "acknowledged_via", "deliveries",
)  # fmt: skip


@require_GET
@staff("audit.read")
def pages_csv(request: Request) -> HttpResponseBase:
    """The ledger of pages of a period, a row each."""
    start, end = _period(request)
    answer = StreamingHttpResponse(
        _lines(duty_queries.ledger(request.viewer, start, end)), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="pages-{start:%Y%m%d}-{end:%Y%m%d}.csv"'
    return answer


class _Echo:
    def write(self, line: str) -> str:
        return line


def _lines(entries: Iterator[duty_queries.Entry]) -> Iterator[str]:
    writer: Any = csv.writer(_Echo())
    yield writer.writerow(HEADINGS)
    for entry in entries:
        row = entry.page
        tries = "; ".join(
            f"{one.channel} {one.state} {_at(one.delivered_at)}".strip() for one in entry.deliveries
        )
        cells = [
            _at(row.due_at), row.incident.number, row.incident.priority or "",
            row.escalation.policy.name if row.escalation and row.escalation.policy else "", row.step + 1, row.cycle + 1,
            row.person.name if row.person else row.sink, _because(row.because), _at(row.attempted_at),
            _at(row.delivered_at), _at(row.acknowledged_at), row.acknowledged_via, tries,
        ]  # fmt: skip
        yield writer.writerow([safe(str(cell)) for cell in cells])


def _because(because: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in because.items())


def _at(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(ZoneInfo("UTC")).isoformat(timespec="seconds")
