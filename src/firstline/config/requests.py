"""Around every request: its id in every log line, and one line for what went wrong or took long."""

import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

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
