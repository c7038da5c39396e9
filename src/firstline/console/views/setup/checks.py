"""Registered targets of health checks."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from firstline.catalog import queries
from firstline.catalog.editing import values
from firstline.console.access import Request, staff
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import Cell, Column, Empty, SetupForm, Table
from firstline.console.views.setup.services import tabs
from firstline.diagnosis import actions as diagnosis
from firstline.diagnosis import queries as checks


class CheckForm(SetupForm):
    name = forms.CharField(label=_l("Name"), max_length=120)
    kind = forms.ChoiceField(
        label=_l("Asks by"), choices=[("http", "HTTP"), ("tcp", "TCP")], widget=forms.RadioSelect
    )
    target = forms.CharField(
        label=_l("Target"),
        max_length=500,
        help_text=_l(
            "HTTP: a whole address. TCP: host:port. It is asked from the server that runs Firstline."
        ),
    )
    expect = forms.CharField(
        label=_l("Expects"),
        max_length=120,
        required=False,
        help_text=_l(
            "HTTP: a status such as 204, or text of the page. TCP: text of the greeting. Empty: any answer."
        ),
    )
    timeout_seconds = forms.IntegerField(
        label=_l("Waits at most (seconds)"), min_value=1, max_value=30, initial=5
    )
    service_id = kit.pick(_l("Service"))
    ci_id = kit.pick(_l("Configuration item"))
    active = forms.BooleanField(label=_l("Asked when an incident opens"), required=False, initial=True)


@require_GET
@staff("configuration.read")
def check_list(request: Request) -> HttpResponse:
    may = request.viewer.may("configuration.edit")
    rows, pages = kit.pages_of(request, checks.checks(request.viewer))
    table = Table(
        caption=_("Health checks"),
        columns=[
            Column(label=_("Check")),
            Column(label=_("Of"), wide=True),
            Column(label=_("Last answer")),
            Column(label=_("When"), wide=True),
            Column(label=_("Ask now"), hush=True),
        ],
        rows=[_check_row(row, may) for row in rows],
        empty=Empty(
            icon="activity",
            title=_("No check yet"),
            text=_(
                "A check asks a page or a port as soon as an incident opens; the answer stands beside it."
            ),
            href=reverse("console:check_new") if may else "",
            action=_("Register the first target"),
        ),
        page=pages,
    )
    new = (reverse("console:check_new"), _("Register a target")) if may else None
    return kit.list_page(
        request, title=_("Health checks"), section="services", table=table, tabs=tabs("checks"), new=new
    )


def _check_row(row: Any, may: bool) -> list[Cell]:
    last = row.last[0] if row.last else None
    ask = kit.Button(label=_("Ask now"), action=reverse("console:check_try", args=[row.pk]))
    return [
        Cell(
            text=row.name,
            href=reverse("console:check", args=[row.pk]),
            sub=row.target,
            tags=() if row.active else (_("off"),),
        ),
        Cell(text=row.ci.name if row.ci else row.service.name if row.service else "–"),
        Cell(
            state=("healthy" if last.ok else "failed") if last else "unknown", sub=last.answer if last else ""
        ),
        Cell(at=last.at) if last else Cell(text="–"),
        Cell(buttons=(ask,) if may else ()),
    ]


@require_http_methods(["GET", "POST"])
@staff("configuration.read", write="configuration.edit")
def check(request: Request, check_id: int | None = None) -> HttpResponse:
    row = checks.check(request.viewer, check_id) if check_id is not None else None
    kept = values(row, diagnosis.CHECK) if row else {}
    initial = {**kept, "seen": kit.seen_of(kept)} if row else {"kind": "http"}
    form = CheckForm(kit.posted(request), initial=initial)
    form.offer("service_id", kit.as_choices(queries.services(request.viewer)), nothing=_("None"))
    form.offer("ci_id", kit.as_choices(queries.items(request.viewer)[:500]), nothing=_("None"))

    def save(data: dict[str, Any]) -> None:
        seen = data.pop("seen")
        if row is None:
            diagnosis.create_check(actor=request.actor, now=request.moment, **data)
        else:
            diagnosis.edit_check(row.pk, actor=request.actor, now=request.moment, seen=seen, **data)

    return kit.form_page(
        request,
        form,
        title=row.name if row else _("Register a target"),
        section="services",
        back=reverse("console:checks"),
        save=save,
        done=_("Saved. “Ask now” in the list tries it."),
        may_edit=request.viewer.may("configuration.edit"),
    )


@require_POST
@staff("configuration.edit")
def check_try(request: Request, check_id: int) -> HttpResponse:
    def ask() -> None:
        diagnosis.try_check(check_id, actor=request.actor, now=request.moment)

    return kit.do_and_return(request, ask, _("Asked; the answer is in the list."), reverse("console:checks"))
