"""The category tree and the resolution codes."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods

from firstline.accounts import queries as accounts
from firstline.catalog import actions, queries
from firstline.catalog.editing import values
from firstline.console.access import Request, staff
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import Cell, Column, Empty, SetupForm, Table
from firstline.console.views.setup.rules import tabs


class CategoryForm(SetupForm):
    name = forms.CharField(label=_l("Name"), max_length=80)
    parent_id = kit.pick(_l("Below"), _l("The category that this one is a kind of."))
    service_id = kit.pick(_l("Only for the service"))
    group_id = kit.pick(_l("Support group"), _l("Owns its incidents. Empty: as the category above."))
    cause_required = forms.BooleanField(
        label=_l("Resolving asks for the cause"),
        required=False,
        help_text=_l("For what comes back: the causes are what problems are made of."),
    )
    runbook = kit.text(
        _l("Runbook"),
        _l("What to look at and do first, in Markdown. Stands beside every incident of this category."),
        rows=8,
        code=True,
    )
    active = forms.BooleanField(label=_l("Can be chosen"), required=False, initial=True)


@require_GET
@staff("configuration.read")
def categories(request: Request) -> HttpResponse:
    may = request.viewer.may("configuration.edit")
    rows = list(queries.categories(request.viewer, inactive=True))
    table = Table(
        caption=_("Categories"),
        columns=[
            Column(label=_("Category")),
            Column(label=_("Support group")),
            Column(label=_("Runbook"), wide=True),
            Column(label=_("Only for"), wide=True),
        ],
        rows=[
            [
                Cell(
                    text=row.path,
                    href=reverse("console:category", args=[row.pk]),
                    tags=() if row.active else (_("not in use"),),
                ),
                Cell(text=row.group.name if row.group else "–"),
                Cell(text=_("yes") if row.runbook.strip() else "–"),
                Cell(text=row.service.name if row.service else "–"),
            ]
            for row in rows
        ],
        empty=Empty(
            icon="list",
            title=_("No category yet"),
            text=_("Two levels are enough for most: what it is about, then what is wrong with it."),
            href=reverse("console:category_new") if may else "",
            action=_("Add the first category"),
        ),
    )
    new = (reverse("console:category_new"), _("Add a category")) if may else None
    return kit.list_page(
        request, title=_("Categories"), section="rules", table=table, tabs=tabs("categories"), new=new
    )


@require_http_methods(["GET", "POST"])
@staff("configuration.read", write="configuration.edit")
def category(request: Request, category_id: int | None = None) -> HttpResponse:
    row = queries.category(request.viewer, category_id) if category_id is not None else None
    kept = values(row, actions.CATEGORY) if row else {}
    form = CategoryForm(kit.posted(request), initial={**kept, "seen": kit.seen_of(kept)} if row else {})
    others = [(c.pk, c.path) for c in queries.categories(request.viewer) if row is None or c.pk != row.pk]
    form.offer("parent_id", others, nothing=_("Nothing: it is a top category"))
    form.offer("service_id", kit.as_choices(queries.services(request.viewer)), nothing=_("For all services"))
    form.offer(
        "group_id", kit.as_choices(accounts.groups(request.viewer)), nothing=_("As the category above")
    )

    def save(data: dict[str, Any]) -> None:
        seen = data.pop("seen")
        if row is None:
            actions.create_category(actor=request.actor, now=request.moment, **data)
        else:
            actions.edit_category(row.pk, actor=request.actor, now=request.moment, seen=seen, **data)

    return kit.form_page(
        request,
        form,
        title=row.path if row else _("Add a category"),
        section="rules",
        back=reverse("console:categories"),
        save=save,
        done=_("Saved."),
        may_edit=request.viewer.may("configuration.edit"),
    )


class CodeForm(SetupForm):
    name = forms.CharField(
        label=_l("Name"), max_length=80, help_text=_l("What the agent chooses when resolving.")
    )
    code = forms.SlugField(
        label=_l("Code"),
        max_length=40,
        required=False,
        help_text=_l("For programs and reports. Empty: from the name."),
    )
    active = forms.BooleanField(label=_l("Can be chosen"), required=False, initial=True)


@require_GET
@staff("configuration.read")
def codes(request: Request) -> HttpResponse:
    may = request.viewer.may("configuration.edit")
    table = Table(
        caption=_("Resolution codes"),
        columns=[Column(label=_("Name")), Column(label=_("Code"))],
        rows=[
            [
                Cell(
                    text=row.name,
                    href=reverse("console:code", args=[row.pk]),
                    tags=() if row.active else (_("not in use"),),
                ),
                Cell(text=row.code, mono=True),
            ]
            for row in queries.resolution_codes(request.viewer, inactive=True)
        ],
        empty=Empty(
            icon="circle-check",
            title=_("No resolution code yet"),
            text=_("Without one nothing can be resolved: they say how service was restored."),
            href=reverse("console:code_new") if may else "",
            action=_("Add the first code"),
        ),
    )
    new = (reverse("console:code_new"), _("Add a code")) if may else None
    return kit.list_page(
        request, title=_("Resolution codes"), section="rules", table=table, tabs=tabs("codes"), new=new
    )


@require_http_methods(["GET", "POST"])
@staff("configuration.read", write="configuration.edit")
def code(request: Request, code_id: int | None = None) -> HttpResponse:
    row = queries.resolution_code(request.viewer, code_id) if code_id is not None else None
    kept = values(row, actions.CODE) if row else {}
    form = CodeForm(kit.posted(request), initial={**kept, "seen": kit.seen_of(kept)} if row else {})

    def save(data: dict[str, Any]) -> None:
        seen = data.pop("seen")
        if row is None:
            actions.create_code(actor=request.actor, now=request.moment, **data)
        else:
            actions.edit_code(row.pk, actor=request.actor, now=request.moment, seen=seen, **data)

    return kit.form_page(
        request,
        form,
        title=row.name if row else _("Add a resolution code"),
        section="rules",
        back=reverse("console:codes"),
        save=save,
        done=_("Saved."),
        may_edit=request.viewer.may("configuration.edit"),
    )
