"""The front of formats that are text: any body that is not empty."""

from .base import IntakeRequest, NotTheContainer
from .webhook import WebhookFront


class TextFront(WebhookFront):
    """Takes text in any encoding, and JSON that carries it; the drain finds out."""

    def check(self, request: IntakeRequest) -> None:
        if not request.body.strip():
            raise NotTheContainer("the body is empty")
