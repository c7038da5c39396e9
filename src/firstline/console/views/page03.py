"""Three in the morning, on a phone: what, how bad, why me, acknowledge. GET shows, only POST acts."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from firstline.console import evidence
from firstline.console.clocks import face_of
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.core.errors import DomainError, NotAllowed, NotFound
from firstline.desk.paging import PageCard, page_card
from firstline.oncall import actions, links


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, token: str) -> HttpResponse:
    """One tap acknowledges; the other says "I can't" and pages the next at once."""
    now = clock.now()
    try:
        page_id = links.read(token, now=now)
        card = page_card(page_id, now=now)
    except (NotFound, NotAllowed) as error:  # the link, the page or the person is gone
        return render(request, "console/page/gone.html", {"error": error}, status=404)
    person = card.page.person
    assert person is not None
    with timezone.override(_zone(person.zone)), translation.override(person.language or None):
        if request.method != "POST":
            return render(request, "console/page/page.html", _context(card))
        actor = Actor.person(person.pk, via="link")
        try:
            if request.POST.get("answer") == "decline":
                actions.decline_page(page_id, actor=actor, now=now)
            else:
                actions.acknowledge_page(page_id, actor=actor, now=now)
        except DomainError as error:
            return render(request, "console/page/page.html", {**_context(card), "error": error}, status=409)
        return redirect(request.path)


def _context(card: PageCard) -> dict[str, object]:
    groups = evidence.groups(card.evidence) if card.evidence else []
    return {
        "card": card,
        "page": card.page,
        "incident": card.incident,
        "clock": face_of(card.clock),
        "why": why_me(card),
        "causes": [group for group in groups if group.tone == "alarm"],
        "helps": [group for group in groups if group.tone != "alarm"][:3],
        "over": card.page.incident.state in ("resolved", "closed", "cancelled"),
    }


def why_me(card: PageCard) -> list[tuple[str, str]]:
    """Sentence and small print: the step and who was silent before; the duty that made it this person."""
    found = []
    if card.policy:
        step = _("Step %(n)s of “%(policy)s”") % {"n": card.page.step + 1, "policy": card.policy}
        names = ", ".join(dict.fromkeys(p.person.name for p in card.silent if p.person is not None))
        silent = ""
        if names:
            count = len({p.person_id for p in card.silent})
            silent = ngettext("%(names)s did not answer", "%(names)s did not answer", count) % {
                "names": names
            }
        found.append((step, silent))
    found.append((_duty(card), ""))
    return found


def _duty(card: PageCard) -> str:
    because = card.page.because
    kind = because.get("kind", "")
    if card.schedule:
        layer = because.get("layer") or ""
        if layer:
            return _("You are on call in “%(schedule)s”, layer “%(layer)s”") % {
                "schedule": card.schedule,
                "layer": layer,
            }
        return _("You are on call in “%(schedule)s”") % {"schedule": card.schedule}
    if kind == "lead":
        return _("You lead the group")
    if kind == "group":
        return _("You belong to the group")
    return _("The policy names you")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
