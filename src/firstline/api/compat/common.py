"""Who asks, how often it may, and answers in JSON."""

from datetime import timedelta

import msgspec
from django.http import HttpRequest, HttpResponse

from firstline.core import clock, rate
from firstline.core.requests import client_address
from firstline.intake import asked
from firstline.intake.models import Source

QUESTIONS = rate.Limit("source-asks", 600, timedelta(minutes=1))
WRONG_TOKENS = rate.Limit("source-wrong", 60, timedelta(minutes=1))
LARGEST_BODY = 1024 * 1024


class Denied(Exception):
    """The request ends here. `status` is 401, 413, 415 or 429; `retry_after` is in seconds."""

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


def source_of(request: HttpRequest, token: str, kind: str) -> Source:
    """The source of this kind that asks. Raises Denied: one answer for all reasons, and guessing ends soon."""
    now = clock.now()
    found = asked.source_of_token(token, client_address(request), now=now)
    if found is None or found.kind != kind:
        left = rate.take(WRONG_TOKENS, client_address(request), now=now)
        if not left.allowed:
            raise Denied(429, "too many unknown tokens from this address", left.seconds)
        raise Denied(401, "unknown or disabled source")
    left = rate.take(QUESTIONS, f"source:{found.id}", now=now)
    if not left.allowed:
        raise Denied(429, "too many questions at this moment, try again", left.seconds)
    return found


def body_of(request: HttpRequest) -> bytes:
    """The body, not compressed and within the limit of intake. Raises Denied."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Denied(415, "send this request without compression")
    announced = request.META.get("CONTENT_LENGTH") or "0"
    if not announced.isdigit() or int(announced) > LARGEST_BODY:
        raise Denied(413, f"the body is larger than {LARGEST_BODY} bytes")
    return request.body


def answer(status: int, value: object) -> HttpResponse:
    """`value` as JSON, not to be kept by anybody."""
    response = HttpResponse(msgspec.json.encode(value), status=status, content_type="application/json")
    response["Cache-Control"] = "private, no-store"
    return response
