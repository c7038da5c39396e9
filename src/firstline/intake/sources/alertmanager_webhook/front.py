"""Alertmanager's webhook receiver, version 4: https://prometheus.io/docs/alerting/latest/configuration/"""

from ..webhook import WebhookFront


class AlertmanagerWebhookFront(WebhookFront):
    kind = "alertmanager_webhook"
