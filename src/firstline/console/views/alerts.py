"""Alerts: every signal that is or was firing, and the incident it belongs to."""

from urllib.parse import urlencode

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from firstline.console.access import Request, staff
from firstline.console.components import Page, Tab
from firstline.console.observables import observables_of, tactics_of
from firstline.console.shell import page
from firstline.desk import alerts as queries
from firstline.intake import queries as intake
from firstline.intake import queries_noise as noise


@require_GET
@staff("alert.read")
def alerts(request: Request) -> HttpResponse:
    """The newest first; tabs by state."""
    state = request.GET.get("state", "open")
    text = request.GET.get("q", "").strip()
    found = queries.alerts(request.viewer, state=state, text=text, cursor=request.GET.get("after") or None)
    numbers = queries.counts(request.viewer)
    labels = {"open": _("Firing"), "muted": _("Muted"), "ended": _("Ended"), "all": _("All")}
    context = {
        "tabs": [
            Tab(label=label, href=_address(key, text), current=key == state, count=numbers.get(key))
            for key, label in labels.items()
        ],
        "alerts": found.rows,
        "told": noise.told(request.viewer, found.rows),
        "may_mute": request.viewer.may("noise.read"),
        "text": text,
        "state_asked": state,
        "page": Page(
            newer=_address(state, text) if request.GET.get("after") else "",
            older=_address(state, text, found.next) if found.next else "",
        ),
    }
    return page(request, "console/alerts/alerts.html", context, section="alerts")


@require_GET
@staff("alert.read")
def alert(request: Request, alert_id: int) -> HttpResponse:
    """One alert: each time it fired, and what the source sent last."""
    found = intake.alert(request.viewer, alert_id)
    last = found.spans[0]
    context = {
        "found": found,
        "last": last,
        "told": noise.told(request.viewer, found.spans),
        "may_mute": request.viewer.may("noise.edit") and last.ended_at is None,
        "observables": observables_of(last.entities) if last.security else [],
        "tactics": tactics_of(last.tactics),
    }
    return page(request, "console/alerts/alert.html", context, section="alerts")


def _address(state: str, text: str, after: str = "") -> str:
    asked = {"state": state, "q": text, "after": after}
    return f"{reverse('console:alerts')}?{urlencode({k: v for k, v in asked.items() if v})}"
