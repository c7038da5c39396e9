"""*To confirm*: resolved incidents whose caller has not answered; first line asks them by phone."""

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from firstline.closure import queries
from firstline.console.access import Request, staff
from firstline.console.components import Page
from firstline.console.shell import page

SHOWN = 100


@require_GET
@staff("incident.read")
def to_confirm(request: Request) -> HttpResponse:
    """The ones that close first at the top, with the contact; the verbs are those of the incident."""
    found = list(queries.to_confirm(request.viewer)[: SHOWN + 1])
    context = {
        "rows": found[:SHOWN],
        "page": Page(shown=len(found[:SHOWN]), total=len(found)),
        "may_work": request.viewer.may("incident.work"),
    }
    return page(request, "console/closure/to_confirm.html", context, section="to_confirm")
