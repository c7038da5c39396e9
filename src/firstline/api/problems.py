"""Errors as RFC 9457 problem details: one shape for everything that goes wrong."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Schema

from firstline.core.errors import Conflict, DomainError, Invalid, InvalidTransition, NotAllowed, NotFound

MEDIA_TYPE = "application/problem+json"


class FieldError(Schema):
    """What is wrong with one field, parameter or header."""

    field: str
    message: str


class ProblemOut(Schema):
    """RFC 9457. `type` is stable and meant for programs, `detail` for people."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] | None = None
    theirs: dict[str, Any] | None = None


class PreconditionFailed(DomainError):
    """If-Match names another version than the present one."""


class TooMany(DomainError):
    """The rate limit. `seconds` until the next window."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many requests. Try again in {seconds} seconds.")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Kind:
    slug: str
    status: int
    title: str


KINDS: tuple[tuple[type[DomainError], Kind], ...] = (
    (NotFound, Kind("not-found", 404, "Not found")),
    (NotAllowed, Kind("not-allowed", 403, "Not allowed")),
    (InvalidTransition, Kind("invalid-transition", 409, "Not possible in this state")),
    (Conflict, Kind("conflict", 409, "Changed meanwhile")),
    (PreconditionFailed, Kind("stale", 412, "Another version")),
    (TooMany, Kind("too-many-requests", 429, "Too many requests")),
    (Invalid, Kind("invalid", 422, "Not acceptable")),
)


def of_domain(request: HttpRequest, error: DomainError) -> HttpResponse:
    """A refusal of the domain."""
    kind = next((kind for cls, kind in KINDS if isinstance(error, cls)), Kind("refused", 400, "Refused"))
    fields = error.fields if isinstance(error, Invalid) else {}
    theirs = error.theirs if isinstance(error, Conflict) else {}
    answer = problem(
        request,
        kind,
        str(error),
        errors=[{"field": name, "message": text} for name, text in fields.items()],
        theirs=theirs,
    )
    if isinstance(error, TooMany):
        answer["Retry-After"] = str(error.seconds)
    return answer


def of_status(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """What the framework refuses before an operation runs."""
    phrase = HTTPStatus(status).phrase
    return problem(request, Kind(phrase.lower().replace(" ", "-"), status, phrase), detail)


def of_validation(request: HttpRequest, errors: Sequence[Mapping[str, Any]]) -> HttpResponse:
    """A request that doesn't fit its schema: each field with what is wrong with it."""
    listed = [
        {"field": ".".join(str(p) for p in error["loc"][1:] if p != "data"), "message": str(error["msg"])}
        for error in errors
    ]
    detail = (
        "The request doesn't fit: " + "; ".join(f"{e['field']}: {e['message']}" for e in listed[:5]) + "."
    )
    return problem(request, Kind("invalid", 422, "Not acceptable"), detail, errors=listed)


def problem(
    request: HttpRequest,
    kind: Kind,
    detail: str,
    *,
    errors: Sequence[Mapping[str, str]] = (),
    theirs: Mapping[str, object] | None = None,
) -> HttpResponse:
    body: dict[str, Any] = {
        "type": f"urn:firstline:problem:{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": request.path,
    }
    if errors:
        body["errors"] = list(errors)
    if theirs:
        body["theirs"] = dict(theirs)
    answer = HttpResponse(json.dumps(body), status=kind.status, content_type=MEDIA_TYPE)
    if kind.status == 401:
        answer["WWW-Authenticate"] = 'Bearer realm="Firstline"'
    return answer
