"""Alertmanager's own API, version 2, as Prometheus pushes to it.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml; errors are a JSON string.
"""

from datetime import UTC, datetime

import msgspec

from firstline import __version__

from ..base import Admission, Front, IntakeRequest, NotTheContainer, Refusal, SourceInfo, answer, decode

MOST_NAMED = 20
STATUS, SILENCE = "/api/v2/status", "/api/v2/silence/"
V1 = "/api/v1/alerts"  # the API of before 0.27, which some senders still speak
STARTED = datetime.now(UTC)  # the status answers since when this process serves


class Part(msgspec.Struct):
    """What Alertmanager insists on in an alert; all else is the parser's business."""

    labels: dict[str, str]


class AlertmanagerFront(Front):
    kind = "alertmanager"
    endpoints = {
        "/api/v1/alerts": ("POST",),
        "/api/v2/alerts": ("POST", "GET", "HEAD"),
        "/api/v2/alerts/groups": ("GET", "HEAD"),
        "/api/v2/receivers": ("GET", "HEAD"),
        "/api/v2/silences": ("POST", "GET", "HEAD"),
        "/api/v2/status": ("GET", "HEAD"),
        "/-/healthy": ("GET", "HEAD"),
        "/-/ready": ("GET", "HEAD"),
    }

    def methods(self, path: str) -> tuple[str, ...]:
        return ("GET", "HEAD", "DELETE") if path.startswith(SILENCE) else super().methods(path)

    def forwards(self, method: str, path: str, query: bytes) -> bool:
        return (
            path.startswith("/api/v2/")
            and path != STATUS
            and (method != "POST" or path.endswith("/silences"))
        )

    def admit(self, request: IntakeRequest, source: SourceInfo) -> Admission:
        """Good alerts of a push are kept even where others are bad, which the answer lists (400)."""
        if request.path == STATUS:
            return answer(200, _status())
        if request.path.startswith("/-/"):
            return Admission(status=200, body=b"OK")
        try:
            good, bad = _sort(request.body)
        except NotTheContainer as error:
            return answer(400, str(error))
        rows = (self.row(request, source),) if good else ()
        if bad:
            more = f"; and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
            return answer(400, "; ".join(bad[:MOST_NAMED]) + more, *rows)
        if request.path == V1:
            return answer(200, {"status": "success"}, *rows)
        return Admission(status=200, rows=rows)

    def refuse(self, refusal: Refusal) -> Admission:
        body = msgspec.json.encode(refusal.message)
        return Admission(status=refusal.status, headers=refusal.headers(), body=body)


def _sort(body: bytes) -> tuple[int, list[str]]:
    """How many alerts are good, and what is wrong with the others."""
    try:
        parts = decode(body, list[Part])
    except NotTheContainer:
        raws = decode(body, list[msgspec.Raw])
        complaints = [_why(index, raw) for index, raw in enumerate(raws)]
    else:
        complaints = [None if part.labels else _bare(index) for index, part in enumerate(parts)]
    bad = [complaint for complaint in complaints if complaint]
    return len(complaints) - len(bad), bad


def _why(index: int, part: msgspec.Raw) -> str | None:
    try:
        return None if decode(bytes(part), Part).labels else _bare(index)
    except NotTheContainer as error:
        return f"alert {index}: {error}"


def _bare(index: int) -> str:
    return f"alert {index}: at least one label pair required"


def _status() -> dict[str, object]:
    version = {
        "version": __version__,
        "branch": "",
        "buildDate": "",
        "buildUser": "",
        "goVersion": "",
        "revision": "",
    }
    return {
        "cluster": {"status": "disabled", "peers": []},
        "config": {"original": ""},
        "uptime": STARTED.isoformat(),
        "versionInfo": version,
    }
