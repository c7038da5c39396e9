"""Support groups: who is in them, who leads them, whom they escalate to, when they work."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods

from firstline.accounts import actions, queries
from firstline.accounts.models import SupportGroup
from firstline.accounts.viewer import Viewer
from firstline.catalog import calendars
from firstline.catalog import queries as catalog
from firstline.console.access import Request, staff
from firstline.console.components import Tab
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import Cell, Column, Empty, SetupForm, Table

BLANK = 3


def tabs(current: str) -> list[Tab]:
    return kit.area(current, [("groups", _("Groups")), ("calendars", _("Calendars"))])


class GroupForm(SetupForm):
    name = forms.CharField(label=_l("Name"), max_length=80)
    line = forms.IntegerField(label=_l("Support line"), min_value=1, max_value=9, initial=1)
    email = forms.EmailField(label=_l("Shared mailbox"), required=False)
    escalates_to_id = kit.pick(_l("Escalates to"), _l("The group that knows more."))
    manager_id = kit.pick(_l("Manager"), _l("Told of late P1 and P2."))
    calendar_id = kit.pick(_l("Works"), _l("Its hours; outside of them P3 waits."))
    assignment = forms.ChoiceField(
        label=_l("Inside the group, incidents are given"),
        choices=[
            ("by_hand", _l("by hand")),
            ("round_robin", _l("in turns, among those on shift")),
            ("by_load", _l("to who has least, among those on shift")),
        ],
    )
    security = forms.BooleanField(
        label=_l("Security group"), required=False, help_text=_l("Sees security incidents; nobody else does.")
    )
    active = forms.BooleanField(label=_l("In use"), required=False, initial=True)
    sections = (
        (_l("Group"), "", ("name", "line", "email", "security", "active")),
        (_l("How it works"), "", ("calendar_id", "assignment", "escalates_to_id", "manager_id")),
    )

    def __init__(self, *args: Any, viewer: Viewer, group: SupportGroup | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = [(g.pk, g.name) for g in queries.groups(viewer) if group is None or g.pk != group.pk]
        self.offer("escalates_to_id", others, nothing=_("Nobody"))
        self.offer("manager_id", kit.as_choices(queries.staff(viewer)), nothing=_("Nobody"))
        self.offer("calendar_id", kit.as_choices(catalog.calendars(viewer)), nothing=_("Always"))


class MemberForm(forms.Form):
    person = kit.pick(_l("Person"))
    part = forms.ChoiceField(
        label=_l("Part"),
        choices=[("member", _l("Member")), ("lead", _l("Lead")), ("out", _l("Take out"))],
        initial="member",
    )


MemberSet = forms.formset_factory(MemberForm, extra=0)


@require_GET
@staff("people.read")
def groups(request: Request) -> HttpResponse:
    may = request.viewer.may("people.edit")
    rows, pages = kit.pages_of(
        request,
        queries.groups(request.viewer, inactive=True)
        .select_related("escalates_to", "manager")
        .prefetch_related("memberships__person"),
    )
    table = Table(
        caption=_("Support groups"),
        columns=[
            Column(label=_("Group")),
            Column(label=_("Line"), num=True),
            Column(label=_("Leads"), wide=True),
            Column(label=_("Members"), num=True),
            Column(label=_("Escalates to"), wide=True),
        ],
        rows=[_row(row) for row in rows],
        empty=Empty(
            icon="users",
            title=_("No group yet"),
            text=_("Incidents belong to groups; people belong to groups."),
            href=reverse("console:group_new") if may else "",
            action=_("Add the first group"),
        ),
        page=pages,
    )
    new = (reverse("console:group_new"), _("Add a group")) if may else None
    return kit.list_page(
        request, title=_("Groups"), section="groups", table=table, tabs=tabs("groups"), new=new
    )


def _row(row: SupportGroup) -> list[Cell]:
    members = list(row.memberships.all())
    tags = [
        word
        for word, holds in (
            (_("catch-all"), row.catch_all),
            (_("security"), row.security),
            (_("not in use"), not row.active),
        )
        if holds
    ]
    leads = ", ".join(m.person.name for m in members if m.lead)
    return [
        Cell(text=row.name, href=reverse("console:group", args=[row.pk]), tags=tuple(tags)),
        Cell(text=str(row.line)),
        Cell(text=leads or _("nobody"), tone="" if leads else "risk"),
        Cell(text=str(len(members))),
        Cell(text=row.escalates_to.name if row.escalates_to else "–"),
    ]


@require_http_methods(["GET", "POST"])
@staff("people.read")
def group(request: Request, group_id: int | None = None) -> HttpResponse:
    """A group with its members. Administrators change everything, leads the members of the group they lead."""
    row = queries.group(request.viewer, group_id) if group_id is not None else None
    administers = request.viewer.may("people.edit")
    leads = row is not None and row.pk in request.viewer.leads
    form = GroupForm(kit.posted(request), viewer=request.viewer, group=row, initial=_initial(row))
    if not administers:
        form.lock()
    members = _members(request, row)

    def save(data: dict[str, Any]) -> None:
        if not members.is_valid():
            raise kit.row_errors()
        calendar = data.pop("calendar_id")
        seen = data.pop("seen")
        saved = row
        if administers:
            saved = _save(row, data, request, seen)
            calendars.set_group_hours(saved.pk, calendar, actor=request.actor, now=request.moment)
        assert saved is not None
        actions.set_members(saved.pk, _chosen(members), actor=request.actor, now=request.moment)

    return kit.form_page(
        request,
        form,
        title=row.name if row else _("Add a group"),
        section="groups",
        back=reverse("console:groups"),
        save=save,
        done=_("Saved."),
        may_edit=administers or leads,
        lock=False,
        template="console/setup/group.html",
        more={"members": members, "group": row},
    )


def _save(row: SupportGroup | None, data: dict[str, Any], request: Request, seen: str) -> SupportGroup:
    if row is None:
        return actions.create_group(actor=request.actor, now=request.moment, **data)
    return actions.edit_group(row.pk, actor=request.actor, now=request.moment, **data)


def _members(request: Request, row: SupportGroup | None) -> Any:
    now = queries.members(request.viewer, row.pk) if row else []
    initial = [{"person": m.person_id, "part": "lead" if m.lead else "member"} for m in now]
    blank: list[dict[str, Any]] = [{} for _ in range(BLANK)]
    people = [
        ("", _("Choose …")),
        *kit.as_choices(queries.staff(request.viewer), lambda p: f"{p.name} ({p.email})"),
    ]
    made = MemberSet(kit.posted(request), initial=[*initial, *blank], prefix="member")
    for number, shown in enumerate(made):
        shown.fields["person"].choices = people  # type: ignore[attr-defined]
        shown.empty_permitted = number >= len(initial)
    return made


def _chosen(members: Any) -> dict[int, bool]:
    found = {}
    for shown in members:
        data = shown.cleaned_data
        if data.get("person") and data.get("part") != "out":
            found[data["person"]] = data["part"] == "lead"
    return found


def _initial(row: SupportGroup | None) -> dict[str, Any]:
    if row is None:
        return {}
    names = ("name", "line", "email", "escalates_to_id", "manager_id", "assignment", "security", "active")
    return {**{n: getattr(row, n) for n in names}, "calendar_id": catalog.group_calendar_id(row.pk)}
