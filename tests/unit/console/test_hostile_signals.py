"""A sender is an attacker: no page runs what it wrote into an alert, and nothing here calls out because of it."""

import json
import socket
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from firstline.accounts.models import Person
from firstline.catalog.models import Change
from firstline.core import clock
from firstline.incidents.models import Incident
from firstline.intake.models import AlertSpan
from firstline.workflow import triage
from tests.unit.intake.inboxes import Inbox, fresh_inbox

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg/onload=alert(3)>{{7*7}}{% debug %}"
LINKS = (
    "javascript:alert(document.cookie)",
    " JaVaScRiPt:alert(1)",
    "\u0001javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "//attacker.example/x",
    "file:///etc/passwd",
)


class Page(HTMLParser):
    """Collects what a browser would run or load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("script", "iframe", "object", "embed", "base") and not given.get("src", "").startswith(
            "/"
        ):
            self.found.append(f"{tag} {given}")
        for name, value in given.items():
            plain = "".join(character for character in value if character > " ").lower()
            if name.startswith("on") or (
                name in ("href", "src", "action", "formaction", "hx-get")
                and plain.startswith(("javascript:", "data:", "vbscript:", "file:"))
            ):
                self.found.append(f"{tag} {name}={value}")


def payloads(link: str) -> list[tuple[str, Any, str]]:
    """(kind of source, body, kind of row) with something evil in every place that reaches a page."""
    labels = {"alertname": EVIL, "instance": EVIL, "severity": "critical", EVIL: EVIL}
    return [
        (
            "pagerduty",
            {
                "event_action": "trigger",
                "dedup_key": EVIL,
                "client": EVIL,
                "client_url": link,
                "links": [{"href": link, "text": EVIL}],
                "images": [{"src": link, "alt": EVIL, "href": link}],
                "payload": {
                    "summary": EVIL,
                    "source": EVIL,
                    "severity": "critical",
                    "component": EVIL,
                    "custom_details": {"service": EVIL, EVIL: EVIL},
                },
            },
            "alert",
        ),
        (
            "pagerduty",
            {"payload": {"summary": EVIL, "source": EVIL}, "links": [{"href": link, "text": EVIL}]},
            "change",
        ),
        (
            "alertmanager",
            [{"labels": labels, "annotations": {"summary": EVIL, "runbook_url": link}, "generatorURL": link}],
            "alert",
        ),
        (
            "generic",
            {"title": EVIL, "description": f"[click]({link}) ![x]({link}) {EVIL}", "url": link},
            "alert",
        ),
        (
            "wazuh",
            {
                "rule": {
                    "description": EVIL,
                    "level": 15,
                    "id": EVIL,
                    "mitre": {"id": [EVIL], "tactic": [EVIL]},
                },
                "agent": {"name": EVIL, "ip": EVIL},
                "data": {"srcip": EVIL, "url": link, "user": EVIL},
                "full_log": EVIL,
            },
            "alert",
        ),
        ("generic", {"nothing": EVIL, link: link}, "alert"),
    ]


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Inbox:
    """The inbox, on a machine that may not speak to anybody but its database."""

    def refuse(*arguments: Any, **_: Any) -> Any:
        raise AssertionError(f"called out to {arguments}")

    made = fresh_inbox()
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return made


@pytest.fixture
def client(box: Inbox) -> Client:
    everything = ["administrator", "agent", "auditor"]
    person = Person.objects.create(
        email="a@example.org", name="Ann", roles=everything, created_at=clock.now()
    )
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


@pytest.mark.parametrize("link", LINKS)
def test_no_page_runs_what_a_sender_wrote(box: Inbox, client: Client, link: str) -> None:
    sources = []
    for kind, body, row_kind in payloads(link):
        sources.append(box.source(kind, security=False))
        box.put(sources[-1], json.dumps(body).encode(), kind=row_kind)
    box.drain()
    while triage.run(box.now):
        pass
    assert AlertSpan.objects.count() >= 4 and Change.objects.exists()
    pages = [
        "/console/",
        "/console/alerts/",
        "/console/alerts/?state=all",
        "/console/changes/",
        "/console/sources/",
    ]
    pages += [f"/console/alerts/{alert}/" for alert in AlertSpan.objects.values_list("alert_id", flat=True)]
    pages += [f"/console/incidents/{incident}/" for incident in Incident.objects.values_list("id", flat=True)]
    pages += [
        f"/console/sources/{source.id}/{rest}" for source in sources for rest in ("", "inbox/?state=all")
    ]
    shown = 0
    for page in pages:
        answer = client.get(page, follow=True)
        assert answer.status_code == 200 or "/alerts/" in page or "/incidents/" in page, page  # security's
        shown += answer.status_code == 200
        text = answer.content.decode()
        assert Page(text).found == [], page
        assert "49" not in text.split("alert(3)")[-1][:40], "a template was run"
    assert shown > 20


@pytest.mark.parametrize("link", LINKS)
def test_what_programs_are_given_opens_nothing_either(box: Inbox, link: str) -> None:
    for kind, body, row_kind in payloads(link):
        box.put(box.source(kind, security=False), json.dumps(body).encode(), kind=row_kind)
    box.drain()
    given = [each for links in AlertSpan.objects.values_list("links", flat=True) for each in links]
    given += [each for links in Change.objects.values_list("links", flat=True) for each in links]
    assert given == []


def test_a_link_that_opens_is_kept(box: Inbox) -> None:
    source = box.source("pagerduty")
    for _kind, body, row_kind in payloads("HTTPS://wiki.example.org/runbook")[:1]:
        box.put(source, body, kind=row_kind)
    box.drain()
    assert {each["href"] for each in box.spans(source)[0].links} == {"HTTPS://wiki.example.org/runbook"}
