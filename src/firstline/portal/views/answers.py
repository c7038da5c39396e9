"""The pages behind the signed links of a closing message. No sign-in; GET shows, only the button acts."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from firstline.closure import actions as closure
from firstline.closure import links
from firstline.closure.links import ClosureLink, Verb
from firstline.closure.messages import named
from firstline.closure.queries import LinkPage, link_page
from firstline.core import clock, rate
from firstline.core.actor import Actor
from firstline.portal.forms import BrokenForm, RatingForm
from firstline.portal.pages import page, said, too_often

PRESSED = rate.Limit("answer", 20, timedelta(hours=1))


@said
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the link is about, and do it when the button is pressed. Damaged and expired links say so."""
    link = links.read(token, now=clock.now())
    found = link_page(link)
    form = _form(request, link.verb)
    if request.method == "POST":
        if refused := too_often(request, PRESSED, str(link.confirmation_id)):
            return refused
        if form is None or form.is_valid():
            text = _act(link, found, form)
            return _thanks(request, link, text)
    return page(
        request,
        "portal/answer.html",
        _context(link, found, form),
        status=422 if form and form.errors else 200,
    )


def _form(request: HttpRequest, verb: Verb) -> forms.Form | None:
    data = request.POST if request.method == "POST" else None
    if verb is Verb.RATE:
        return RatingForm(data)
    return BrokenForm(data) if verb is Verb.STILL_BROKEN else None


def _act(link: ClosureLink, found: LinkPage, form: forms.Form | None) -> str:
    """Do what the link says; returns what happened, for the person."""
    actor, now = Actor.person(link.person_id, via="link"), clock.now()
    incident_id, confirmation_id = found.confirmation.incident_id, link.confirmation_id
    cleaned = form.cleaned_data if form is not None else {}
    if link.verb is Verb.FIXED:
        closure.confirm(incident_id, actor=actor, now=now, confirmation_id=confirmation_id)
        return _("It is closed.") if found.is_caller else _("We have noted it.")
    if link.verb is Verb.STILL_BROKEN:
        closure.still_broken(
            incident_id, cleaned["text"], actor=actor, now=now, confirmation_id=confirmation_id
        )
        if found.is_caller:
            return _("It goes back to those who work on it.")
        return _("We have asked those who worked on it to look again.")
    closure.rate(
        incident_id,
        cleaned["rating"],
        text=cleaned["text"],
        actor=actor,
        now=now,
        confirmation_id=confirmation_id,
    )
    return _("Your rating is noted.")


def _thanks(request: HttpRequest, link: ClosureLink, text: str) -> HttpResponse:
    found = link_page(link)
    context = {**_context(link, found, None), "text": text}
    row = found.confirmation
    asks = link.verb is Verb.FIXED and found.is_caller and row.ask_rating and row.rating is None
    return page(request, "portal/thanks.html", {**context, "asks_rating": asks})


def _context(link: ClosureLink, found: LinkPage, form: forms.Form | None) -> dict[str, Any]:
    incident = found.confirmation.incident
    others = {verb.name.lower(): link.other(verb).token() for verb in Verb}
    return {
        "verb": link.verb.value,
        "found": found,
        "incident": incident,
        "shown_title": named(incident, found.person),
        "others": others,
        "form": form,
        "open": found.current and incident.state == "resolved" and found.confirmation.answered_at is None,
        "can_rate": found.current
        and found.is_caller
        and incident.state in ("resolved", "closed")
        and found.confirmation.rating is None,
    }
