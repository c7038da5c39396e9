"""Services and what hangs on them: dependencies, health, configuration items, changes, health checks."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from firstline.accounts import queries as accounts
from firstline.accounts.viewer import Viewer
from firstline.catalog import actions, queries
from firstline.catalog.editing import values
from firstline.catalog.models import Service
from firstline.console.access import Request, staff
from firstline.console.components import Tab
from firstline.console.shell import page
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import Cell, Column, Empty, SetupForm, Table
from firstline.diagnosis import health
from firstline.diagnosis import queries as checks

CRITICALITY = (
    ("low", _l("low: an inconvenience")),
    ("medium", _l("medium: work is slower")),
    ("high", _l("high: work stops for many")),
    ("critical", _l("critical: the organisation stops")),
)


def tabs(current: str) -> list[Tab]:
    return kit.area(
        current,
        [
            ("services", _("Services")),
            ("items", _("Configuration items")),
            ("changes", _("Changes")),
            ("checks", _("Health checks")),
        ],
    )


class ServiceForm(SetupForm):
    name = forms.CharField(label=_l("Name"), max_length=120, help_text=_l("As its users call it."))
    description = kit.text(_l("Description"), _l("One or two sentences; the portal shows them."), rows=2)
    in_portal = forms.BooleanField(
        label=_l("Callers can choose it in the portal"), required=False, initial=True
    )
    active = forms.BooleanField(label=_l("In use"), required=False, initial=True)
    criticality = forms.ChoiceField(
        label=_l("Criticality"),
        choices=CRITICALITY,
        initial="medium",
        help_text=_l("The most that an incident on it can matter. It raises nothing by itself."),
    )
    users = forms.IntegerField(
        label=_l("Users"), min_value=0, initial=0, help_text=_l("How many people use it; 0 when not known.")
    )
    several_from = forms.IntegerField(label=_l("“Several” from"), min_value=2, initial=2)
    site_from = forms.IntegerField(label=_l("“A site” from"), min_value=2, initial=10)
    all_from = forms.IntegerField(
        label=_l("“Everyone” from"),
        min_value=2,
        initial=50,
        help_text=_l("So many people affected make the extent of an incident several, a site, everyone."),
    )
    cost_per_hour = forms.DecimalField(
        label=_l("Cost of an hour's outage"), min_value=0, max_digits=12, decimal_places=2, initial=0
    )
    public_facing = forms.BooleanField(label=_l("The public sees it"), required=False)
    owner_id = kit.pick(_l("Owner"), _l("Answers for the service; may edit it with the role service owner."))
    group_id = kit.pick(
        _l("Support group"), _l("Gets its incidents where no rule or category says otherwise.")
    )
    calendar_id = kit.pick(_l("Business hours"), _l("When it is needed; outside of them, urgency is lower."))
    upstream_ids = kit.picks(
        _l("Needs"),
        _l("Services that this one can't work without. Their trouble is shown beside its incidents."),
    )
    questions = kit.text(
        _l("Extra questions"),
        _l("At most three, one a line; the portal asks them after the first three fields."),
        rows=3,
    )
    sections = (
        (_l("Service"), "", ("name", "description", "in_portal", "active")),
        (_l("Who takes care of it"), "", ("owner_id", "group_id", "calendar_id")),
        (_l("What it needs"), "", ("upstream_ids",)),
        (
            _l("How much it matters"),
            _l("impact is assessed from this"),
            (
                "criticality",
                "users",
                "several_from",
                "site_from",
                "all_from",
                "cost_per_hour",
                "public_facing",
            ),
        ),
        (_l("In the portal"), "", ("questions",)),
    )

    def __init__(self, *args: Any, viewer: Viewer, service: Service | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = queries.services(viewer)
        self.offer("owner_id", kit.as_choices(accounts.assignable(viewer)), nothing=_("Nobody"))
        self.offer("group_id", kit.as_choices(accounts.groups(viewer)), nothing=_("By rules and categories"))
        self.offer("calendar_id", kit.as_choices(queries.calendars(viewer)), nothing=_("Always"))
        self.offer("upstream_ids", [(s.pk, s.name) for s in others if service is None or s.pk != service.pk])

    def clean_questions(self) -> list[str]:
        lines = self.cleaned_data["questions"].splitlines()
        return [line.strip()[:200] for line in lines if line.strip()]


@require_GET
@staff("service.read")
def services(request: Request) -> HttpResponse:
    """All services with their health now."""
    text = request.GET.get("q", "")
    rows, pages = kit.pages_of(request, queries.services(request.viewer, text, inactive=True))
    states = health.of_services(request.viewer, [row.pk for row in rows])
    table = Table(
        caption=_("Services"),
        columns=[
            Column(label=_("Service")),
            Column(label=_("Health")),
            Column(label=_("Criticality"), wide=True),
            Column(label=_("Support group"), wide=True),
            Column(label=_("Owner"), wide=True),
            Column(label=_("Open incidents"), num=True),
        ],
        rows=[_service_row(row, states[row.pk]) for row in rows],
        empty=Empty(
            icon="network",
            title=_("No service yet") if not text else _("Nothing found"),
            text=_(
                "A service is what people use: mail, the web shop, the VPN. Incidents, targets and pages hang on it."
            ),
            href="" if text else reverse("console:service_new"),
            action=_("Add the first service"),
        ),
        page=pages,
    )
    new = (
        (reverse("console:service_new"), _("Add a service"))
        if request.viewer.may("configuration.edit")
        else None
    )
    return kit.list_page(
        request,
        title=_("Services"),
        section="services",
        table=table,
        tabs=tabs("services"),
        new=new,
        search=text,
    )


def _service_row(row: Service, state: health.Health) -> list[Cell]:
    return [
        Cell(
            text=row.name,
            href=reverse("console:service", args=[row.pk]),
            tags=() if row.active else (_("not in use"),),
        ),
        Cell(state=state.state, sub=why_of(state)),
        Cell(text=_(row.criticality)),
        Cell(text=row.group.name if row.group else "–"),
        Cell(text=row.owner.name if row.owner else "–"),
        Cell(text=str(state.incidents), href=queue_of(row) if state.incidents else ""),
    ]


@require_GET
@staff("service.read")
def service(request: Request, service_id: int) -> HttpResponse:
    """One service: health, the map of what it needs and what needs it, its changes, checks and items."""
    row = queries.service(request.viewer, service_id)
    context = {
        "title": row.name,
        "service": row,
        "tabs": tabs("services"),
        "map": health.map_of(request.viewer, row),
        "changes": list(queries.changes(request.viewer).filter(service_id=row.pk)[:8]),
        "items": list(queries.items(request.viewer).filter(service_id=row.pk)[:12]),
        "checks": checks.checks_of_service(request.viewer, row.pk),
        "queue": queue_of(row),
        "may_edit": _may_edit(request.viewer, row),
        "may_mute": request.viewer.may("noise.edit"),
    }
    return page(request, "console/setup/service.html", context, section="services")


def why_of(state: health.Health) -> str:
    """What its health rests on, in words."""
    if state.state == "suspect":
        return _("needs %(service)s") % {"service": state.because_of}
    if state.alerts:
        return ngettext("%(n)s alert", "%(n)s alerts", state.alerts) % {"n": state.alerts}
    return ""


def queue_of(row: Service) -> str:
    """The address of its open incidents."""
    return f"{reverse('console:queue')}?{urlencode({'q': f'is:open service:{row.slug}'})}"


@require_http_methods(["GET", "POST"])
@staff("service.edit")
def service_form(request: Request, service_id: int | None = None) -> HttpResponse:
    row = queries.service(request.viewer, service_id) if service_id is not None else None
    form = ServiceForm(
        kit.posted(request), viewer=request.viewer, service=row, initial=_initial(request.viewer, row)
    )

    def save(data: dict[str, Any]) -> None:
        fields = {**data, "owner_id": data["owner_id"]}
        seen = fields.pop("seen")
        if row is None:
            actions.create_service(actor=request.actor, now=request.moment, **fields)
        else:
            actions.edit_service(row.pk, actor=request.actor, now=request.moment, seen=seen, **fields)

    return kit.form_page(
        request,
        form,
        title=row.name if row else _("Add a service"),
        section="services",
        back=reverse("console:service", args=[row.pk]) if row else reverse("console:services"),
        save=save,
        done=_("Saved. It is in force for the next incident."),
        may_edit=row is None or _may_edit(request.viewer, row),
    )


def _may_edit(viewer: Viewer, row: Service) -> bool:
    owns = row.owner_id is not None and row.owner_id == viewer.person_id and viewer.may("service.edit")
    return viewer.may("configuration.edit") or owns


def _initial(viewer: Viewer, row: Service | None) -> dict[str, Any]:
    if row is None:
        return {}
    kept = values(row, actions.SERVICE)
    return {
        **kept,
        "questions": "\n".join(str(q) for q in row.questions),
        "upstream_ids": [upstream.pk for upstream in queries.needs(viewer, row.pk)],
        "seen": kit.seen_of(kept),
    }
