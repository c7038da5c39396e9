"""The kinds of sources as one chooses among them: in families, each with a line about it and an icon."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _l

from firstline.intake.helping import TITLES


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind on the page where a source is added."""

    key: str
    icon: str
    about: str | Promise

    @property
    def title(self) -> str | Promise:
        return TITLES[self.key]


FAMILIES: tuple[tuple[str | Promise, tuple[Kind, ...]], ...] = (
    (
        _l("Monitoring"),
        (
            Kind(
                "alertmanager", "activity", _l("Prometheus sends to Firstline as if it were an Alertmanager.")
            ),
            Kind("alertmanager_webhook", "bell-ring", _l("A receiver in alertmanager.yml.")),
            Kind("grafana", "chart-column", _l("A contact point of Grafana, also of its legacy alerting.")),
            Kind("zabbix", "activity", _l("A media type of Zabbix, to be pasted.")),
            Kind("nagios", "activity", _l("A command script for Nagios, Icinga and Naemon.")),
            Kind("uptime_kuma", "radio", _l("Its notification Webhook.")),
            Kind("healthchecks", "heart-pulse", _l("Its webhook integration, for cron jobs.")),
            Kind("statuscake", "radio", _l("Uptime services that send form fields.")),
        ),
    ),
    (
        _l("Clouds and services"),
        (
            Kind("sns", "layers", _l("Alarms of CloudWatch and events of EventBridge, by an SNS topic.")),
            Kind("datadog", "chart-column", _l("Monitors of Datadog, by its webhook integration.")),
            Kind("sentry", "circle-alert", _l("Issue and metric alerts of Sentry, signed.")),
            Kind("splunk", "search", _l("The webhook action of a Splunk alert.")),
            Kind("github", "git-branch", _l("Failed workflows, security alerts and deployments, signed.")),
            Kind("cloudevents", "braces", _l("Knative, Azure Event Grid and whatever sends CloudEvents.")),
        ),
    ),
    (
        _l("In place of another alert service"),
        (
            Kind(
                "pagerduty", "siren", _l("Whatever can send to PagerDuty: change the address, keep the rest.")
            ),
            Kind(
                "opsgenie", "siren", _l("Whatever can send to Opsgenie: change the address, keep the rest.")
            ),
        ),
    ),
    (
        _l("Security"),
        (
            Kind(
                "wazuh",
                "shield",
                _l("Alerts of the SIEM become security incidents that only security groups see."),
            ),
            Kind("elastic_security", "shield", _l("Detection alerts by a webhook connector of Kibana.")),
            Kind(
                "sentinel",
                "shield",
                _l("Incidents by a Logic App, alerts of Defender as Microsoft Graph has them."),
            ),
            Kind("aws_securityhub", "shield", _l("Findings by an API destination of EventBridge.")),
            Kind("suricata", "shield", _l("Lines of eve.json, by whatever shipper.")),
            Kind("falco", "shield", _l("Falco itself, or falcosidekick.")),
            Kind("ocsf", "shield", _l("Any tool that writes findings in the Open Cybersecurity Schema.")),
            Kind("aminer", "shield", _l("Anomalies in logs that AMiner found.")),
            Kind("syslog", "shield", _l("CEF, LEEF and plain messages over UDP, TCP or TLS.")),
            Kind("cef", "shield", _l("CEF or LEEF of firewalls and scanners, over HTTP.")),
        ),
    ),
    (
        _l("Anything else"),
        (
            Kind("generic", "braces", _l("Any program that can post JSON; how it is read is proposed.")),
            Kind("mail", "mail", _l("People and tools write to an address.")),
            Kind("heartbeat", "heart-pulse", _l("A job that must be heard of; silence opens an incident.")),
        ),
    ),
)


def offered() -> list[tuple[str | Promise, list[Kind]]]:
    """The families with those of their kinds that this installation has."""
    named = {kind.key for _, kinds in FAMILIES for kind in kinds}
    rest = [Kind(key, "plug", "") for key in TITLES if key not in named]
    found = [(title, [kind for kind in kinds if kind.key in TITLES]) for title, kinds in FAMILIES]
    found[-1][1].extend(rest)
    return found
