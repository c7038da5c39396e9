"""Mail of tools that only mail: patterns, the built-in recognisers, and the alerts that come of them."""

from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest

from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.incidents.models import Incident
from firstline.intake import actions
from firstline.intake.models import MailMessage, Source
from firstline.intake.sources.mail.patterns import PatternError, compiled, rendered
from firstline.intake.sources.mail.templates import Letter, check, recognise, signal_of, templates_from
from firstline.intake.sources.mail.tools import TOOLS
from firstline.intake.sources.parsing import ParseError
from tests.unit.intake.inboxes import Inbox

AT = datetime(2026, 11, 24, 3, tzinfo=UTC)
NAGIOS = """***** Nagios *****

Notification Type: PROBLEM

Service: HTTP
Host: web1
Address: 10.0.0.1
State: CRITICAL

Additional Info: connect to address 10.0.0.1 and port 80: Connection refused
"""


@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        ("[{type}] {service} on {host} is {state}!", "[PROBLEM] disk / on web1 is WARNING!",
         {"type": "PROBLEM", "service": "disk /", "host": "web1", "state": "WARNING"}),
        ("Host: {host}", "  host:   web1 ", {"host": "web1"}),
        ("{a} is {b}", "x is y is z", {"a": "x", "b": "y is z"}),
        ("{a} of {b}.", "one. of two. of three.", {"a": "one.", "b": "two. of three"}),
        ("{}: {rest}", ": here", {"rest": "here"}),
        ("exactly", "Exactly", {}),
        ("exactly", "exactly so", None),
        ("{a} end", " end", None),
        ("begin {a}", "begin", None),
        ("{a}aa", "aaa", {"a": "a"}),
        ("** {x} **", "** y **", {"x": "y"}),
    ],
)  # fmt: skip
def test_patterns(pattern: str, line: str, found: dict[str, str] | None) -> None:
    assert compiled(pattern).match(line) == found


@pytest.mark.parametrize("pattern", ["{A}", "{a}{b}", "{a", "a}", "{a b}", "x" * 400])
def test_patterns_that_cannot_be_read(pattern: str) -> None:
    with pytest.raises(PatternError):
        compiled(pattern)


def test_a_pattern_of_many_places_is_soon_done() -> None:
    """With backtracking this would not end in this life."""
    pattern = compiled("x".join(f"{{p{'a' * n}}}" for n in range(20)))
    assert pattern.match("x" * 999 + "!") is not None
    assert compiled("{a}x" * 20 + "y").match("x" * 999) is None


def test_rendering_leaves_out_what_is_not_known() -> None:
    assert rendered("{host}: {service} {}", {"host": "web1"}) == "web1:"


@pytest.mark.parametrize("template", TOOLS, ids=lambda template: template.name)
def test_each_built_in_one_is_sound(template: Any) -> None:
    check(template)


ZABBIX = "Problem has been resolved at 12:00:01\nHost: web1\nSeverity: High\nOriginal problem ID: 77"
SMART = "Device: /dev/sda [SAT], 8 Currently unreadable (pending) sectors"
PENDING = "db1/dev/sda [SAT] CurrentPendingSector"
HIGH = "HighLoad (web1 page)"
FIRING = "Alertmanager or Grafana"
ACK = "** ACKNOWLEDGEMENT Service Alert: web1/HTTP is CRITICAL **"
DUMP = "root@db1 /usr/local/bin/dump --all"


