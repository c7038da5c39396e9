"""Real payloads of several dozen tools, scored: what their manifest says each means, and what Firstline makes of it.

Five questions per payload, each answered right, wrong or not asked (the manifest doesn't say): is it taken (a 2xx, and
read without an error), its kind, its severity class, its title, its identity.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

from firstline.intake.signal import Severity, Signal, SignalKind
from firstline.intake.sources.base import Admission, IntakeRequest, SourceInfo
from firstline.intake.sources.parsing import ParseError, Received
from firstline.intake.sources.registry import FRONTS, PARSERS

AT = datetime(2026, 11, 23, tzinfo=UTC)
# the kind of source that a tool's payloads are sent to; every other tool's go to the generic one
NAMED = {
    "alertmanager": "alertmanager_webhook",
    "grafana_alerting": "grafana",
    "grafana_legacy": "grafana",
    "wazuh": "wazuh",
    "zabbix": "zabbix",
    "datadog": "datadog",
    "sentry": "sentry",
    "github": "github",
    "cloudwatch_sns": "sns",
    "pagerduty_events_v1": "pagerduty",
    "suricata": "suricata",
    "falco": "falco",
    "ocsf": "ocsf",
    "elastic_security": "elastic_security",
    "aws_securityhub": "aws_securityhub",
    "nagios": "nagios",
    "siem_microsoft_defender": "sentinel",
    "siem_aws_guardduty": "aws_securityhub",
    "siem_aws_securityfinding": "aws_securityhub",
    "cef": "cef",
}
PATHS = {"pagerduty_events_v1": "/generic/2010-04-15/create_event.json"}
QUESTIONS = ("taken", "kind", "severity", "title", "identity")
# a rule's title and verdict are an analyst's, not the payload's: asked, and shown apart
VERDICTS = "siem_"
CLASSES = {
    "critical": {Severity.CRITICAL},
    "p1": {Severity.CRITICAL},
    "down": {Severity.CRITICAL, Severity.ERROR},
    "high": {Severity.CRITICAL, Severity.ERROR},
    "error": {Severity.ERROR},
    "major": {Severity.ERROR},
    "average": {Severity.WARNING, Severity.ERROR},
    "medium": {Severity.WARNING},
    "warning": {Severity.WARNING},
    "low": {Severity.INFO, Severity.WARNING},
    "info": {Severity.INFO},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One payload with what its manifest says."""

    file: str
    tool: str
    kind: str
    media: str
    headers: dict[str, str]
    body: bytes
    expected: Mapping[str, Any]

    @property
    def source_kind(self) -> str:
        kind = NAMED.get(self.tool, "generic")
        if self.file.endswith(".eml"):  # what a mail means is the mail tests' business; here it is only text
            return "generic"
        return kind if kind in FRONTS else "generic"

    @property
    def is_named(self) -> bool:
        return self.source_kind != "generic"


@dataclass(slots=True)
class Verdict:
    """What became of one payload. `answers` has only the questions that the manifest answers."""

    entry: Entry
    signals: list[Signal] = field(default_factory=list)
    answers: dict[str, bool] = field(default_factory=dict)
    error: str = ""


def entries(folder: Path) -> Iterator[Entry]:
    """The whole corpus."""
    for row in json.loads((folder / "manifest.json").read_text()):
        http = {name.lower(): value for name, value in row.get("http", {}).items() if name != "note"}
        media = http.pop("content_type", "application/json" if row["format"] == "json" else "text/plain")
        yield Entry(
            file=row["file"],
            tool=row["tool"],
            kind=row["kind"],
            media=media,
            headers=http,
            body=_body(folder / row["file"]),
            expected=row.get("expected") or {},
        )


def _body(path: Path) -> bytes:
    """A mail is what it says: its subject and its text."""
    raw = path.read_bytes()
    if path.suffix != ".eml":
        return raw
    message = message_from_bytes(raw)
    return f"{message['subject']}\n\n".encode() + (message.get_payload(decode=True) or b"")


def judged(entry: Entry) -> Verdict:
    """The payload through the gateway's front and the drain's parser, and the answers."""
    verdict = Verdict(entry)
    admission = _admitted(entry)
    if not (200 <= admission.status < 300 and admission.rows):
        verdict.answers["taken"] = False
        verdict.error = f"{admission.status} {admission.body.decode()[:200]}"
        return verdict
    kept = admission.rows[0]
    row = Received(
        id=7,
        received_at=AT,
        kind=kept.kind,
        body=kept.body,
        content_type=kept.content_type,
        headers=kept.headers,
        dedup_key=kept.dedup_key,
    )
    try:
        verdict.signals = PARSERS[entry.source_kind](row, {})
    except ParseError as error:
        verdict.answers["taken"] = False
        verdict.error = str(error)
        return verdict
    verdict.answers["taken"] = True
    for question, answer in (
        ("kind", _kind(entry, verdict.signals)),
        ("severity", _severity(entry, verdict.signals)),
        ("title", _title(entry, verdict.signals)),
        ("identity", _identity(entry, verdict.signals)),
    ):
        if answer is not None:
            verdict.answers[question] = answer
    return verdict


