"""The reader's own time zone on every page, as soon as they are signed in."""

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from firstline.accounts.models import Person


class LocalTime:
    """Activates the person's zone; without one the installation's. Sessions stay lazy: a page that never asks who is
    there is never made to ask by this."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        session = getattr(request, "session", None)
        person = request.user if session is not None and session.session_key else None
        try:
            if isinstance(person, Person) and person.is_authenticated:
                timezone.activate(ZoneInfo(person.zone))
            return self._get_response(request)
        except ZoneInfoNotFoundError:
            return self._get_response(request)
        finally:
            timezone.deactivate()
