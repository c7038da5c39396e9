"""Every wire format, one line each: how the gateway admits it and how the drain reads it."""

from .alertmanager.front import AlertmanagerFront
from .alertmanager.parse import parse as parse_alertmanager
from .alertmanager_webhook.front import AlertmanagerWebhookFront
from .alertmanager_webhook.parse import parse as parse_alertmanager_webhook
from .aminer.front import AminerFront
from .aminer.parse import parse as parse_aminer
from .aws_securityhub.front import AwsSecurityHubFront
from .aws_securityhub.parse import parse as parse_aws_securityhub
from .base import Front
from .cef.front import CefFront
from .cef.parse import parse as parse_cef
from .cloudevents.front import CloudEventsFront
from .cloudevents.parse import parse as parse_cloudevents
from .datadog.front import DatadogFront
from .datadog.parse import parse as parse_datadog
from .elastic_security.front import ElasticSecurityFront
from .elastic_security.parse import parse as parse_elastic_security
from .falco.front import FalcoFront
from .falco.parse import parse as parse_falco
from .generic.front import GenericFront
from .generic.parse import parse as parse_generic
from .github.front import GitHubFront
from .github.parse import parse as parse_github
from .grafana.front import GrafanaFront
from .grafana.parse import parse as parse_grafana
from .healthchecks.front import HealthchecksFront
from .healthchecks.parse import parse as parse_healthchecks
from .heartbeat.front import HeartbeatFront
from .heartbeat.parse import parse as parse_heartbeat
from .nagios.front import NagiosFront
from .nagios.parse import parse as parse_nagios
from .ocsf.front import OcsfFront
from .ocsf.parse import parse as parse_ocsf
from .opsgenie.front import OpsgenieFront
from .opsgenie.parse import parse as parse_opsgenie
from .pagerduty.front import PagerDutyFront
from .pagerduty.parse import parse as parse_pagerduty
from .parsing import Parser
from .sentinel.front import SentinelFront
from .sentinel.parse import parse as parse_sentinel
from .sentry.front import SentryFront
from .sentry.parse import parse as parse_sentry
from .sns.front import SnsFront
from .sns.parse import parse as parse_sns
from .splunk.front import SplunkFront
from .splunk.parse import parse as parse_splunk
from .statuscake.front import StatusCakeFront
from .statuscake.parse import parse as parse_statuscake
from .suricata.front import SuricataFront
from .suricata.parse import parse as parse_suricata
from .syslog.front import SyslogFront
from .syslog.parse import parse as parse_syslog
from .uptime_kuma.front import UptimeKumaFront
from .uptime_kuma.parse import parse as parse_uptime_kuma
from .wazuh.front import WazuhFront
from .wazuh.parse import parse as parse_wazuh
from .zabbix.front import ZabbixFront
from .zabbix.parse import parse as parse_zabbix

FORMATS: dict[str, tuple[Front, Parser]] = {
    front.kind: (front, parse)
    for front, parse in (
        (AlertmanagerFront(), parse_alertmanager),
        (AlertmanagerWebhookFront(), parse_alertmanager_webhook),
        (AminerFront(), parse_aminer),
        (AwsSecurityHubFront(), parse_aws_securityhub),
        (CefFront(), parse_cef),
        (CloudEventsFront(), parse_cloudevents),
        (DatadogFront(), parse_datadog),
        (ElasticSecurityFront(), parse_elastic_security),
        (FalcoFront(), parse_falco),
        (GenericFront(), parse_generic),
        (GitHubFront(), parse_github),
        (GrafanaFront(), parse_grafana),
        (HealthchecksFront(), parse_healthchecks),
        (HeartbeatFront(), parse_heartbeat),
        (NagiosFront(), parse_nagios),
        (OcsfFront(), parse_ocsf),
        (OpsgenieFront(), parse_opsgenie),
        (PagerDutyFront(), parse_pagerduty),
        (SentinelFront(), parse_sentinel),
        (SentryFront(), parse_sentry),
        (SnsFront(), parse_sns),
        (SplunkFront(), parse_splunk),
        (StatusCakeFront(), parse_statuscake),
        (SuricataFront(), parse_suricata),
        (SyslogFront(), parse_syslog),
        (UptimeKumaFront(), parse_uptime_kuma),
        (WazuhFront(), parse_wazuh),
        (ZabbixFront(), parse_zabbix),
    )
}

FRONTS: dict[str, Front] = {kind: front for kind, (front, _) in FORMATS.items()}
PARSERS: dict[str, Parser] = {kind: parse for kind, (_, parse) in FORMATS.items()}
SECURITY_KINDS: frozenset[str] = frozenset(kind for kind, front in FRONTS.items() if front.security)
