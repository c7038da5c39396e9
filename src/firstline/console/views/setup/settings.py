"""Settings of the installation, and the audit of every change of configuration."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_http_methods

from firstline.accounts import actions as accounts
from firstline.accounts import audit as log
from firstline.console.access import Request, staff
from firstline.console.shell import page
from firstline.console.views.setup import kit
from firstline.console.views.setup.agreements import tabs
from firstline.console.views.setup.kit import SetupForm
from firstline.core import installation
from firstline.core.errors import DomainError, Invalid


class SettingsForm(SetupForm):
    """One field per setting, made from its default: text, yes/no, a number, or a list."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for key, (default, meaning) in installation.SETTINGS.items():
            self.fields[key] = _field(default, meaning)

    def grouped(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        switches = [f for f in self.visible_fields() if isinstance(f.field, forms.BooleanField)]
        rest = [f for f in self.visible_fields() if not isinstance(f.field, forms.BooleanField)]
        return [(_("Who may do what"), "", switches), (_("Names and numbers"), "", rest)]


class ListField(forms.CharField):
    """Values separated by commas; numbers where the default holds numbers."""

    def __init__(self, *, numbers: bool, length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.numbers, self.length = numbers, length

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(str(v) for v in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        parts = [part.strip() for part in str(value or "").split(",") if part.strip()]
        if not self.numbers:
            return parts
        if not all(part.isdecimal() for part in parts) or len(parts) != self.length:
            raise forms.ValidationError(
                _("%(n)s whole numbers, separated by commas: one for each priority P1 to P5.")
                % {"n": self.length}
            )
        return [int(part) for part in parts]


def _field(default: Any, meaning: str) -> forms.Field:
    label = _(meaning)
    if isinstance(default, bool):
        return forms.BooleanField(label=label, required=False)
    if isinstance(default, int):
        return forms.IntegerField(label=label, min_value=0)
    if isinstance(default, list):
        numbers = bool(default) and isinstance(default[0], int)
        return ListField(label=label, required=False, numbers=numbers, length=len(default))
    return forms.CharField(label=label, max_length=120)


@require_http_methods(["GET", "POST"])
@staff("configuration.read", write="configuration.edit")
def settings(request: Request) -> HttpResponse:
    now = installation.get_all()
    form = SettingsForm(kit.posted(request), initial={**now, "seen": kit.seen_of(now)})

    def save(data: dict[str, Any]) -> None:
        request.viewer.require("configuration.edit")
        if data["seen"] and data["seen"] != kit.seen_of(now):
            raise Invalid(
                _("Somebody changed the settings meanwhile. Reload the page and change yours again.")
            )
        for key in installation.SETTINGS:
            if data[key] != now[key]:
                installation.put(key, data[key], actor=request.actor, now=request.moment)

    return kit.form_page(
        request,
        form,
        title=_("Settings"),
        section="settings",
        back=reverse("console:settings"),
        save=save,
        done=_("Saved."),
        may_edit=request.viewer.may("configuration.edit"),
        more={"tabs": tabs("settings")},
    )


@staff("audit.read")
def audit(request: Request) -> HttpResponse:
    """Every change of configuration: who, when, what from and to; by thing, person and words."""
    wanted = log.Wanted(
        thing=request.GET.get("thing", ""),
        person=int(p) if (p := request.GET.get("person", "")).isdecimal() else None,
        since=request.GET.get("since", ""),
        until=request.GET.get("until", ""),
    )
    found = log.configuration(wanted, cursor=request.GET.get("after") or None)
    query = request.GET.copy()
    if found.next:
        query["after"] = found.next
    context = {
        "title": _("Audit"),
        "entries": found.entries,
        "older": f"?{query.urlencode()}" if found.next else "",
        "wanted": wanted,
        "things": log.things(),
        "people": found.people,
        "may_break": request.viewer.may("security.break_glass"),
        "broken": request.viewer.break_glass,
    }
    return page(request, "console/setup/audit.html", context, section="audit")


class GlassForm(forms.Form):
    reason = kit.text(_l("Why"), _l("Stands in the log, and the security groups are told."), required=True)
    hours = forms.IntegerField(label=_l("For how many hours"), min_value=1, max_value=8, initial=1)


@require_http_methods(["GET", "POST"])
@staff("security.break_glass")
def break_glass(request: Request) -> HttpResponse:
    """Enter security incidents for a stated reason and time; every reading is logged."""
    form = GlassForm(kit.posted(request))
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            accounts.break_glass(
                reason=form.cleaned_data["reason"],
                hours=form.cleaned_data["hours"],
                actor=request.actor,
                now=request.moment,
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.warning(request, _("You can read security incidents now. What you open is logged."))
            return redirect("console:queue")
    if form.errors:
        status = 422
    context = {"title": _("Break the glass"), "form": form}
    return page(request, "console/setup/break_glass.html", context, section="audit", status=status)
