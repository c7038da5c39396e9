"""Who enters a page of the console, in whose zone and language it is shown, and how a domain's refusal
looks."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Concatenate, ParamSpec
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone, translation

from firstline.accounts.models import Person
from firstline.accounts.viewer import Viewer, viewer_of
from firstline.console.shell import page, part
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.core.errors import Conflict, DomainError, Invalid, InvalidTransition, NotAllowed, NotFound

P = ParamSpec("P")
STATUS: tuple[tuple[type[DomainError], int], ...] = (
    (NotAllowed, 403),
    (NotFound, 404),
    (Conflict, 409),
    (InvalidTransition, 409),
    (Invalid, 422),
)


class Request(HttpRequest):
    """A request of a member of staff: who looks, what they may, and the instant of the page."""

    person: Person
    viewer: Viewer
    moment: datetime
    actor: Actor


View = Callable[Concatenate[Request, P], HttpResponseBase]


def status_of(error: DomainError) -> int:
    return next((status for kind, status in STATUS if isinstance(error, kind)), 400)


def staff(
    verb: str = "console.use",
    *,
    write: str = "",
) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponseBase]]:
    """A view for those whose roles include `verb`, and for a POST `write` as well. Callers are shown the portal,
    strangers the sign-in."""

    def decorate(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def entered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            known = _known(request)
            if not known.viewer.is_staff:
                return redirect("portal:home")
            with _at_home(known.person):
                try:
                    known.viewer.require(verb)
                    if write and request.method == "POST":
                        known.viewer.require(write)
                    return view(known, *args, **kwargs)
                except DomainError as error:
                    return refusal(known, error)

        return entered

    return decorate


def refusal(request: Request, error: DomainError) -> HttpResponse:
    """What a refusal looks like where no form could show it: what is the matter and what to do."""
    status = status_of(error)
    context = {"error": error, "status": status}
    if is_partial(request):
        return part(request, "console/refusal_part.html", context, status=status)
    return page(request, "console/refusal.html", context, status=status)


def is_partial(request: HttpRequest) -> bool:
    """Whether htmx asked for a fragment."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Request-Type") != "full"


def _known(request: HttpRequest) -> Request:
    person = request.user
    assert isinstance(person, Person)
    request.person = person  # type: ignore[attr-defined]
    request.viewer = viewer_of(person.pk)  # type: ignore[attr-defined]
    request.actor = Actor.person(person.pk)  # type: ignore[attr-defined]
    request.moment = clock.now()  # type: ignore[attr-defined]
    return request  # type: ignore[return-value]


class _at_home:  # noqa: N801 - reads as a phrase
    """The person's own zone and language, until the page is rendered."""

    def __init__(self, person: Person) -> None:
        try:
            self.zone = timezone.override(ZoneInfo(person.zone or "UTC"))
        except (ZoneInfoNotFoundError, ValueError):
            self.zone = timezone.override(None)
        self.language = translation.override(person.language or None)

    def __enter__(self) -> None:
        self.zone.__enter__()
        self.language.__enter__()

    def __exit__(self, *error: object) -> None:
        self.language.__exit__(None, None, None)
        self.zone.__exit__(None, None, None)
