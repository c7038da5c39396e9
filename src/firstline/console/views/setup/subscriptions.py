"""Teams that are told of incidents which they don't own."""

from typing import Any

import msgspec
from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from firstline.accounts import queries as accounts
from firstline.accounts.viewer import Viewer
from firstline.catalog import queries as catalog
from firstline.catalog.editing import values
from firstline.console.access import Request, staff
from firstline.console.views.setup import kit, signals
from firstline.console.views.setup.kit import Cell, Column, Empty, SetupForm, Table
from firstline.console.views.setup.noise import asked_words, tabs
from firstline.console.views.setup.noise_forms import Rows
from firstline.core.errors import Invalid
from firstline.intake import subscriptions as domain
from firstline.intake.matching import Match
from firstline.intake.suppression import Suppression


class SubscriptionForm(SetupForm):
    name = forms.CharField(
        label=_l("Name"), max_length=120, help_text=_l("The team is told why it hears of it.")
    )
    group_id = kit.pick(
        _l("Team"), _l("Every member is told by mail: once when it opens, once when it is resolved.")
    )
    active = forms.BooleanField(label=_l("In force"), required=False, initial=True)
    sources = kit.picks(_l("Source"))
    services = kit.picks(_l("Service"))
    security = forms.ChoiceField(
        label=_l("Security incidents"),
        choices=[
            ("no", _l("are never meant")),
            ("both", _l("are meant as well")),
            ("yes", _l("alone are meant")),
        ],
        help_text=_l(
            "Of those only members who may see the incident are told, its number and priority alone."
        ),
    )

    def __init__(self, *args: Any, viewer: Viewer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("group_id", kit.as_choices(accounts.groups(viewer)), nothing=_("Choose"))
        self.fields["group_id"].required = True
        for name, choices in (
            ("sources", [(source.id, source.name) for source in signals.sources(viewer)]),
            ("services", kit.as_choices(catalog.services(viewer))),
        ):
            if choices or self.initial.get(name):
                self.offer(name, choices)
            else:
                del self.fields[name]


@require_GET
@staff("configuration.read")
def subscriptions(request: Request) -> HttpResponse:
    may = request.viewer.may("configuration.edit")
    table = Table(
        caption=_("Subscriptions"),
        columns=[
            Column(label=_("Subscription")),
            Column(label=_("Team")),
            Column(label=_("Of which incidents"), wide=True),
        ],
        rows=[
            [
                Cell(
                    text=row.name,
                    href=reverse("console:subscription", args=[row.pk]),
                    tags=() if row.active else (_("off"),),
                ),
                Cell(text=row.group.name),
                Cell(text=_words(row.match)),
            ]
            for row in domain.listed(request.viewer)
        ],
        empty=Empty(
            icon="megaphone",
            title=_("No subscription yet"),
            text=_(
                "One incident has one owner; other teams that it concerns are told of it by a subscription."
            ),
            href=reverse("console:subscription_new") if may else "",
            action=_("Subscribe the first team"),
        ),
    )
    new = (reverse("console:subscription_new"), _("Subscribe a team")) if may else None
    return kit.list_page(
        request, title=_("Noise"), section="noise", table=table, tabs=tabs("subscriptions"), new=new
    )


def _words(match: Any) -> str:
    try:
        return asked_words(Suppression(match=domain.match_from(match)))
    except Invalid:
        return _("can't be read")


@require_http_methods(["GET", "POST"])
@staff("configuration.read", write="configuration.edit")
def subscription(request: Request, subscription_id: int | None = None) -> HttpResponse:
    row = domain.one(request.viewer, subscription_id) if subscription_id is not None else None
    match = domain.match_from(row.match) if row else Match()
    initial: dict[str, Any] = {
        "sources": list(match.sources),
        "services": list(match.services),
        "security": match.security,
    }
    if row is not None:
        kept = values(row, domain.FIELDS)
        initial |= {
            "name": row.name,
            "group_id": row.group_id,
            "active": row.active,
            "seen": kit.seen_of(kept),
        }
    data = kit.posted(request)
    form = SubscriptionForm(data, viewer=request.viewer, initial=initial)
    rows = Rows(data, "c", match.conditions)

    def save(entered: dict[str, Any]) -> None:
        if not rows.is_valid():
            raise kit.row_errors()
        try:
            made = Match(
                sources=tuple(entered.get("sources") or ()),
                services=tuple(entered.get("services") or ()),
                conditions=rows.conditions(),
                security=entered["security"],
            )
        except (ValueError, msgspec.ValidationError) as error:
            raise Invalid(str(error)) from error
        common = {"name": entered["name"], "group_id": entered["group_id"], "active": entered["active"]}
        common |= {"match": made, "actor": request.actor, "now": request.moment}
        if row is None:
            domain.create(**common)
        else:
            domain.edit(row.pk, seen=entered["seen"], **common)

    return kit.form_page(
        request,
        form,
        title=row.name if row else _("Subscribe a team"),
        section="noise",
        back=reverse("console:subscriptions"),
        save=save,
        done=_("Saved. The team hears of what opens from now on."),
        may_edit=request.viewer.may("configuration.edit"),
        template="console/setup/subscription.html",
        more={"rows": rows, "subscription": row, "wide": True},
    )


@require_POST
@staff("configuration.edit")
def subscription_delete(request: Request, subscription_id: int) -> HttpResponse:
    domain.delete(subscription_id, actor=request.actor, now=request.moment)
    messages.success(request, _("It is gone; the team is told of nothing more by it."))
    return redirect("console:subscriptions")
