"""Around every request: its id in every log line, and one line for what went wrong or took long."""

import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

log = structlog.get_logger("firstline.web")

SLOW = 1.0
"""Seconds."""


class RequestId:
    """Middleware. The gateway names each request; a request that comes another way gets a name here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.headers.get("X-Request-ID") or uuid.uuid4().hex
        with structlog.contextvars.bound_contextvars(request=name):
            begun = time.perf_counter()
            response = self.get_response(request)
            seconds = time.perf_counter() - begun
            response["X-Request-ID"] = name
            facts = {"method": request.method, "path": request.path, "status": response.status_code}
            say = log.warning if response.status_code >= 500 or seconds > SLOW else log.debug
            say("request", **facts, milliseconds=round(seconds * 1000))
        return response


class NoZeroBytes:
    """Middleware. No text of ours holds a zero byte and PostgreSQL takes none: whoever sends one in an address or
    a form is told so, whichever page it is for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: object) -> HttpResponse | None:
        """After the other middlewares, so that a form is read at most once and only by whom they let through."""
        if request.path.startswith("/api/"):  # its schemas refuse them, in the API's own form
            return None
        sent = (
            value for form in (request.GET, request.POST) for _, values in form.lists() for value in values
        )
        if any("\x00" in str(value) for value in sent):
            return HttpResponseBadRequest("This request holds a zero byte, which no text may.")
        return None
