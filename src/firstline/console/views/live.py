"""The ticket to the stream of nudges."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from firstline.accounts.models import Person
from firstline.accounts.viewer import viewer_of
from firstline.core import clock
from firstline.core.live import sign_ticket
from firstline.incidents.visibility import classes_of


@login_required
@require_POST
def ticket(request: HttpRequest) -> JsonResponse:
    """A five-minute ticket that names the viewer and what classes they may see; the gateway checks it."""
    person = request.user
    assert isinstance(person, Person)
    signed = sign_ticket(
        key=settings.SECRET_KEY, viewer=person.pk, classes=classes_of(viewer_of(person.pk)), now=clock.now()
    )
    return JsonResponse({"url": f"/events/stream?ticket={signed}"})
