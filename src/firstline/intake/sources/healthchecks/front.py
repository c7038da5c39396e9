"""Healthchecks' webhook integration; its body is a template: https://healthchecks.io/docs/configuring_notifications/"""

import msgspec

from ..base import IntakeRequest
from ..textual import TextOr
from ..webhook import WebhookFront


class HealthchecksFront(TextOr, WebhookFront):
    kind = "healthchecks"
    container = dict[str, msgspec.Raw]

    def check(self, request: IntakeRequest) -> None:
        self.check_text_or(request, super().check)
