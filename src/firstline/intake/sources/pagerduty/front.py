"""PagerDuty's Events API, versions 1 and 2: https://developer.pagerduty.com/docs/events-api-v2-overview

Its required fields are refused with 400 here, as its own API does; clients treat that as final.
"""

from typing import Any

import msgspec

from ..base import (
    Admission,
    Front,
    InboxRow,
    IntakeRequest,
    NotTheContainer,
    Refusal,
    SourceInfo,
    answer,
    decode,
)

ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
LONGEST_KEY = 255
STATUS = {429: "throttle exceeded", 503: "service unavailable"}


class Routed(msgspec.Struct):
    routing_key: Any = None


class Payload(msgspec.Struct):
    summary: Any = None
    source: Any = None
    severity: Any = None


class Event(msgspec.Struct):
    event_action: Any = None
    dedup_key: Any = None
    payload: Payload | None = None


class RoutedV1(msgspec.Struct):
    service_key: Any = None


class EventV1(msgspec.Struct):
    event_type: Any = None
    incident_key: Any = None
    description: Any = None


class EventsV1Front(Front):
    """Events API v1: https://developer.pagerduty.com/docs/events-api-v1-overview

    Too many requests are told 403 there, so that nothing else may be.
    """

    kind = "pagerduty"
    body_limit = 512 * 1024
    addresses = ("/generic/2010-04-15/create_event.json",)

    def methods(self, path: str) -> tuple[str, ...]:
        return ("POST",) if path in self.addresses else ()

    def credential(self, request: IntakeRequest) -> str | None:
        try:
            key = decode(request.body, RoutedV1).service_key
        except NotTheContainer:
            return None
        return key if isinstance(key, str) else None

    def admit(self, request: IntakeRequest, source: SourceInfo) -> Admission:
        try:
            event = decode(request.body, EventV1)
        except NotTheContainer as error:
            return self.refuse(Refusal(status=400, message=f"the body is not a JSON event: {error}"))
        if errors := _v1_errors(event):
            return _invalid(400, "Event object is invalid", errors)
        made = None if event.incident_key else request.id
        row = self.row(request, source, dedup_key=made)
        key = event.incident_key or made
        return answer(200, {"status": "success", "message": "Event processed", "incident_key": key}, row)

    def refuse(self, refusal: Refusal) -> Admission:
        if refusal.status == 429:
            return _invalid(403, refusal.message, [refusal.message], STATUS[429], refusal)
        if refusal.status in (401, 403):
            return _invalid(400, "Event object is invalid", [f"service_key: {refusal.message}"])
        status = STATUS.get(refusal.status, "invalid event")
        return _invalid(refusal.status, refusal.message, [refusal.message], status, refusal)


class PagerDutyFront(Front):
    """Events API v2."""

    kind = "pagerduty"
    siblings = (EventsV1Front(),)
    body_limit = 512 * 1024
    addresses = ("/v2/enqueue", "/v2/change/enqueue")
    endpoints = {"": ("POST",), "/v2/enqueue": ("POST",), "/v2/change/enqueue": ("POST",)}

    def credential(self, request: IntakeRequest) -> str | None:
        try:
            key = decode(request.body, Routed).routing_key
        except NotTheContainer:
            return None
        return key if isinstance(key, str) else None

    def admit(self, request: IntakeRequest, source: SourceInfo) -> Admission:
        try:
            event = decode(request.body, Event)
        except NotTheContainer as error:
            return self.refuse(Refusal(status=400, message=f"the body is not a JSON event: {error}"))
        change = request.path.startswith("/v2/change/")
        errors = _change_errors(event) if change else _event_errors(event)
        if errors:
            return _invalid(400, "Event object is invalid", errors)
        if change:
            success = {"status": "success", "message": "Change event processed"}
            return answer(202, success, self.row(request, source, kind="change"))
        return self._processed(event, request, source)

    def _processed(self, event: Event, request: IntakeRequest, source: SourceInfo) -> Admission:
        """A trigger without a key is always a new alert: its key is made here, answered and kept."""
        made = None if event.dedup_key else request.id
        row: InboxRow = self.row(request, source, dedup_key=made)
        key = event.dedup_key or made
        return answer(202, {"status": "success", "message": "Event processed", "dedup_key": key}, row)

    def refuse(self, refusal: Refusal) -> Admission:
        if refusal.status == 401:  # PagerDuty calls a key that it doesn't know an invalid event
            return _invalid(400, "Event object is invalid", [f"'routing_key': {refusal.message}"])
        status = STATUS.get(refusal.status, "invalid event")
        return _invalid(refusal.status, refusal.message, [refusal.message], status, refusal)


def _invalid(
    code: int, message: str, errors: list[str], status: str = "invalid event", refusal: Refusal | None = None
) -> Admission:
    body = msgspec.json.encode({"status": status, "message": message, "errors": errors})
    headers = (refusal or Refusal(status=code, message=message)).headers()
    return Admission(status=code, headers=headers, body=body)


def _event_errors(event: Event) -> list[str]:
    errors = []
    if event.event_action not in ACTIONS:
        errors.append(f"'event_action' must be one of {', '.join(ACTIONS)}")
    if event.dedup_key is not None and not isinstance(event.dedup_key, str):
        errors.append("'dedup_key' must be a string")
    elif len(event.dedup_key or "") > LONGEST_KEY:
        errors.append(f"'dedup_key' is longer than {LONGEST_KEY} characters")
    if event.event_action == "trigger":
        errors += _payload_errors(event.payload)
    elif not event.dedup_key:
        errors.append("'dedup_key' is missing or blank")
    return errors


def _v1_errors(event: EventV1) -> list[str]:
    errors = []
    if event.event_type not in ACTIONS:
        errors.append(f"event_type is invalid (must be one of: {' '.join(ACTIONS)})")
    if event.incident_key is not None and not isinstance(event.incident_key, str):
        errors.append("incident_key is invalid (must be a string)")
    elif len(event.incident_key or "") > LONGEST_KEY:
        errors.append(f"incident_key is too long (maximum is {LONGEST_KEY} characters)")
    if event.event_type == "trigger":
        errors += [] if _filled(event.description) else ["description is missing or blank"]
    elif not event.incident_key:
        errors.append("incident_key is missing or blank")
    return errors


def _payload_errors(payload: Payload | None) -> list[str]:
    if payload is None:
        return ["'payload' is missing or blank"]
    errors = [
        f"'payload.{name}' is missing or blank"
        for name in ("summary", "source")
        if not _filled(getattr(payload, name))
    ]
    if payload.severity not in SEVERITIES:
        errors.append(f"'payload.severity' must be one of {', '.join(SEVERITIES)}")
    return errors


def _change_errors(event: Event) -> list[str]:
    if event.payload is None:
        return ["'payload' is missing or blank"]
    return [] if _filled(event.payload.summary) else ["'payload.summary' is missing or blank"]


def _filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
