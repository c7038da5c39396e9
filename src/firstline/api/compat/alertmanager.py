"""Alertmanager's API, version 2, as far as it asks: alerts, groups, receivers, and silences.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml. Errors are a JSON string.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

from firstline.api.compat import alertmanager_alerts as alerts
from firstline.api.compat import alertmanager_silences as silences
from firstline.api.compat.common import Denied, answer, body_of, source_of
from firstline.core import clock
from firstline.core.errors import DomainError, Invalid, NotFound
from firstline.intake.models import Source
from firstline.intake.sources.alertmanager.matchers import BadMatcher

KIND = "alertmanager"


@csrf_exempt
def alertmanager_api(request: HttpRequest, token: str, rest: str) -> HttpResponse:
    """Everything below `/intake/<token>/api/v2/` that the gateway passes on."""
    try:
        return _answered(request, source_of(request, token, KIND), rest.rstrip("/"))
    except Denied as denied:
        response = answer(denied.status, denied.message)
        if denied.retry_after is not None:
            response["Retry-After"] = str(denied.retry_after)
        return response
    except (BadMatcher, alerts.TooMany, Invalid) as error:
        return answer(400, str(error))
    except NotFound as error:
        return answer(404, str(error))
    except DomainError as error:
        return answer(400, str(error))


def _answered(request: HttpRequest, source: Source, rest: str) -> HttpResponse:
    reads: dict[str, Callable[[], object]] = {
        "alerts": lambda: alerts.listed(source, request.GET),
        "alerts/groups": lambda: alerts.grouped(source, request.GET),
        "receivers": lambda: [{"name": source.name}],
        "silences": lambda: silences.listed(source, request.GET, now=clock.now()),
    }
    if rest in reads and request.method in ("GET", "HEAD"):
        return answer(200, reads[rest]())
    if rest == "silences" and request.method == "POST":
        number = silences.posted(source, body_of(request), now=clock.now())
        return answer(200, {"silenceID": number})
    what, _, number = rest.partition("/")
    if what == "silence" and number:
        return _silence(request, source, number)
    return (
        HttpResponseNotAllowed(["GET"]) if rest in reads else answer(404, "this source has no such address")
    )


def _silence(request: HttpRequest, source: Source, number: str) -> HttpResponse:
    if request.method in ("GET", "HEAD"):
        return answer(200, silences.one(source, number, now=clock.now()))
    if request.method == "DELETE":
        silences.expire(source, number, now=clock.now())
        return answer(200, {})
    return HttpResponseNotAllowed(["GET", "DELETE"])
