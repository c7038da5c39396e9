"""What each kind of source is called, how it is set up, and its samples; read from the kind's own folder."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from urllib.parse import urlsplit

from django.template import Context, Engine
from django.utils.translation import gettext_lazy as _

from firstline.core.errors import NotFound

ENGINE = Engine(libraries={"i18n": "django.templatetags.i18n"})
TITLES = {
    "alertmanager": _("Prometheus (pushing straight)"),
    "alertmanager_webhook": _("Alertmanager webhook"),
    "aminer": _("AMiner (security)"),
    "aws_securityhub": _("AWS Security Hub and GuardDuty (security)"),
    "cef": _("CEF or LEEF (security)"),
    "cloudevents": _("CloudEvents 1.0"),
    "datadog": _("Datadog"),
    "elastic_security": _("Elastic Security (security)"),
    "falco": _("Falco (security)"),
    "generic": _("Any JSON, with a mapping"),
    "github": _("GitHub"),
    "grafana": _("Grafana alerting"),
    "healthchecks": _("Healthchecks"),
    "heartbeat": _("Heartbeat of a job"),
    "mail": _("E-mail"),
    "nagios": _("Nagios, Icinga, Naemon"),
    "ocsf": _("OCSF findings (security)"),
    "opsgenie": _("Opsgenie Alert API"),
    "pagerduty": _("PagerDuty Events v1 and v2"),
    "sentinel": _("Microsoft Sentinel and Defender (security)"),
    "sentry": _("Sentry"),
    "sns": _("AWS CloudWatch, SNS, EventBridge"),
    "splunk": _("Splunk"),
    "statuscake": _("StatusCake, UptimeRobot (forms)"),
    "suricata": _("Suricata EVE (security)"),
    "syslog": _("Syslog"),
    "uptime_kuma": _("Uptime Kuma"),
    "wazuh": _("Wazuh (security)"),
    "zabbix": _("Zabbix"),
}
MEDIA = {
    "json": "application/json",
    "eml": "message/rfc822",
    "form": "application/x-www-form-urlencoded",
    "txt": "text/plain",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A payload made for trying a source out; `{{token}}` stands where its token belongs."""

    name: str
    body: str
    content_type: str


@dataclass(frozen=True, slots=True)
class SyslogPorts:
    """Where the gateway listens for syslog; 0: not at all."""

    udp: int = 0
    tcp: int = 0
    tls: int = 0


def help_text(
    kind: str,
    *,
    url: str,
    token: str,
    address: str = "",
    smtp_port: int = 25,
    syslog: SyslogPorts | None = None,
) -> str:
    """How to set up the sender, as Markdown in the language in force, ready to be copied."""
    parts = urlsplit(url)
    template = ENGINE.from_string(_file(kind, "help.md"))
    context = {
        "url": url.rstrip("/"),
        "token": token,
        "host": parts.netloc,
        "hostname": parts.hostname or "",
        "scheme": parts.scheme,
        "address": address or "help@example.org",
        "smtp_port": smtp_port,
        "syslog": syslog or SyslogPorts(),
    }
    return str(template.render(Context(context, autoescape=False)))


@lru_cache(maxsize=64)
def samples(kind: str) -> tuple[Sample, ...]:
    """The kind's samples, the one that starts something first."""
    folder = files("firstline.intake.sources").joinpath(kind, "samples")
    if kind not in TITLES:
        raise NotFound("There is no such kind of source.")
    if not folder.is_dir():
        return ()
    found = [
        Sample(
            entry.name.partition(".")[0],
            entry.read_text(encoding="utf-8"),
            MEDIA[entry.name.rpartition(".")[2]],
        )
        for entry in folder.iterdir()
        if entry.name.rpartition(".")[2] in MEDIA
    ]
    return tuple(sorted(found, key=lambda sample: (sample.name in ("resolve", "change"), sample.name)))


def _file(kind: str, name: str) -> str:
    if kind not in TITLES:
        raise NotFound("There is no such kind of source.")
    return files("firstline.intake.sources").joinpath(kind, name).read_text(encoding="utf-8")
