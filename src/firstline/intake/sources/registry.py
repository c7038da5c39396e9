"""Every wire format, one line each."""

from .alertmanager.front import AlertmanagerFront
from .alertmanager_webhook.front import AlertmanagerWebhookFront
from .base import Front
from .generic.front import GenericFront
from .heartbeat.front import HeartbeatFront
from .pagerduty.front import PagerDutyFront
from .wazuh.front import WazuhFront

FRONTS: dict[str, Front] = {
    front.kind: front
    for front in (
        AlertmanagerFront(),
        AlertmanagerWebhookFront(),
        GenericFront(),
        HeartbeatFront(),
        PagerDutyFront(),
        WazuhFront(),
    )
}
