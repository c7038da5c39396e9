"""Duties as calendar feeds, for programs that subscribe to an address."""

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from firstline.accounts import actions as accounts
from firstline.accounts.models import Person
from firstline.accounts.viewer import Viewer, viewer_of
from firstline.core import clock, rate
from firstline.core.errors import DomainError
from firstline.core.requests import client_address
from firstline.oncall import duty_queries, ics, queries

WRONG = rate.Limit("calendar-wrong", 30, timedelta(minutes=1))
Made = Callable[[Viewer, datetime], tuple[str, list[ics.Duty]]]


@require_safe
@cache_control(private=True, max_age=300)
def mine(request: HttpRequest, token: str) -> HttpResponse:
    """The token's owner's duties in all schedules."""

    def made(viewer: Viewer, now: datetime) -> tuple[str, list[ics.Duty]]:
        assert viewer.person_id is not None
        return _("My on-call duties"), duty_queries.feed_of_person(viewer, viewer.person_id, now)

    return _feed(request, token, made)


@require_safe
@cache_control(private=True, max_age=300)
def schedule(request: HttpRequest, token: str, schedule_id: int) -> HttpResponse:
    """Everybody's duties of one schedule."""

    def made(viewer: Viewer, now: datetime) -> tuple[str, list[ics.Duty]]:
        row = queries.schedule(viewer, schedule_id)
        return row.name, duty_queries.feed_of_schedule(viewer, row, now)

    return _feed(request, token, made)


def _feed(request: HttpRequest, token: str, made: Made) -> HttpResponse:
    """404 for whatever it is that does not open: a guesser learns nothing, and too many guesses end."""
    now = clock.now()
    try:
        person = Person.objects.get(id=accounts.calendar_owner(token, now=now))
        with translation.override(person.language):
            name, duties = made(viewer_of(person.pk), now)
    except DomainError:
        left = rate.take(WRONG, client_address(request), now=now)
        return HttpResponse(
            "There is no such calendar.\n", status=404 if left.allowed else 429, content_type="text/plain"
        )
    host = urlsplit(settings.URL).hostname or "firstline"
    return HttpResponse(
        ics.write(name, duties, now=now, host=host), content_type="text/calendar; charset=utf-8"
    )
