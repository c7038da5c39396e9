"""The one-time page that creates the first administrator."""

from datetime import timedelta

from django import forms
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from firstline.accounts import actions as accounts
from firstline.core import clock, rate
from firstline.core.errors import Invalid, NotFound
from firstline.portal.forms import fail, zones
from firstline.portal.pages import page, said, too_often

TRIES = rate.Limit("setup", 20, timedelta(minutes=10))


class SetupForm(forms.Form):
    name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput({"autocomplete": "name"})
    )
    email = forms.EmailField(label=_("Mail address"), help_text=_("You sign in with it."))
    password = forms.CharField(
        label=_("Password"),
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text=_("At least ten characters. A sentence is easier to remember than a riddle."),
    )
    zone = forms.ChoiceField(label=_("Time zone"), choices=zones, initial="UTC")


@said
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the form and changes nothing; POST creates the administrator, signs them in and ends the link."""
    now = clock.now()
    if refused := too_often(request, TRIES):
        return refused
    if not accounts.setup_link_valid(token, now=now):
        raise NotFound(
            "This set-up link is used or has expired. Start Firstline again to get a new one, or run "
            "`firstline createadmin`."
        )
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = accounts.use_setup_link(token, now=now, **form.cleaned_data)
        except Invalid as error:
            fail(form, error)
        else:
            login(request, person, backend="django.contrib.auth.backends.ModelBackend")
            return redirect("portal:home")
    return page(request, "portal/setup.html", {"form": form}, status=422 if form.errors else 200)
