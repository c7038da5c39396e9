"""Around every request: its id in every log line, and one line for what went wrong or took long."""

import json
import sys
import time
import uuid
from collections.abc import Callable

import structlog
from django.db import InterfaceError, OperationalError
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


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><h1>{title}</h1><p>{text}</p></html>
"""


def failed(request: HttpRequest) -> HttpResponse:
    """What is answered when a page could not be made (Django's handler500): 503 while the database is away, so that
    programs come again, else 500. It asks nobody for anything."""
    away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    status, title = (503, "One moment") if away else (500, "This page could not be made")
    text = (
        "The database does not answer at this moment. Nothing is lost; try again in a few seconds."
        if away
        else "What went wrong is in the log. Try again, or tell your administrator when it was."
    )
    if request.path.startswith("/api/"):
        problem = {"type": "about:blank", "title": title, "status": status, "detail": text}
        answer = HttpResponse(json.dumps(problem), content_type="application/problem+json", status=status)
    else:
        answer = HttpResponse(PAGE.format(title=title, text=text), status=status)
    if away:
        answer["Retry-After"] = "5"
    answer["Cache-Control"] = "no-store"
    return answer
