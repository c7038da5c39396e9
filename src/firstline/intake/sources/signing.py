"""Formats that sign what they send: HMAC over the raw body, checked before anything is stored.

A source without a secret takes what its token lets in; one with a secret takes nothing that isn't signed with it.
"""

import hmac
from typing import ClassVar

from .base import Admission, IntakeRequest, Refusal, SourceInfo
from .webhook import WebhookFront


class SignedFront(WebhookFront):
    """Asks for `header` as `prefix` and the hexadecimal HMAC-SHA256 of the body under the source's secret."""

    signed = True
    header: ClassVar[bytes]
    prefix: ClassVar[str] = ""

    def admit(self, request: IntakeRequest, source: SourceInfo) -> Admission:
        if source.secret and (wrong := self.complaint(request, source.secret)):
            return self.refuse(Refusal(status=401, message=wrong))
        return super().admit(request, source)

    def complaint(self, request: IntakeRequest, secret: str) -> str:
        """What is wrong with the signature, for whoever set up the sender; nothing when it is right."""
        name = self.header.decode()
        given = request.headers.get(self.header, b"").decode("latin-1").strip()
        if not given:
            return f"this source has a secret, so each request needs a signature in the header {name}"
        digest = hmac.digest(secret.encode(), request.body, "sha256").hex()
        if not hmac.compare_digest(given.lower().encode("latin-1"), f"{self.prefix}{digest}".encode()):
            return f"the signature in the header {name} is not one made with this source's secret"
        return ""
