"""A new incident in the console: the phone rings, an agent writes for a caller; and log-and-resolve in one step."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from firstline.accounts import actions as accounts_actions
from firstline.accounts import queries as accounts
from firstline.accounts.viewer import Viewer
from firstline.catalog import queries as catalog
from firstline.console import labels
from firstline.console.access import Request, staff
from firstline.console.shell import page, part
from firstline.console.verbs.forms import choose
from firstline.core.errors import DomainError, Invalid
from firstline.desk import queries
from firstline.desk.filters import parse
from firstline.incidents.actions import resolving
from firstline.incidents.actions.register import Report, register_one

SUGGESTED = 6


class NewForm(forms.Form):
    caller = forms.CharField(
        label=gettext_lazy("Caller"),
        help_text=gettext_lazy("Name, number or mail address; a new address makes a new caller."),
        widget=forms.TextInput(attrs={"list": "callers", "autocomplete": "off", "autofocus": True}),
    )
    service = choose(gettext_lazy("Service"), required=False)
    title = forms.CharField(label=gettext_lazy("What happens?"), max_length=255)
    description = forms.CharField(
        label=gettext_lazy("Details"), required=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    extent = forms.ChoiceField(
        label=gettext_lazy("Who is affected?"), widget=forms.RadioSelect, initial="one"
    )
    can_work = forms.ChoiceField(
        label=gettext_lazy("Can they work?"), widget=forms.RadioSelect, initial="difficulty"
    )
    degradation = forms.ChoiceField(
        label=gettext_lazy("The service is"), widget=forms.RadioSelect, initial="degraded"
    )
    phone = forms.CharField(label=gettext_lazy("Call-back number"), max_length=40, required=False)
    place = forms.CharField(label=gettext_lazy("Place"), max_length=120, required=False)
    channel = forms.ChoiceField(label=gettext_lazy("Came by"), widget=forms.RadioSelect, initial="phone")
    resolution_code = forms.ChoiceField(label=gettext_lazy("Resolved how"), required=False)
    resolution_notes = forms.CharField(
        label=gettext_lazy("What was done"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, viewer: Viewer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.viewer = viewer
        choices: dict[str, Any] = {
            "extent": labels.extents(),
            "can_work": labels.can_work(),
            "degradation": labels.degradations(),
            "channel": [("phone", _("phone")), ("chat", _("chat")), ("e-mail", _("mail"))],
            "resolution_code": [("", "–"), *((c.code, c.name) for c in catalog.resolution_codes(viewer))],
        }
        for name, values in choices.items():
            self.fields[name].choices = values  # type: ignore[attr-defined]
        self.fields["service"].queryset = catalog.services(viewer)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "resolve" in self.data:
            for name in ("resolution_code", "resolution_notes"):
                if not data.get(name):
                    self.add_error(name, _("Needed to resolve at once."))
        return data


@require_http_methods(["GET", "POST"])
@staff("incident.create")
def new(request: Request) -> HttpResponse:
    """The form; what is typed is kept as a draft until it is sent."""
    form = NewForm(request.POST if request.method == "POST" else None, viewer=request.viewer)
    if request.method == "POST" and form.is_valid():
        try:
            incident_id = _register(request, form.cleaned_data, resolve="resolve" in request.POST)
        except DomainError as error:
            _show(form, error)
        else:
            number = f"INC-{incident_id:06d}"
            messages.success(request, _("%(number)s is registered.") % {"number": number})
            return redirect("console:incident", incident_id)
    context = {"form": form}
    return page(
        request, "console/incident/new.html", context, section="queue", status=422 if form.errors else 200
    )


@require_GET
@staff("incident.create")
def callers(request: Request) -> HttpResponse:
    """Callers whose name, number or address matches what is being typed."""
    text = request.GET.get("caller", "").strip()
    found = accounts.people(request.viewer, text)[:SUGGESTED] if len(text) > 1 else []
    return part(request, "console/incident/callers.html", {"people": found})


@require_GET
@staff("incident.create")
def similar(request: Request) -> HttpResponse:
    """Open incidents like the one being typed: perhaps it is known already."""
    words = request.GET.get("title", "").strip()
    rows = []
    if len(words) > 3:
        rows = queries.queue(
            request.viewer, parse(f"is:open {words}"), now=request.moment, size=SUGGESTED
        ).rows
    return part(request, "console/incident/known.html", {"rows": rows})


def _register(request: Request, data: dict[str, Any], *, resolve: bool) -> int:
    """One transaction: either everything that was asked for, or nothing."""
    with transaction.atomic():
        caller_id = _caller(request, data["caller"], request.moment)
        incident = register_one(
            Report(
                title=data["title"],
                description=data["description"],
                channel=data["channel"],
                received_at=request.moment,
                caller_id=caller_id,
                caller_phone=data["phone"],
                caller_place=data["place"],
                reporter_id=request.person.pk,
                service_id=data["service"].pk if data["service"] else None,
                extent=data["extent"],
                can_work=data["can_work"],
                degradation=data["degradation"],
            ),
            actor=request.actor,
            now=request.moment,
        )
        if resolve:
            resolving.resolve(
                incident.pk,
                code=data["resolution_code"],
                notes=data["resolution_notes"],
                actor=request.actor,
                now=request.moment,
            )
    return incident.pk


def _caller(request: Request, typed: str, now: datetime) -> int:
    """The person meant: by address (made if new), else the only one whose name or number matches."""
    address = typed.rsplit("<", 1)[-1].rstrip("> ").strip()
    if "@" in address:
        return accounts_actions.ensure_caller(
            address, name=typed.split("<", maxsplit=1)[0].strip(), now=now
        ).pk
    found = list(accounts.people(request.viewer, typed)[:2])
    if len(found) == 1:
        return found[0].pk
    if found:
        raise Invalid(
            _("Several people match."), {"caller": _("Several people match; write more, or the address.")}
        )
    raise Invalid(
        _("Nobody matches."), {"caller": _("Nobody matches; write the mail address to add the caller.")}
    )


def _show(form: NewForm, error: DomainError) -> None:
    names = {name: text for name, text in getattr(error, "fields", {}).items() if name in form.fields}
    for name, text in names.items():
        form.add_error(name, text)
    if not names:
        form.add_error(None, str(error))
