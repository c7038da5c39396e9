"""Heartbeats: `GET`, `HEAD` or `POST /beat/<token>`; behind it `/start`, `/fail`, `/log` or an exit status.

Paths, the run id (`?rid=`) and the kept body are those of the Healthchecks ping API.
"""

import re
from urllib.parse import parse_qs

from ..base import Admission, Front, InboxRow, IntakeRequest, Refusal, SourceInfo

BELOW = re.compile(r"(?:/(?:fail|start|log|\d{1,3}))?")
TEXT_TYPE = (b"content-type", b"text/plain; charset=utf-8")


def _run_of(query: bytes) -> dict[str, str]:
    """`?rid=<uuid>`: of which run the call is."""
    found = (
        parse_qs(query.decode("latin-1"), max_num_fields=20).get("rid")
        if query and len(query) < 500
        else None
    )
    return {"rid": found[0][:36]} if found else {}


class HeartbeatFront(Front):
    kind = "heartbeat"
    base = "/beat/"
    body_limit = 64 * 1024

    def methods(self, path: str) -> tuple[str, ...]:
        return ("GET", "POST", "HEAD") if BELOW.fullmatch(path) else ()

    def admit(self, request: IntakeRequest, source: SourceInfo) -> Admission:
        """Every beat counts; its body is kept as evidence and never read as anything."""
        row = InboxRow(
            source_id=source.id,
            kind="beat",
            body=request.body,
            content_type=request.content_type,
            headers={"path": request.path} | _run_of(request.query),
        )
        return Admission(status=200, headers=(TEXT_TYPE,), body=b"OK", rows=(row,))

    def refuse(self, refusal: Refusal) -> Admission:
        headers = (TEXT_TYPE, *(pair for pair in refusal.headers() if pair[0] == b"retry-after"))
        return Admission(status=refusal.status, headers=headers, body=refusal.message.encode())
