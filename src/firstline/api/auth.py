"""Who asks: a token in `Authorization: Bearer …`, or the session of the browser (then with CSRF)."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest
from ninja.security import APIKeyCookie, HttpBearer

from firstline.accounts.actions import token_of
from firstline.accounts.models import Person
from firstline.accounts.viewer import Viewer, viewer_of, viewer_of_token
from firstline.api.problems import TooMany
from firstline.core import clock, rate
from firstline.core.actor import Actor
from firstline.core.requests import client_address

REQUESTS = rate.Limit("api", 1200, timedelta(minutes=1))
WRONG_TOKENS = rate.Limit("api-wrong", 60, timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, as a reader and as an actor. `scope` names them among idempotency keys."""

    viewer: Viewer
    actor: Actor
    scope: str


class Bearer(HttpBearer):
    """An API token. Wrong ones are counted by address, so that guessing ends soon."""

    def authenticate(self, request: HttpRequest, token: str) -> Principal | None:
        now = clock.now()
        found = token_of(token, now=now)
        if found is None:
            left = rate.take(WRONG_TOKENS, client_address(request), now=now)
            if not left.allowed:
                raise TooMany(left.seconds)
            return None
        return admitted(
            request, Principal(viewer_of_token(found.id), Actor.machine(found.id), f"token:{found.id}")
        )


class Session(APIKeyCookie):
    """The browser's session; writes need the CSRF token in `X-CSRFToken`."""

    param_name = settings.SESSION_COOKIE_NAME

    def authenticate(self, request: HttpRequest, key: str | None) -> Principal | None:
        person = request.user
        if not isinstance(person, Person) or not person.is_authenticated:
            return None
        principal = Principal(viewer_of(person.id), Actor.person(person.id, via="api"), f"person:{person.id}")
        return admitted(request, principal)


def admitted(request: HttpRequest, principal: Principal) -> Principal:
    """Count the request; `TooMany` beyond the limit. The answer's headers say what is left."""
    left = rate.take(REQUESTS, principal.scope, now=clock.now())
    request.allowance = left  # type: ignore[attr-defined]
    if not left.allowed:
        raise TooMany(left.seconds)
    return principal


class ApiRequest(HttpRequest):
    """A request inside an operation: `auth` is who asks."""

    auth: Principal
