"""Splunk's webhook alert action: https://docs.splunk.com/Documentation/Splunk/latest/Alert/Webhooks"""

from ..webhook import WebhookFront


class SplunkFront(WebhookFront):
    kind = "splunk"
