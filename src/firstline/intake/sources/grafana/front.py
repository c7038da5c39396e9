"""Grafana's webhook contact point, by POST or PUT; signed when the contact point has an HMAC secret.

https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

from ..signing import SignedFront


class GrafanaFront(SignedFront):
    kind = "grafana"
    header = b"x-grafana-alerting-signature"
