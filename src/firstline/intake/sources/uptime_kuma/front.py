"""Uptime Kuma's notification *Webhook*, as JSON or as a form: https://github.com/louislam/uptime-kuma/wiki/Notification-Methods"""

import msgspec

from ..base import IntakeRequest, NotTheContainer
from ..webhook import WebhookFront


class UptimeKumaFront(WebhookFront):
    kind = "uptime_kuma"
    container = dict[str, msgspec.Raw]

    def check(self, request: IntakeRequest) -> None:
        """JSON, or its preset multipart/form-data with the JSON in the field `data`."""
        if not request.content_type.lower().startswith("multipart/form-data"):
            return super().check(request)
        if b"boundary=" not in request.headers.get(b"content-type", b"") or not request.body:
            raise NotTheContainer("the form has no boundary or no content")
        return None
