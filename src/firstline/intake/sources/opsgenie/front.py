"""Opsgenie's Alert API, version 2: https://docs.opsgenie.com/docs/alert-api, /docs/response, /docs/authentication

What sends is stored and answered 202, as Opsgenie does; what asks, and what names an alert by Opsgenie's ids, which
only the database can tell, goes to the web process. What Firstline has nothing for is refused with Opsgenie's code
40302, "not supported", and never taken silently.
"""

import uuid
from typing import Any

import msgspec

from ..base import (
    JSON_TYPE,
    Admission,
    Front,
    IntakeRequest,
    NotTheContainer,
    Refusal,
    SourceInfo,
    decode,
)
from .calls import BASE, Call, call_of

SCHEME = b"geniekey "
UNSUPPORTED = 40302
INVALID = "Request body is not processable. Please check the errors."


class Alert(msgspec.Struct):
    message: Any = None


class Note(msgspec.Struct):
    note: Any = None


class OpsgenieFront(Front):
    kind = "opsgenie"
    addresses = (BASE,)

    def methods(self, path: str) -> tuple[str, ...]:
        if path == BASE:
            return ("GET", "HEAD", "POST")
        return ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") if path.startswith(f"{BASE}/") else ()

    def credential(self, request: IntakeRequest) -> str | None:
        given = request.headers.get(b"authorization", b"").strip()
        if given[: len(SCHEME)].lower() != SCHEME:
            return None
        return given[len(SCHEME) :].strip().decode("latin-1")

    def forwards(self, method: str, path: str, query: bytes) -> bool:
        call = call_of(method, path, query)
        return method in ("GET", "HEAD") or (call.action not in ("", "create") and call.by != "alias")

    def admit(self, request: IntakeRequest, source: SourceInfo) -> Admission:
        call = call_of(request.method, request.path or BASE, request.query)
        if not call.action:
            return unsupported(call)
        try:
            errors = complaints(call, request.body)
        except NotTheContainer as error:
            return self.refuse(Refusal(status=400, message=f"the body is not a JSON object: {error}"))
        if errors:
            return refused(422, INVALID, errors)
        number = str(uuid.UUID(request.id))
        kept = headers_of(request.method, request.path, request.query)
        row = msgspec.structs.replace(self.row(request, source, dedup_key=number), headers=kept)
        return accepted(number, row)

    def refuse(self, refusal: Refusal) -> Admission:
        answer = refused(refusal.status, refusal.message)
        headers = [header for header in refusal.headers() if header != JSON_TYPE]
        if refusal.status == 429:
            headers += [
                (b"x-ratelimit-state", b"THROTTLED"),
                (b"x-ratelimit-reason", b"ACCOUNT"),
                (b"x-ratelimit-period-in-sec", str(refusal.retry_after or 1).encode()),
            ]
        return msgspec.structs.replace(answer, headers=(*answer.headers, *headers))


def complaints(call: Call, body: bytes) -> dict[str, str]:
    """What is wrong with the body of a call, by field. Raises NotTheContainer."""
    if call.action == "create":
        message = decode(body, Alert).message
        filled = isinstance(message, str) and message.strip()
        return {} if filled else {"message": "Message can not be empty."}
    note = decode(body, Note).note if body.strip() else None
    if call.action == "notes" and not (isinstance(note, str) and note.strip()):
        return {"note": "Note can not be empty."}
    return {}


def headers_of(method: str, path: str, query: bytes) -> dict[str, str]:
    """What the parser must know beside the body: in this API the address says what is meant."""
    return {":method": method, ":path": path, ":query": query.decode("latin-1")}


def accepted(number: str, *rows: Any) -> Admission:
    """202 with the request's id, under which what became of it can be asked for."""
    body = msgspec.json.encode(
        {"result": "Request will be processed", "took": 0.0, "requestId": number}
    )  # what takes time, the commit, is still to come
    headers = (JSON_TYPE, (b"x-request-id", number.encode()), (b"x-ratelimit-state", b"OK"))
    return Admission(status=202, headers=headers, body=body, rows=rows)


def refused(
    status: int, message: str, errors: dict[str, str] | None = None, code: int | None = None
) -> Admission:
    """An error in Opsgenie's shape."""
    value = {"message": message, "errors": errors, "code": code, "took": 0.0}
    body = msgspec.json.encode({name: part for name, part in value.items() if part is not None})
    return Admission(status=status, headers=(JSON_TYPE,), body=body)


def unsupported(call: Call) -> Admission:
    what = call.identifier.rpartition("/")[2] or "this"
    return refused(
        403, f"Firstline does not support {what!r} in Opsgenie's API; do it in Firstline.", code=UNSUPPORTED
    )
