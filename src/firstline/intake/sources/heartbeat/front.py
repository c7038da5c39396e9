"""Heartbeats: `GET` or `POST /beat/<token>`, with `/fail` or an exit status behind it as in Healthchecks."""

import re

from ..base import Admission, Front, InboxRow, IntakeRequest, Refusal, SourceInfo

BELOW = re.compile(r"(?:/(?:fail|start|log|\d{1,3}))?")
TEXT_TYPE = (b"content-type", b"text/plain; charset=utf-8")


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
            headers={"path": request.path},
        )
        return Admission(status=200, headers=(TEXT_TYPE,), body=b"OK", rows=(row,))

    def refuse(self, refusal: Refusal) -> Admission:
        headers = (TEXT_TYPE, *(pair for pair in refusal.headers() if pair[0] == b"retry-after"))
        return Admission(status=refusal.status, headers=headers, body=refusal.message.encode())
