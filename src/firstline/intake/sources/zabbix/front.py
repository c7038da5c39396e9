"""Zabbix's webhook media type posts the JSON that its script makes: https://www.zabbix.com/documentation/current/en/manual/config/notifications/media/webhook

Text is taken as well: a message template that somebody sends as it is.
"""

import msgspec

from ..base import IntakeRequest
from ..textual import TextOr
from ..webhook import WebhookFront


class ZabbixFront(TextOr, WebhookFront):
    kind = "zabbix"
    container = dict[str, msgspec.Raw]

    def check(self, request: IntakeRequest) -> None:
        self.check_text_or(request, super().check)
