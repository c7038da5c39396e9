"""Datadog's Webhooks integration, JSON or *Encode as form*: https://docs.datadoghq.com/integrations/webhooks/"""

import msgspec

from ..base import IntakeRequest
from ..textual import TextOr
from ..webhook import WebhookFront


class DatadogFront(TextOr, WebhookFront):
    kind = "datadog"
    container = dict[str, msgspec.Raw]

    def check(self, request: IntakeRequest) -> None:
        self.check_text_or(request, super().check)
