"""Every wire format, one line each: how the gateway admits it and how the drain reads it."""

from .alertmanager.front import AlertmanagerFront
from .alertmanager.parse import parse as parse_alertmanager
from .alertmanager_webhook.front import AlertmanagerWebhookFront
from .alertmanager_webhook.parse import parse as parse_alertmanager_webhook
from .base import Front
from .generic.front import GenericFront
from .generic.parse import parse as parse_generic
from .heartbeat.front import HeartbeatFront
from .heartbeat.parse import parse as parse_heartbeat
from .pagerduty.front import PagerDutyFront
from .pagerduty.parse import parse as parse_pagerduty
from .parsing import Parser
from .wazuh.front import WazuhFront
from .wazuh.parse import parse as parse_wazuh

FORMATS: dict[str, tuple[Front, Parser]] = {
    front.kind: (front, parse)
    for front, parse in (
        (AlertmanagerFront(), parse_alertmanager),
        (AlertmanagerWebhookFront(), parse_alertmanager_webhook),
        (GenericFront(), parse_generic),
        (HeartbeatFront(), parse_heartbeat),
        (PagerDutyFront(), parse_pagerduty),
        (WazuhFront(), parse_wazuh),
    )
}

FRONTS: dict[str, Front] = {kind: front for kind, (front, _) in FORMATS.items()}
PARSERS: dict[str, Parser] = {kind: parse for kind, (_, parse) in FORMATS.items()}
