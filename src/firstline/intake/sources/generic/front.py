"""Generic JSON, read through the source's mapping; plain text and forms for tools that have nothing else."""

import msgspec

from ..base import IntakeRequest, NotTheContainer
from ..webhook import WebhookFront

TEXT = ("text/", "application/x-www-form-urlencoded")


class GenericFront(WebhookFront):
    kind = "generic"
    container = msgspec.Raw
    success = 202

    def check(self, request: IntakeRequest) -> None:
        """Any JSON value; with a text's or a form's content type any UTF-8 that is not empty."""
        if not request.content_type.lower().startswith(TEXT):
            return super().check(request)
        if not request.body:
            raise NotTheContainer("the body is empty")
        try:
            request.body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise NotTheContainer(f"invalid UTF-8 at byte {error.start}") from None
        return None
