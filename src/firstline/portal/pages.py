"""What every page of the portal shares: who is looking, how it is rendered, how a refusal is shown."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _

from firstline.accounts.models import Person
from firstline.accounts.viewer import ANONYMOUS, Viewer, viewer_of
from firstline.core import clock, installation, rate
from firstline.core.actor import Actor
from firstline.core.errors import Conflict, DomainError, Invalid, InvalidTransition, NotAllowed, NotFound
from firstline.core.requests import client_address

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

_STATUS: tuple[tuple[type[DomainError], int], ...] = (
    (NotFound, 404),
    (NotAllowed, 403),
    (Invalid, 422),
    (Conflict, 409),
    (InvalidTransition, 409),
)


def person_of(request: HttpRequest) -> Person | None:
    """Who is signed in, None for a visitor."""
    return request.user if isinstance(request.user, Person) else None


def viewer_for_request(request: HttpRequest) -> Viewer:
    person = person_of(request)
    return ANONYMOUS if person is None else viewer_of(person.id)


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person as an actor; only for views behind `signed_in`."""
    person = person_of(request)
    assert person is not None
    return Actor.person(person.id, via="portal")


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    section: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render a page. It belongs to one reader and is never kept by a cache on the way."""
    whole = {"section": section, "installation_name": installation.get("name"), **(context or {})}
    answer = render(request, template, whole, status=status)
    patch_cache_control(answer, private=True, no_store=True)
    return answer


def said(view: View[P]) -> View[P]:
    """Show what the domain refuses as a page that says why and what to do."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            return refusal(request, error)

    return answer


def refusal(request: HttpRequest, error: DomainError) -> HttpResponse:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 400)
    return page(request, "portal/refusal.html", {"title": _title(status), "text": str(error)}, status=status)


def _title(status: int) -> str:
    return {
        404: _("Not here"),
        403: _("Not for you"),
        409: _("Meanwhile it has changed"),
        429: _("Too often"),
    }.get(status, _("That did not work"))


def signed_in(view: View[P]) -> View[P]:
    """Send visitors to the sign-in first, and show refusals."""
    shown = said(view)

    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if person_of(request) is None:
            return redirect_to_login(request.get_full_path())
        return shown(request, *args, **kwargs)

    return answer


def too_often(request: HttpRequest, limit: rate.Limit, who: str = "") -> HttpResponse | None:
    """The page that says so when this address (or `who`) did it too often; None while it is within the limit."""
    left = rate.take(limit, who or client_address(request), now=clock.now())
    if left.allowed:
        return None
    text = _("That was too often in a short time. Try again in %(n)s seconds.") % {"n": left.seconds}
    answer = page(request, "portal/refusal.html", {"title": _title(429), "text": text}, status=429)
    answer["Retry-After"] = str(left.seconds)
    return answer