@pytest.mark.parametrize(
    ("subject", "text", "tool", "kind", "key", "severity", "ci"),
    [
        ("** PROBLEM Service Alert: web1/HTTP is CRITICAL **", NAGIOS, "Nagios", "trigger", "web1/HTTP", "critical",
         "web1"),
        ("** RECOVERY Service Alert: web1/HTTP is OK **", "", "Nagios", "resolve", "web1/HTTP", "info", "web1"),
        (ACK, "", "Nagios", "acknowledge", "web1/HTTP", "critical", "web1"),
        ("** FLAPPINGSTART Service Alert: web1/HTTP is OK **", "", "Nagios", "note", "web1/HTTP", "info", "web1"),
        ("** PROBLEM Host Alert: web1 is DOWN **", "", "Nagios host", "trigger", "web1", "critical", "web1"),
        ("[PROBLEM] HTTP on web1 is WARNING!", "", "Icinga", "trigger", "web1/HTTP", "warning", "web1"),
        ("[RECOVERY] Host web1 is UP!", "", "Icinga host", "resolve", "web1", "info", "web1"),
        ("Check_MK: web1/CPU load OK -> WARN", "", "Checkmk", "trigger", "web1/CPU load", "warning", "web1"),
        ("Check_MK: web1/CPU load WARN -> OK", "", "Checkmk", "resolve", "web1/CPU load", "info", "web1"),
        ("Problem: Load", "Host: web1\nSeverity: High\nOriginal problem ID: 77", "Zabbix", "trigger", "77", "error",
         "web1"),
        ("Resolved in 5m: Load", ZABBIX, "Zabbix", "resolve", "77", "error", "web1"),
        (f"[FIRING:1] {HIGH}", "", FIRING, "trigger", HIGH, "error", ""),
        (f"[RESOLVED] {HIGH}", "", FIRING, "resolve", HIGH, "error", ""),
        ('OK: "CPU" in EU (Frankfurt)', "", "CloudWatch", "resolve", "EU (Frankfurt)/CPU", "info", ""),
        ("Cron <root@db1> /usr/local/bin/dump --all", "disk full", "cron", "trigger", DUMP, "warning", "db1"),
        ("Anacron job 'cron.daily' on db1", "", "anacron", "trigger", "db1/cron.daily", "warning", "db1"),
        ("DegradedArray event on /dev/md0:db1", "", "mdadm", "trigger", "db1/dev/md0", "critical", "db1"),
        ("SpareActive event on /dev/md0:db1", "", "mdadm", "resolve", "db1/dev/md0", "error", "db1"),
        ("SMART error (CurrentPendingSector) detected on host: db1", SMART, "smartd", "trigger", PENDING, "error",
         "db1"),
        ("Logwatch for db1 (Linux)", "", "logwatch", "trigger", "db1", "info", "db1"),
        ("Bacula: Backup OK of db1-fd Full", "", "Bacula or Bareos", "resolve", "db1-fd Full", "info", "db1-fd"),
        ("Bareos: Backup Error of db1-fd Full", "", "Bacula or Bareos", "trigger", "db1-fd Full", "error", "db1-fd"),
        ("[Failed] Nightly (3 objects) 1 failed", "", "Veeam", "trigger", "Nightly", "error", ""),
        ("[Success] Nightly (3 objects)", "", "Veeam", "resolve", "Nightly", "info", ""),
        ("vzdump backup status (pve1): backup successful", "", "Proxmox backup", "resolve", "pve1", "error", "pve1"),
    ],
)  # fmt: skip
def test_what_tools_write(
    subject: str, text: str, tool: str, kind: str, key: str, severity: str, ci: str
) -> None:
    letter = Letter(sender="monitor@example.org", subject=subject, text=text)
    found = recognise(letter, TOOLS)
    assert found is not None and found.template.name == tool
    signal = signal_of(found, letter, occurred_at=AT, row=1)
    assert (signal.kind, signal.key, signal.severity, signal.ci) == (
        kind, f"{tool}:{key}:monitor@example.org", severity, ci,
    )  # fmt: skip


@pytest.mark.parametrize(
    "subject",
    ["Re: [PROBLEM] HTTP on web1 is CRITICAL!", "Fwd: Cron <root@db1> ls", "Problem: my printer",
     "[Hello] it on x is y", "Lunch - Friday - canteen is closed", "ALARM", ""],
)  # fmt: skip
def test_what_people_write_is_no_tool(subject: str) -> None:
    assert recognise(Letter("ann@example.org", subject, "Host: x"), TOOLS) is None


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ({"name": "x", "subject": []}, "subject"),
        ({"name": " ", "subject": ["x"]}, "name"),
        ({"name": "x", "subject": ["{a}{b}"]}, "between"),
        ({"name": "x", "subject": ["{a}"], "key": "{b}"}, "{b}"),
        ({"name": "x", "subject": ["{a}"], "needs": ["b"]}, "{b}"),
        ({"name": "x", "subject": ["{a}"], "nonsense": 1}, "nonsense"),
    ],
)
def test_templates_that_cannot_be_read(template: dict[str, Any], says: str) -> None:
    with pytest.raises(ParseError, match=says):
        templates_from({"templates": [template]})


