"""Uptime services that call an address with form fields: StatusCake, UptimeRobot and their like, by POST or GET.

https://www.statuscake.com/kb/knowledge-base/how-to-use-the-web-hook-url/
"""

import hmac
from urllib.parse import parse_qsl

import msgspec

from ..base import Admission, InboxRow, IntakeRequest, NotTheContainer, Refusal, SourceInfo
from ..textual import TextOr
from ..webhook import WebhookFront


class StatusCakeFront(TextOr, WebhookFront):
    """StatusCake's own token (the MD5 of user name and API key) is asked for when it is the source's secret."""

    kind = "statuscake"
    container = dict[str, msgspec.Raw]
    endpoints = {"": ("POST", "PUT", "GET")}
    signed = True

    def admit(self, request: IntakeRequest, source: SourceInfo) -> Admission:
        if source.secret and not hmac.compare_digest(_token(request).encode(), source.secret.encode()):
            message = "this source has a secret, and the field Token is not it"
            return self.refuse(Refusal(status=401, message=message))
        return super().admit(request, source)

    def check(self, request: IntakeRequest) -> None:
        """Form fields, in the body or in the address; JSON for services that can choose."""
        if request.query and not request.body:
            if not parse_qsl(request.query.decode("latin-1")):
                raise NotTheContainer("the address has no fields")
            return
        self.check_text_or(request, super().check)

    def row(
        self, request: IntakeRequest, source: SourceInfo, *, kind: str = "alert", dedup_key: str | None = None
    ) -> InboxRow:
        row = super().row(request, source, kind=kind, dedup_key=dedup_key)
        if not request.query or request.body:
            return row
        return msgspec.structs.replace(row, headers={"query": request.query.decode("latin-1")})


def _token(request: IntakeRequest) -> str:
    text = (request.body or request.query).decode("utf-8", "replace")
    return next((value for name, value in parse_qsl(text) if name.lower() == "token"), "")
