"""Channels: what this installation can send through, how each is set up, a test, and what went out lately."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings as django_settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods

from firstline.console.access import Request, staff
from firstline.console.shell import page
from firstline.console.views.setup.agreements import tabs
from firstline.core.errors import Invalid, NotFound
from firstline.notifications import configure, queries
from firstline.notifications.claiming import channel_settings

ABOUT: dict[str, tuple[Any, Any]] = {
    "email": (_l("Mail"), _l("Through the server that FIRSTLINE_MAIL_URL names.")),
    "sms": (
        _l("Text messages"),
        _l("Through a provider that speaks Twilio's protocol. A reply “ack” acknowledges."),
    ),
    "voice": (_l("Calls"), _l("Through the same kind of provider. A key acknowledges.")),
    "webhook": (
        _l("Webhooks"),
        _l("Signed as Standard Webhooks specifies it, to addresses that people name."),
    ),
    "apprise": (_l("Chat and push"), _l("Every service of Apprise whose scheme the settings enable.")),
}
HOOKS: dict[str, tuple[tuple[Any, str], ...]] = {"sms": ((_l("Incoming messages, by POST"), "hook_sms"),)}


@dataclass(frozen=True, slots=True)
class Card:
    """A channel as the list shows it. `ready`: people can use it as it is."""

    key: str
    name: str
    text: str
    on: bool
    ready: bool


class TelephonyForm(forms.Form):
    account = forms.CharField(label=_l("Account"), max_length=80, help_text=_l("Its SID, such as AC…"))
    number = forms.CharField(
        label=_l("Number of the account"), max_length=20, help_text=_l("Such as +380441234567")
    )
    token = forms.CharField(
        label=_l("Token"),
        max_length=200,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_l("Kept encrypted. Leave it empty to keep the one there is."),
    )
    base = forms.CharField(
        label=_l("Address of the provider"),
        max_length=200,
        required=False,
        help_text=_l("Empty: Twilio's own. Others that speak the same protocol have theirs."),
    )


def _cards() -> list[Card]:
    known = channel_settings()
    schemes = known["apprise"][0].get("schemes")
    ready = {
        "email": True,
        "sms": bool(known["sms"][1]),
        "voice": bool(known["voice"][1]),
        "webhook": True,
        "apprise": bool(schemes),
    }
    return [
        Card(key, str(name), str(text), not known[key][0].get("off"), ready[key])
        for key, (name, text) in ABOUT.items()
    ]


@require_GET
@staff("configuration.read")
def channels(request: Request) -> HttpResponse:
    context = {"title": _("Channels"), "tabs": tabs("channels"), "cards": _cards()}
    return page(request, "console/setup/channels.html", context, section="settings")


@require_http_methods(["GET", "POST"])
@staff("configuration.read", write="configuration.edit")
def channel(request: Request, channel: str) -> HttpResponse:
    """One channel: its settings, a switch, a test, its last deliveries."""
    if channel not in ABOUT:
        raise NotFound(_("There is no such channel."))
    form, secret = _form(request, channel), ""
    if request.method == "POST":
        try:
            secret = _do(request, channel, form)
        except Invalid as error:
            messages.error(request, str(error))
            return _shown(request, channel, form, status=422)
        if not secret:
            return redirect("console:channel", channel=channel)
    return _shown(request, channel, form, secret=secret)


def _form(request: Request, channel: str) -> TelephonyForm | None:
    if channel not in configure.TELEPHONY:
        return None
    known = channel_settings()[channel][0]
    initial = {"account": known.get("account"), "number": known.get("from"), "base": known.get("base")}
    return TelephonyForm(request.POST if request.POST.get("do") == "keep" else None, initial=initial)


def _do(request: Request, channel: str, form: TelephonyForm | None) -> str:
    """What the button says. Returns a new secret, which is shown once."""
    common: dict[str, Any] = {"actor": request.actor, "now": request.moment}
    do = request.POST.get("do")
    if do == "keep" and form is not None:
        if not form.is_valid():
            raise Invalid(_("Something is missing; see the fields."))
        data = form.cleaned_data
        settings = configure.Telephony(account=data["account"], number=data["number"], base=data["base"])
        configure.set_up_telephony(channel, settings, token=data["token"], **common)
        messages.success(request, _("Kept. Send a test to see that it works."))
    elif do in ("on", "off"):
        configure.switch(channel, do == "on", **common)
        messages.success(
            request, _("On.") if do == "on" else _("Off: what was to go this way takes the next one.")
        )
    elif do == "secret" and channel == "webhook":
        return configure.new_webhook_secret(**common)
    elif do == "test":
        configure.try_out(channel, request.POST.get("address", ""), **common)
        messages.success(request, _("On its way. What comes of it stands below; reload in a moment."))
    else:
        raise Invalid(_("There is no such button."))
    return ""


def _shown(
    request: Request, channel: str, form: TelephonyForm | None, *, secret: str = "", status: int = 200
) -> HttpResponse:
    card = next(card for card in _cards() if card.key == channel)
    may_edit = request.viewer.may("configuration.edit")
    context = {
        "title": card.name,
        "card": card,
        "form": form,
        "secret": secret,
        "signs": bool(channel_settings()["webhook"][1]),
        "deliveries": queries.last_deliveries(request.viewer, channel) if may_edit else [],
        "may_edit": may_edit,
        "hooks": [(name, django_settings.URL + reverse(view)) for name, view in HOOKS.get(channel, ())],
    }
    return page(request, "console/setup/channel.html", context, section="settings", status=status)
