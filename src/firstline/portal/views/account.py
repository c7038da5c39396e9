"""Who I am here: what I may change of myself, and the ways in."""

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from firstline.accounts import actions as accounts
from firstline.accounts.models import Person
from firstline.core import clock
from firstline.core.errors import Invalid
from firstline.portal.forms import fail, zones
from firstline.portal.pages import actor_of, page, person_of, signed_in

OWN = ("name", "phone", "place", "language", "zone")


class AccountForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    phone = forms.CharField(label=gettext_lazy("Call-back number"), max_length=40, required=False)
    place = forms.CharField(
        label=gettext_lazy("Place"), max_length=120, required=False, help_text=gettext_lazy("Building, room")
    )
    language = forms.ChoiceField(label=gettext_lazy("Language of messages"), choices=settings.LANGUAGES)
    zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=zones)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show and change one's own name, phone, place, language and zone; links to password and second factor."""
    person = person_of(request)
    assert person is not None
    form = AccountForm(request.POST or None, initial={name: getattr(person, name) for name in OWN})
    if request.method == "POST" and form.is_valid():
        try:
            accounts.edit_person(person.id, actor=actor_of(request), now=clock.now(), **form.cleaned_data)
        except Invalid as error:
            fail(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("portal:account")
    return page(request, "portal/account.html", _context(person, form), status=422 if form.errors else 200)


def _context(person: Person, form: forms.Form) -> dict[str, Any]:
    return {
        "form": form,
        "person": person,
        "has_password": person.has_usable_password(),
        "second_factor": is_mfa_enabled(person),
    }