class Tool:
    """A tool that mails to a source."""

    def __init__(self, inbox: Inbox, source: Source) -> None:
        self.inbox, self.source, self.sent = inbox, source, 0

    def __call__(
        self, subject: str, text: str = "", *, sender: str = "nagios@mon1", **headers: str
    ) -> MailMessage:
        self.sent += 1
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, "alerts@example.org", subject
        mail["Message-ID"] = f"<t{self.sent}@mon1>"
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(text or subject)
        self.inbox.put(self.source, mail.as_bytes(), kind="mail", content_type="message/rfc822")
        self.inbox.drain()
        return MailMessage.objects.latest("id")


@pytest.fixture
def tool(inbox: Inbox) -> Tool:
    return Tool(inbox, inbox.source("mail", address="alerts@example.org"))


def test_problem_repeats_and_recovery(tool: Tool) -> None:
    first = tool("** PROBLEM Service Alert: web1/HTTP is CRITICAL **", NAGIOS)
    again = tool("** PROBLEM Service Alert: web1/HTTP is CRITICAL **", NAGIOS + "still")
    assert (first.verdict, first.why["tool"], again.incident_id) == ("alert", "Nagios", first.incident_id)
    (span,) = tool.inbox.spans(tool.source)
    assert (span.count, span.state, span.title, span.severity) == (
        2,
        "firing",
        "HTTP on web1 is CRITICAL",
        "critical",
    )
    incident = Incident.objects.get()
    assert (incident.channel, incident.caller_id) == ("monitoring", None)
    over = tool("** RECOVERY Service Alert: web1/HTTP is OK **")
    assert (over.why["signal"], over.incident_id) == ("resolve", incident.id)
    (span,) = tool.inbox.spans(tool.source)
    assert span.state == "resolved"


def test_nobody_else_resolves_it(tool: Tool) -> None:
    tool("** PROBLEM Service Alert: web1/HTTP is CRITICAL **")
    tool("** RECOVERY Service Alert: web1/HTTP is OK **", sender="eve@example.net")
    assert [span.state for span in tool.inbox.spans(tool.source)] == ["firing"]


def test_an_acknowledgement_in_the_tool_is_one_here(tool: Tool) -> None:
    tool("** PROBLEM Host Alert: web1 is DOWN **")
    tool("** ACKNOWLEDGEMENT Host Alert: web1 is DOWN **")
    assert Incident.objects.get().acknowledged_at is not None


def test_hundreds_of_mails_of_one_monitor_are_all_taken(tool: Tool) -> None:
    """The limit of each sender is against loops; an alert is not answered."""
    for number in range(40):
        assert (
            tool(f"[PROBLEM] disk on web{number} is CRITICAL!", Auto_Submitted="auto-generated").verdict
            == "alert"
        )
    assert len(tool.inbox.spans(tool.source)) == 40


def test_own_templates_come_first_and_built_in_ones_can_be_switched_off(tool: Tool) -> None:
    def save(mapping: dict[str, Any]) -> None:
        tool.source = actions.save_mapping(
            tool.source.id, mapping, actor=Actor.system("test"), now=tool.inbox.now
        )

    own = {"name": "Robots", "subject": ["{robot} stands still", "{robot} {state} again"], "key": "{robot}",
           "state": "{state}", "resolved": ["works"], "severity": "critical", "body": ["Hall {hall}"],
           "ci": "{robot}", "labels": {"hall": "{hall}"}}  # fmt: skip
    save({"templates": [own]})
    kept = tool("R2 stands still", "It began at 3.\nHall 7\n", sender="plc@factory.example")
    assert (kept.verdict, kept.why["tool"]) == ("alert", "Robots")
    (span,) = tool.inbox.spans(tool.source)
    assert span.severity == "critical" and span.labels["hall"] == "7"
    tool("R2 works again", sender="plc@factory.example")
    assert [span.state for span in tool.inbox.spans(tool.source)] == ["resolved"]
    save({"templates": [], "builtin": False})
    kept = tool("[PROBLEM] HTTP on web1 is WARNING!", sender="bob@example.org")
    assert (kept.verdict, kept.why.get("tool")) == ("opened", None)
    with pytest.raises(Invalid):
        save({"templates": [{"name": "x", "subject": ["{a}{b}"]}]})