def _admitted(entry: Entry) -> Admission:
    """What the gateway answers, at the address that this tool posts to."""
    headers = {b"content-type": entry.media.encode()}
    headers |= {name.encode(): str(value).encode() for name, value in entry.headers.items()}
    path = PATHS.get(entry.tool, "")
    front = FRONTS[entry.source_kind]
    front = next((each for each in front.siblings if path and path in each.addresses), front)
    request = IntakeRequest(id="0" * 32, method="POST", path=path, headers=headers, body=entry.body)
    return front.admit(request, SourceInfo(id=7, kind=entry.source_kind))


def _kind(entry: Entry, signals: list[Signal]) -> bool:
    kinds = {signal.kind for signal in signals}
    said = entry.kind
    if said.startswith(("firing", "re-opened")):
        return kinds == {SignalKind.TRIGGER} and len(signals) >= int(entry.expected.get("count", 1))
    if said.startswith("resolved") or said == "ok":
        return kinds == {SignalKind.RESOLVE}
    if said.startswith("ack"):
        return kinds == {SignalKind.ACKNOWLEDGE}
    if said.startswith("change event"):
        return SignalKind.CHANGE in kinds and SignalKind.TRIGGER not in kinds
    if said.startswith("informational") and entry.expected.get("severity") is not None:
        return all(
            signal.severity is Severity.INFO or signal.kind is not SignalKind.TRIGGER for signal in signals
        ) or (_severity(entry, signals) is not False)
    return SignalKind.TRIGGER not in kinds  # handshakes, state changes, what must not open an incident


def _severity(entry: Entry, signals: list[Signal]) -> bool | None:
    """A word that names a class is asked for; numbers and remarks of the manifest only where they have a scale here."""
    said = str(entry.expected.get("severity") or "").lower()
    if entry.kind.startswith(("resolved", "ok")) or not signals or "not present" in said or "default" in said:
        return None
    if scale := re.match(r"rule\.level=(\d+)", said):
        level = int(scale[1])
        wanted = {Severity.CRITICAL if level >= 15 else Severity.ERROR if level >= 12 else Severity.WARNING}
        return signals[0].severity in (wanted if level >= 7 else {Severity.INFO})
    if scale := re.match(r"alert\.severity=(\d)", said):
        return signals[0].severity in {1: CLASSES["high"], 2: CLASSES["medium"]}.get(
            int(scale[1]), CLASSES["low"]
        )
    word = next((word for word in re.findall(r"[a-z]+\d?", said) if word in CLASSES), None)
    return None if word is None else any(signal.severity in CLASSES[word] for signal in signals)


def _title(entry: Entry, signals: list[Signal]) -> bool | None:
    """What the manifest calls its title is part of ours; of what opens nothing, there may be no signal at all."""
    said = entry.expected.get("title")
    if not said or (not signals and entry.kind.startswith("informational")):
        return None
    return any(str(said).lower() in signal.title.lower() for signal in signals)


def _identity(entry: Entry, signals: list[Signal]) -> bool | None:
    """Every value that the manifest counts to the identity is part of the key; the id of a single event (Falco's
    `uuid`, which falcosidekick makes up) may be kept beside it instead, or one cause would be a thousand alerts.
    """
    said = str(entry.expected.get("dedup") or "")
    if not said or said.startswith("none") or "None" in said or not signals:
        return None
    wanted = list(_identity_values(said, entry))
    places = [{signal.key, signal.labels.get("uuid", "")} for signal in signals]
    return (
        all(any(value in text for place in places for text in place) for value in wanted) if wanted else None
    )


def _identity_values(said: str, entry: Entry) -> Iterator[str]:
    """`a=1 + b` → the value 1, and what the payload has at b; `problem ID 1053` and bare values as they are."""
    if " " not in said and "=" not in said and not re.fullmatch(r"[a-z_.]+", said):
        yield said
        return
    document = json.loads(entry.body) if entry.media.endswith("json") else {}
    for part in re.split(r" \+ |, ", re.sub(r"\(.*?\)", "", said)):
        name, sign, value = part.strip().partition("=")
        if sign:
            yield value
        elif found := _anywhere(document, name.split(".")[-1] if name != "repo" else "full_name", name):
            yield found
        elif number := re.search(r"\d{3,}$", name):
            yield number[0]


def _anywhere(document: Any, leaf: str, path: str) -> str:
    """The value of a name in the payload: at its path, else the first of that name, breadth first."""
    level = [document]
    value: Any = document
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if value is not None and not isinstance(value, dict | list):
        return str(value)
    while level:
        below = []
        for each in level:
            if isinstance(each, dict):
                if leaf in each and not isinstance(each[leaf], dict | list):
                    return str(each[leaf])
                below += list(each.values())
        level = below
    return ""
