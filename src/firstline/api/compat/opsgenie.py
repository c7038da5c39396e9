"""Opsgenie's Alert API as far as it needs the database: status of a request, get, list, count, actions by id.

https://docs.opsgenie.com/docs/alert-api
"""

import time
import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from firstline.api.compat import opsgenie_alerts as alerts
from firstline.api.compat.common import Denied, answer, body_of, source_of
from firstline.core import clock
from firstline.intake import asked
from firstline.intake.actions_asked import append_request
from firstline.intake.models import AlertSpan, Source
from firstline.intake.sources.base import IntakeRequest, NotTheContainer
from firstline.intake.sources.opsgenie import front
from firstline.intake.sources.opsgenie.calls import BASE, SENT, Call, call_of
from firstline.intake.sources.opsgenie.parse import alias_key
from firstline.intake.sources.registry import FRONTS

KIND = "opsgenie"
DONE = {
    "create": ("Create", "Created alert"),
    "acknowledge": ("Acknowledge", "Acknowledged alert"),
    "close": ("Close", "Closed alert"),
    "notes": ("AddNote", "Added note to alert"),
}
NOT_YET = "Request not found. It might not be processed, yet."


@csrf_exempt
def alert_api(request: HttpRequest, rest: str = "", token: str = "") -> HttpResponse:
    """Everything below `/v2/alerts` that the gateway passes on."""
    begun = time.perf_counter()
    try:
        source = source_of(request, token or _key(request), KIND)
        query = request.META.get("QUERY_STRING", "")
        call = call_of(request.method or "GET", f"{BASE}/{rest}", query)
        value, status = _answered(request, source, call)
    except Denied as denied:
        return _denied(denied)
    except alerts.BadQuery as error:
        value, status = {"message": front.INVALID, "errors": {"query": str(error)}}, 422
    value |= {"took": round(time.perf_counter() - begun, 3)}
    value.setdefault("requestId", str(uuid.uuid4()))
    response = answer(status, value)
    response["X-Request-ID"] = value["requestId"]
    response["X-Response-Time"] = str(value["took"])
    response["X-RateLimit-State"] = "OK"
    return response


Answered = tuple[dict[str, Any], int]


def _answered(request: HttpRequest, source: Source, call: Call) -> Answered:
    reads: dict[str, Callable[[], Answered]] = {
        "request": lambda: _status(source, call.identifier),
        "get": lambda: _one(source, call),
        "list": lambda: (alerts.listed(source, request.GET, request.build_absolute_uri(request.path)), 200),
        "count": lambda: ({"data": {"count": alerts.counted(source, request.GET)}}, 200),
    }
    if call.action in reads:
        return reads[call.action]()
    if call.action in SENT:
        return _act(request, source, call)
    what = call.identifier.rpartition("/")[2] or "this"
    text = f"Firstline does not support {what!r} in Opsgenie's API; do it in Firstline."
    return {"message": text, "code": front.UNSUPPORTED}, 403


def _status(source: Source, number: str) -> Answered:
    """What became of a request, from the stored request itself and the alert that it concerned."""
    found = asked.request(source, number)
    if found is None or found.state == "new":
        return {"message": NOT_YET}, 404
    headers = found.row.headers
    call = call_of(headers.get(":method", "POST"), headers.get(":path") or BASE, headers.get(":query", ""))
    action, done = DONE.get(call.action, ("", ""))
    data = {
        "action": action,
        "processedAt": alerts.instant(found.row.received_at),
        "integrationId": str(source.id),
        "alertId": "",
        "alias": "",
    }
    if found.state == "failed" or not found.signals:
        status, success = found.error or "Nothing in this request could be read", False
    else:
        key, at = found.signals[0].key, found.row.received_at
        span = (asked.existing if call.action == "notes" else asked.touched)(source, key, at)
        status, success = (done, True) if span else ("Alert does not exist", False)
        data |= {"alias": key, "alertId": alerts.identifier(span) if span else ""}
    return {"data": {**data, "success": success, "isSuccess": success, "status": status}}, 200


def _one(source: Source, call: Call) -> Answered:
    span = _named(source, call)
    if span is None:
        return _unknown(call)
    return {"data": alerts.detailed(source, span)}, 200


def _act(request: HttpRequest, source: Source, call: Call) -> Answered:
    """An action by id or tiny id: the same request by alias, put into the inbox."""
    span = _named(source, call)
    last = asked.latest(source, span.alert.dedup_key) if span else None
    if span is None or last is None or last.id != span.id:  # its alias means another alert by now
        return _unknown(call)
    body = body_of(request)
    try:
        errors = front.complaints(call, body)
    except NotTheContainer as error:
        return {"message": f"the body is not a JSON object: {error}"}, 400
    if errors:
        return {"message": front.INVALID, "errors": errors}, 422
    path = f"{BASE}/{span.alert.dedup_key}/{call.action}"
    number = append_request(
        source,
        body,
        headers=front.headers_of("POST", path, b"identifierType=alias"),
        content_type=request.content_type or "",
        now=clock.now(),
    )
    return {"result": "Request will be processed", "requestId": number}, 202


def _named(source: Source, call: Call) -> AlertSpan | None:
    """The stretch that is meant. What looks like no id may be an alias, as Opsgenie allows it."""
    if call.by == "alias":
        return asked.latest(source, alias_key(call.identifier))
    number = call.identifier.rpartition("-")[2] if call.by == "id" else call.identifier
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return _by_alias(source, call)
    span = asked.spans(source).filter(id=int(number)).first()
    if span is None or (call.by == "id" and alerts.identifier(span) != call.identifier):
        return _by_alias(source, call)
    return span


def _by_alias(source: Source, call: Call) -> AlertSpan | None:
    return asked.latest(source, alias_key(call.identifier)) if call.by == "id" else None


def _unknown(call: Call) -> Answered:
    return {"message": f"Alert with {call.by} [{call.identifier[:200]}] does not exist."}, 404


def _key(request: HttpRequest) -> str:
    given = request.headers.get("Authorization", "").encode("latin-1", "replace")
    asking = IntakeRequest(id="", method="GET", path=BASE, headers={b"authorization": given})
    return FRONTS[KIND].credential(asking) or ""


def _denied(denied: Denied) -> HttpResponse:
    response = answer(denied.status, {"message": denied.message, "took": 0.0})
    if denied.retry_after is not None:
        response["Retry-After"] = str(denied.retry_after)
        response["X-RateLimit-State"] = "THROTTLED"
        response["X-RateLimit-Reason"] = "INTEGRATION"
        response["X-RateLimit-Period-In-Sec"] = str(denied.retry_after)
    return response
