"""People, and their import from a CSV file with a preview."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from firstline.accounts import actions, importing, queries
from firstline.accounts.permissions import GRANTABLE, Role
from firstline.console.access import Request, staff
from firstline.console.components import Tab
from firstline.console.shell import page
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import Cell, Column, Empty, SetupForm, Table
from firstline.core.errors import Invalid

MOST_BYTES = 2_000_000


def tabs(current: str) -> list[Tab]:
    return kit.area(current, [("people", _("People")), ("people_import", _("Import"))])


def role_names() -> dict[str, str]:
    return {
        Role.AGENT: _("Agent"),
        Role.LEAD: _("Group lead"),
        Role.MAJOR_MANAGER: _("Major-incident manager"),
        Role.SERVICE_OWNER: _("Service owner"),
        Role.ADMINISTRATOR: _("Administrator"),
        Role.AUDITOR: _("Auditor"),
        Role.CALLER: _("Caller"),
    }


def zones() -> list[tuple[str, str]]:
    names = sorted(name for name in available_timezones() if "/" in name or name == "UTC")
    return [(name, name.replace("_", " ")) for name in names]


class PersonForm(SetupForm):
    name = forms.CharField(label=_l("Name"), max_length=120)
    email = forms.EmailField(
        label=_l("E-mail"), max_length=254, help_text=_l("Signs in and is written to with it.")
    )
    phone = forms.CharField(label=_l("Phone"), max_length=40, required=False)
    place = forms.CharField(label=_l("Place"), max_length=120, required=False)
    unit_name = forms.CharField(
        label=_l("Organisation unit"),
        max_length=120,
        required=False,
        help_text=_l("A new name makes a new unit."),
    )
    vip = forms.BooleanField(
        label=_l("VIP"),
        required=False,
        help_text=_l("May have an agreement of their own; never changes the impact."),
    )
    roles = kit.picks(
        _l("Roles"), _l("None: a caller. A group's lead is made on the group's page."), coerce=str
    )
    zone = forms.ChoiceField(label=_l("Time zone"), initial="UTC")
    language = forms.ChoiceField(label=_l("Language"), initial="en")
    is_active = forms.BooleanField(label=_l("May sign in"), required=False, initial=True)
    sections = (
        (_l("Person"), "", ("name", "email", "phone", "place", "unit_name", "vip")),
        (_l("Here"), "", ("roles", "zone", "language", "is_active")),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = role_names()
        self.offer("roles", [(role.value, names[role]) for role in GRANTABLE])
        self.offer("zone", zones())
        self.offer("language", settings.LANGUAGES)


@require_GET
@staff("people.read")
def people(request: Request) -> HttpResponse:
    text = request.GET.get("q", "")
    names = role_names()
    found = queries.people(request.viewer, text).prefetch_related("memberships__group")
    rows, pages = kit.pages_of(request, found)
    may = request.viewer.may("people.edit")
    table = Table(
        caption=_("People"),
        columns=[
            Column(label=_("Name")),
            Column(label=_("Roles")),
            Column(label=_("Groups"), wide=True),
            Column(label=_("Unit"), wide=True),
            Column(label=_("Phone"), wide=True),
        ],
        rows=[
            [
                Cell(
                    text=row.name,
                    href=reverse("console:person", args=[row.pk]),
                    sub=row.email,
                    tags=(
                        *((_("VIP"),) if row.vip else ()),
                        *(() if row.is_active else (_("switched off"),)),
                    ),
                ),
                Cell(text=", ".join(names.get(Role(r), r) for r in row.roles) or _("Caller")),
                Cell(text=", ".join(m.group.name for m in row.memberships.all()) or "–"),
                Cell(text=row.unit.name if row.unit else "–"),
                Cell(text=row.phone or "–"),
            ]
            for row in rows
        ],
        empty=Empty(
            icon="user", title=_("Nobody found"), text=_("Look for a part of the name, address or number.")
        ),
        page=pages,
    )
    new = (reverse("console:person_new"), _("Add a person")) if may else None
    return kit.list_page(
        request, title=_("People"), section="people", table=table, tabs=tabs("people"), new=new, search=text
    )


@require_http_methods(["GET", "POST"])
@staff("people.read", write="people.edit")
def person(request: Request, person_id: int | None = None) -> HttpResponse:
    row = queries.person(request.viewer, person_id) if person_id is not None else None
    form = PersonForm(kit.posted(request), initial=_initial(row))

    def save(data: dict[str, Any]) -> None:
        data.pop("seen")
        unit = data.pop("unit_name")
        fields = {**data, "unit_id": actions.ensure_unit(unit).pk if unit else None}
        if row is None:
            actions.create_person(actor=request.actor, now=request.moment, **fields)
        else:
            if row.pk == request.person.pk and Role.ADMINISTRATOR not in fields["roles"]:
                message = _("You would lock yourself out. Let another administrator do this.")
                raise Invalid(message, {"roles": message})
            actions.edit_person(row.pk, actor=request.actor, now=request.moment, **fields)

    return kit.form_page(
        request,
        form,
        title=row.name if row else _("Add a person"),
        section="people",
        back=reverse("console:people"),
        save=save,
        done=_("Saved. Without a password they sign in by the link of “Forgot password”."),
        may_edit=request.viewer.may("people.edit"),
    )


def _initial(row: Any) -> dict[str, Any]:
    if row is None:
        return {}
    names = ("name", "email", "phone", "place", "vip", "roles", "zone", "language", "is_active")
    return {**{name: getattr(row, name) for name in names}, "unit_name": row.unit.name if row.unit else ""}


class ImportForm(forms.Form):
    file = forms.FileField(label=_l("CSV file"), required=False)
    content = forms.CharField(
        label=_l("Or paste it"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "class": "code", "spellcheck": "false"}),
    )

    def text(self) -> str:
        """The file's text, else what was pasted. `Invalid` when there is neither or it is no text."""
        given = self.cleaned_data.get("file")
        if given is None:
            content = str(self.cleaned_data["content"])
            if not content.strip():
                raise Invalid(_("Choose a file or paste its content."), {"file": _("Choose a file.")})
            return content
        if given.size > MOST_BYTES:
            raise Invalid(_("The file is larger than 2 MB; split it."), {"file": _("Too large.")})
        raw = given.read()
        for encoding in ("utf-8", "cp1252"):
            try:
                return str(raw.decode(encoding))
            except UnicodeDecodeError:
                continue
        raise Invalid(_("The file is not text; save it as CSV (UTF-8)."), {"file": _("Not text.")})


@require_http_methods(["GET", "POST"])
@staff("people.edit")
def people_import(request: Request) -> HttpResponse:
    """First shown row by row, then, confirmed, written: rows with an error are left out."""
    form = ImportForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {
        "title": _("Import people"),
        "tabs": tabs("people_import"),
        "columns": importing.COLUMNS,
        "roles": [role.value for role in GRANTABLE],
        "form": form,
    }
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            content = form.text()
            rows = importing.read(content)
        except Invalid as error:
            form.add_error("file", str(error))
            status = 422
        else:
            if "write" in request.POST:
                return _write(request, rows)
            good = [row for row in rows if row.ok]
            context |= {"rows": rows[:500], "good": good, "all": rows, "content": content}
    return page(request, "console/setup/people_import.html", context, section="people", status=status)


def _write(request: Request, rows: list[importing.Row]) -> HttpResponse:
    added, updated = importing.write(rows, actor=request.actor, now=request.moment)
    said = ngettext("%(n)s person added", "%(n)s people added", added) % {"n": added}
    messages.success(request, _("%(added)s, %(updated)s updated.") % {"added": said, "updated": updated})
    return redirect("console:people")
