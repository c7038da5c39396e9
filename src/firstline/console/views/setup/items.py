"""Configuration items and changes."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods

from firstline.catalog import actions, queries
from firstline.catalog.editing import values
from firstline.console.access import Request, staff
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import Cell, Column, Empty, SetupForm, Table
from firstline.console.views.setup.services import tabs


class ItemForm(SetupForm):
    name = forms.CharField(
        label=_l("Name"), max_length=160, help_text=_l("As monitoring calls it, such as db1.")
    )
    kind = forms.CharField(
        label=_l("Kind"), max_length=40, initial="host", help_text=_l("host, database, device …")
    )
    service_id = kit.pick(_l("Service"), _l("Alerts on this item belong to it."))
    aliases = kit.text(_l("Other names"), _l("One a line: addresses and host names that signals use."))

    def clean_aliases(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["aliases"].splitlines() if line.strip()]


@require_GET
@staff("service.read")
def items(request: Request) -> HttpResponse:
    text = request.GET.get("q", "")
    rows, pages = kit.pages_of(request, queries.items(request.viewer, text))
    table = Table(
        caption=_("Configuration items"),
        columns=[
            Column(label=_("Item")),
            Column(label=_("Kind")),
            Column(label=_("Service")),
            Column(label=_("Other names"), wide=True),
        ],
        rows=[
            [
                Cell(text=row.name, href=reverse("console:item", args=[row.pk])),
                Cell(text=row.kind),
                Cell(text=row.service.name if row.service else "–"),
                Cell(text=", ".join(row.aliases[:3]) or "–"),
            ]
            for row in rows
        ],
        empty=Empty(
            icon="server",
            title=_("No configuration item yet") if not text else _("Nothing found"),
            text=_("Hosts, databases, devices. With them a signal that names a host finds its service."),
            href="" if text else reverse("console:item_new"),
            action=_("Add the first item"),
        ),
        page=pages,
    )
    new = (
        (reverse("console:item_new"), _("Add an item")) if request.viewer.may("configuration.edit") else None
    )
    return kit.list_page(
        request,
        title=_("Configuration items"),
        section="services",
        table=table,
        tabs=tabs("items"),
        new=new,
        search=text,
    )


@require_http_methods(["GET", "POST"])
@staff("service.read", write="service.edit")
def item(request: Request, item_id: int | None = None) -> HttpResponse:
    row = queries.item(request.viewer, item_id) if item_id is not None else None
    kept = values(row, actions.ITEM) if row else {}
    initial = {**kept, "aliases": "\n".join(row.aliases), "seen": kit.seen_of(kept)} if row else {}
    form = ItemForm(kit.posted(request), initial=initial)
    form.offer("service_id", kit.as_choices(queries.services(request.viewer)), nothing=_("None"))

    def save(data: dict[str, Any]) -> None:
        seen = data.pop("seen")
        if row is None:
            actions.create_item(actor=request.actor, now=request.moment, **data)
        else:
            actions.edit_item(row.pk, actor=request.actor, now=request.moment, seen=seen, **data)

    return kit.form_page(
        request,
        form,
        title=row.name if row else _("Add a configuration item"),
        section="services",
        back=reverse("console:items"),
        save=save,
        done=_("Saved."),
        may_edit=request.viewer.may("configuration.edit"),
    )


class ChangeForm(SetupForm):
    title = forms.CharField(label=_l("What is changed"), max_length=255)
    reference = forms.CharField(
        label=_l("Reference"), max_length=64, required=False, help_text=_l("Such as CHG-0311.")
    )
    service_id = kit.pick(_l("Service"))
    ci_id = kit.pick(_l("Configuration item"))
    state = forms.ChoiceField(
        label=_l("State"),
        choices=[
            ("planned", _l("planned")),
            ("implementing", _l("being implemented")),
            ("implemented", _l("implemented")),
            ("cancelled", _l("cancelled")),
        ],
    )
    planned_start = forms.DateTimeField(label=_l("Planned from"), required=False, widget=kit.moment_input())
    planned_end = forms.DateTimeField(label=_l("Planned until"), required=False, widget=kit.moment_input())
    happened_at = forms.DateTimeField(
        label=_l("Implemented at"),
        required=False,
        widget=kit.moment_input(),
        help_text=_l("Your time. Empty for an implemented change: now."),
    )


@require_GET
@staff("service.read")
def changes(request: Request) -> HttpResponse:
    text = request.GET.get("q", "")
    found = queries.changes(request.viewer)
    for word in text.split():
        found = found.filter(title__icontains=word)
    rows, pages = kit.pages_of(request, found)
    table = Table(
        caption=_("Changes"),
        columns=[
            Column(label=_("Change")),
            Column(label=_("On"), wide=True),
            Column(label=_("State")),
            Column(label=_("When")),
        ],
        rows=[
            [
                Cell(text=row.title, href=reverse("console:change", args=[row.pk]), sub=row.reference),
                Cell(text=row.ci.name if row.ci else row.service.name if row.service else "–"),
                Cell(text=row.get_state_display()),
                Cell(at=row.happened_at or row.planned_start),
            ]
            for row in rows
        ],
        empty=Empty(
            icon="git-merge",
            title=_("No change yet") if not text else _("Nothing found"),
            text=_(
                "What was changed shortly before is the likeliest cause. Deployments can report themselves."
            ),
            href="" if text else reverse("console:change_new"),
            action=_("Record a change"),
        ),
        page=pages,
    )
    new = (
        (reverse("console:change_new"), _("Record a change")) if request.viewer.may("incident.work") else None
    )
    return kit.list_page(
        request,
        title=_("Changes"),
        section="services",
        table=table,
        tabs=tabs("changes"),
        new=new,
        search=text,
    )


@require_http_methods(["GET", "POST"])
@staff("service.read", write="service.edit")
def change(request: Request, change_id: int | None = None) -> HttpResponse:
    row = queries.change(request.viewer, change_id) if change_id is not None else None
    kept = values(row, actions.CHANGE) if row else {}
    initial = (
        {**kept, "seen": kit.seen_of(kept)} if row else {"state": "implemented", **_from_address(request)}
    )
    form = ChangeForm(kit.posted(request), initial=initial)
    form.offer("service_id", kit.as_choices(queries.services(request.viewer)), nothing=_("None"))
    form.offer("ci_id", kit.as_choices(queries.items(request.viewer)[:500]), nothing=_("None"))

    def save(data: dict[str, Any]) -> None:
        seen = data.pop("seen")
        if row is None:
            actions.record_change(actor=request.actor, now=request.moment, **data)
        else:
            actions.edit_change(row.pk, actor=request.actor, now=request.moment, seen=seen, **data)

    return kit.form_page(
        request,
        form,
        title=row.title if row else _("Record a change"),
        section="services",
        back=reverse("console:changes"),
        save=save,
        done=_("Saved. It is shown beside incidents on this service and on those that need it."),
        may_edit=request.viewer.may("incident.work"),
    )


def _from_address(request: Request) -> dict[str, str]:
    return {"service_id": request.GET["service"]} if "service" in request.GET else {}
