"""CloudEvents 1.0 over HTTP, in its three modes: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md

Structured and batched: the event is the body. Binary: the attributes are `ce-…` headers, the body is the data.
OPTIONS is the handshake of the webhook specification, by which Azure Event Grid and others ask for leave to send.
"""

from typing import ClassVar

import msgspec

from ..base import Admission, InboxRow, IntakeRequest, NotTheContainer, SourceInfo, decode
from ..webhook import WebhookFront

MOST_ATTRIBUTES = 64
LONGEST_ATTRIBUTE = 4096
REQUIRED = ("specversion", "id", "source", "type")


class Envelope(msgspec.Struct):
    """What makes an event an event."""

    specversion: str
    id: str
    source: str
    type: str


class CloudEventsFront(WebhookFront):
    kind = "cloudevents"
    success = 202
    endpoints = {"": ("POST", "PUT", "OPTIONS")}
    attribute: ClassVar[bytes] = b"ce-"

    def admit(self, request: IntakeRequest, source: SourceInfo) -> Admission:
        if request.method == "OPTIONS":
            origin = request.headers.get(b"webhook-request-origin", b"*")
            allowed = (
                (b"webhook-allowed-origin", origin),
                (b"webhook-allowed-rate", b"*"),
                (b"allow", b"POST, PUT"),
            )
            return Admission(status=200, headers=allowed)
        return super().admit(request, source)

    def check(self, request: IntakeRequest) -> None:
        media = request.content_type.lower()
        if media.startswith("application/cloudevents-batch"):
            decode(request.body, list[msgspec.Raw])
        elif media.startswith("application/cloudevents"):
            decode(request.body, Envelope)
        elif b"ce-specversion" in request.headers:
            missing = [name for name in REQUIRED if not request.headers.get(f"ce-{name}".encode())]
            if missing:
                raise NotTheContainer(f"a binary event needs the header ce-{missing[0]}")
        else:  # senders that forget the media type: one event, or several
            self._either(request.body)

    def _either(self, body: bytes) -> None:
        if body.lstrip()[:1] == b"[":
            decode(body, list[msgspec.Raw])
        else:
            decode(body, Envelope)

    def row(
        self, request: IntakeRequest, source: SourceInfo, *, kind: str = "alert", dedup_key: str | None = None
    ) -> InboxRow:
        """With the attributes of a binary event."""
        row = super().row(request, source, kind=kind, dedup_key=dedup_key)
        found = [pair for pair in request.headers.items() if pair[0].startswith(self.attribute)]
        kept = {
            name.decode("latin-1"): value[:LONGEST_ATTRIBUTE].decode("latin-1")
            for name, value in found[:MOST_ATTRIBUTES]
        }
        return msgspec.structs.replace(row, headers=kept)
