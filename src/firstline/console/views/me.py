"""One's own settings: zone, language, single-key shortcuts."""

from collections.abc import Sequence
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from firstline.accounts import actions
from firstline.accounts import queries as accounts
from firstline.console.access import Request, staff
from firstline.console.shell import page
from firstline.oncall import queries as oncall

KNOWN = ("zone", "language", "phone", "shortcuts")


class MeForm(forms.Form):
    zone = forms.ChoiceField(label=gettext_lazy("Time zone"))
    language = forms.ChoiceField(label=gettext_lazy("Language"))
    phone = forms.CharField(label=gettext_lazy("Phone"), max_length=40, required=False)
    shortcuts = forms.BooleanField(
        label=gettext_lazy("Single-key shortcuts"),
        required=False,
        help_text=gettext_lazy(
            "Letters like j, k, a, c, e, r act at once. Switch them off if they get in your way."
        ),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        zones = sorted(name for name in available_timezones() if "/" in name or name == "UTC")
        self.fields["zone"].choices = [(name, name.replace("_", " ")) for name in zones]  # type: ignore[attr-defined]
        self.fields["language"].choices = settings.LANGUAGES  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
@staff()
def me(request: Request) -> HttpResponse:
    """Shown and saved."""
    person = request.person
    known = {name: getattr(person, name) for name in KNOWN}
    form = MeForm(request.POST if request.method == "POST" else None, initial=known)
    if request.method == "POST" and form.is_valid():
        actions.edit_person(person.pk, actor=request.actor, now=request.moment, **form.cleaned_data)
        messages.success(request, _("Kept."))
        return redirect("console:me")
    return _shown(request, form, status=422 if form.errors else 200)


def _shown(
    request: Request, form: MeForm, *, feeds: Sequence[tuple[str, str]] = (), status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "person": request.person,
        "feeds": feeds,
        "has_calendar": accounts.has_calendar_token(request.viewer),
    }
    return page(request, "console/me/me.html", context, section="me", status=status)


@require_POST
@staff("oncall.read")
def calendar(request: Request) -> HttpResponse:
    """Addresses of one's own calendar feeds: made anew and shown once, or closed."""
    person = request.person
    form = MeForm(None, initial={name: getattr(person, name) for name in KNOWN})
    if request.POST.get("do") == "drop":
        actions.drop_calendar_token(actor=request.actor, now=request.moment)
        messages.success(request, _("Closed: the addresses no longer open anything."))
        return redirect("console:me")
    token = actions.renew_calendar_token(actor=request.actor, now=request.moment)
    feeds = [(_("Your duties in all schedules"), settings.URL + reverse("feed_mine", args=[token]))]
    feeds += [
        (row.name, settings.URL + reverse("feed_schedule", args=[token, row.pk]))
        for row in oncall.schedules(request.viewer)[:50]
    ]
    return _shown(request, form, feeds=feeds)
