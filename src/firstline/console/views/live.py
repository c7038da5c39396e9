"""The ticket to the stream of nudges."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from firstline.core import clock
from firstline.core.live import sign_ticket


@login_required
@require_POST
def ticket(request: HttpRequest) -> JsonResponse:
    """A five-minute ticket that names the viewer and what classes they may see; the gateway checks it."""
    person = request.user
    signed = sign_ticket(key=settings.SECRET_KEY, viewer=person.pk, classes=["all"], now=clock.now())
    return JsonResponse({"url": f"/events/stream?ticket={signed}"})
