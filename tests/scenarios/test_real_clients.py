"""Clients that people really have, unmodified, against a whole running Firstline: gateway, pages and engine."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pagerduty
import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from bench import alertmanager
from firstline.catalog.models import Change, Service
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.diagnosis.models import Evidence
from firstline.incidents.models import Comment, Incident
from firstline.intake import actions
from firstline.intake.models import AlertSpan, NoiseRule
from tests import clients
from tests.database import Clone, clone_of_template
from tests.machine import Machine, free_port, running_machine, wait_until
from tests.unit.gateway.conftest import answers

MAKER = Actor.system("test")
SECRET = "only for the tests of real clients, and at least fifty characters"
pytestmark = pytest.mark.scenario


@dataclass
class House:
    """A running `firstline up`, and what tests ask of its database."""

    machine: Machine
    token: str = ""

    @property
    def url(self) -> str:
        return self.machine.url

    def source(self, kind: str, service: str = "Shop") -> str:
        """A new source of this kind; the answer is its token."""
        now = clock.now()
        found, _ = Service.objects.get_or_create(name=service, slug=service.lower())
        name = f"{kind} of {service}"
        _, token = actions.create_source(name=name, kind=kind, service_id=found.id, actor=MAKER, now=now)
        return token

    def span(self, key: str, state: str) -> AlertSpan:
        """The alert once it is in this state."""
        rows = AlertSpan.objects.filter(alert__dedup_key=key, state=state)
        wait_until(rows.exists, f"{key} is {state}")
        return rows.select_related("incident").latest("id")


@pytest.fixture(scope="module")
def running(
    template_database: str, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Clone, Machine]]:
    with django_db_blocker.unblock(), clone_of_template(template_database) as clone:
        database = {"FIRSTLINE_DATABASE_URL": clone.url, "FIRSTLINE_SECRET_KEY": SECRET}
        with running_machine(tmp_path_factory.mktemp("house"), **database) as machine:
            yield clone, machine


@pytest.fixture
def house(
    running: tuple[Clone, Machine], django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    clone, machine = running
    with django_db_blocker.unblock():
        connections.close_all()
        monkeypatch.setitem(connections.settings["default"], "NAME", clone.name)
        yield House(machine)
        connections.close_all()


@pytest.fixture
def amtool(house: House) -> Callable[..., str]:
    """Call amtool; the answer is what it says."""
    program = clients.amtool()
    if program is None:
        pytest.skip("Debian's package prometheus-alertmanager can't be had here")

    def call(url: str, *arguments: str) -> str:
        done = subprocess.run(
            [program, f"--alertmanager.url={url}", *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.fixture
def python() -> Callable[..., Any]:
    """Run a program with the clients that have an environment of their own; the answer is its last line, as JSON."""
    interpreter = clients.python()
    if interpreter is None:
        pytest.skip("the clients of requirements/clients.txt can't be installed here")

    def run(program: str, *arguments: str) -> Any:
        done = subprocess.run(
            [interpreter, "-c", program, *arguments], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_amtool_adds_queries_and_silences(house: House, amtool: Callable[..., str]) -> None:
    url = f"{house.url}/intake/{house.source('alertmanager', 'Amtool')}"
    amtool(
        url,
        "alert",
        "add",
        "DiskFull",
        "instance=db1",
        "severity=critical",
        "--annotation=summary=db1 is full",
    )
    rows = AlertSpan.objects.filter(labels__alertname="DiskFull")
    wait_until(rows.exists, "the alert is there")
    shown = json.loads(amtool(url, "alert", "query", "-o", "json", "alertname=~Disk.+"))
    assert [(each["labels"]["instance"], each["status"]["state"]) for each in shown] == [("db1", "active")]
    assert "db1 is full" in amtool(url, "alert", "query")
    assert "DiskFull" not in amtool(url, "alert", "query", "instance=db2")
    assert "disabled" in amtool(url, "cluster", "show")

    number = amtool(url, "silence", "add", "alertname=DiskFull", "--comment=known", "--author=ada").strip()
    wait_until(lambda: rows.get().state == "suppressed", "the silence mutes it")
    assert "DiskFull" not in amtool(url, "alert", "query") and "DiskFull" in amtool(
        url, "alert", "query", "--silenced"
    )
    (silence,) = json.loads(amtool(url, "silence", "query", "-o", "json"))
    assert (silence["id"], silence["createdBy"], silence["status"]["state"]) == (number, "ada", "active")
    assert NoiseRule.objects.get().name == "Silence by ada"
    amtool(url, "silence", "expire", number)
    wait_until(lambda: rows.get().state == "firing", "the silence is over and the alert is judged again")
    assert "DiskFull" in amtool(url, "alert", "query")
    assert amtool(url, "silence", "query").strip().count("\n") == 0


OPSGENIE_RECEIVER = """
route: {{receiver: opsgenie, group_wait: 0s, group_interval: 1s, group_by: [alertname]}}
receivers:
  - name: opsgenie
    opsgenie_configs: [{{api_url: "{url}/", api_key: {key}, priority: P1, message: "Http5xx on web-1"}}]
"""


def test_alertmanager_sends_by_its_opsgenie_receiver(house: House, amtool: Callable[..., str]) -> None:
    key, port = house.source("opsgenie", "Alertmanager"), free_port()
    with alertmanager.running(port, OPSGENIE_RECEIVER.format(url=house.url, key=key)):
        wait_until(lambda: answers(port), "Alertmanager answers")
        server = f"http://127.0.0.1:{port}"
        labels = ("alertname=Http5xx", "instance=web-1")
        amtool(server, "alert", "add", *labels)
        rows = AlertSpan.objects.filter(source__name="opsgenie of Alertmanager")
        wait_until(
            lambda: rows.filter(state="firing", incident__isnull=False).exists(), "it opened an incident"
        )
        span = rows.get()
        assert (span.title, span.severity, span.labels["instance"]) == (
            "Http5xx on web-1",
            "critical",
            "web-1",
        )
        ago = (clock.now() - timedelta(seconds=1)).isoformat(timespec="seconds")
        amtool(server, "alert", "add", f"--end={ago}", *labels)
        wait_until(lambda: rows.get().state == "resolved", "Alertmanager closes it")


def test_pagerdutys_own_client(house: House) -> None:
    client = pagerduty.EventsApiV2Client(house.source("pagerduty", "PagerDuty"))
    client._url = house.url  # its setter insists on https, which a proxy in front would speak
    # its own timestamp fails in this version, so one is given
    when = clock.now().isoformat()
    client.submit(
        "Shop 4.2.1 deployed", "ci", timestamp=when, links=[{"href": "https://ci.example/1", "text": "build"}]
    )
    wait_until(Change.objects.exists, "the change is recorded")
    change = Change.objects.select_related("service").get()
    assert (change.title, change.service and change.service.name) == ("Shop 4.2.1 deployed", "PagerDuty")
    key = client.trigger(
        "CPU is high", "web1", severity="warning", links=[{"href": "https://wiki.example/cpu"}]
    )
    span = house.span(key, "firing")
    assert span.incident is not None and span.incident.title == "CPU is high"
    evidence = Evidence.objects.filter(incident_id=span.incident_id, kind="change")
    wait_until(evidence.exists, "the change is shown as evidence")
    assert evidence.get().data["change_id"] == change.id
    client.acknowledge(key)
    house.span(key, "acknowledged")
    wait_until(
        lambda: Incident.objects.get(id=span.incident_id).acknowledged_at is not None, "it is acknowledged"
    )
    client.resolve(key)
    house.span(key, "resolved")


OPSGENIE_SDK = """
import json, sys, time
import opsgenie_sdk
from opsgenie_sdk.rest import ApiException

url, key = sys.argv[1:]
configuration = opsgenie_sdk.Configuration()
configuration.host = url
configuration.api_key["Authorization"] = key
configuration.retry_enabled = False
api = opsgenie_sdk.AlertApi(api_client=opsgenie_sdk.ApiClient(configuration=configuration))

def status(request_id):
    for _ in range(600):
        try:
            return api.get_request_status(request_id).data
        except Exception as error:
            if getattr(error, "status", None) != 404:
                raise
            time.sleep(0.1)

def done(response):
    found = status(response.request_id)
    return {"status": found.status, "success": found.is_success, "alias": found.alias, "id": found.alert_id}

body = opsgenie_sdk.CreateAlertPayload(message="Export is late", alias="export/nightly", priority="P2",
    tags=["batch"], details={"host": "batch-2"}, description="Since 03:00")
said = {"create": done(api.create_alert(create_alert_payload=body))}
alias = {"identifier_type": "alias"}
note = opsgenie_sdk.AddNoteToAlertPayload(user="ada", note="restarted it")
said["note"] = done(api.add_note("export/nightly", add_note_to_alert_payload=note, **alias))
said["acknowledge"] = done(api.acknowledge_alert(said["create"]["id"],
    acknowledge_alert_payload=opsgenie_sdk.AcknowledgeAlertPayload(user="ada", note="mine")))
shown = api.get_alert(said["create"]["id"]).data
said["shown"] = {"message": shown.message, "acknowledged": shown.acknowledged, "priority": shown.priority,
    "details": shown.details, "tiny": shown.tiny_id}
said["listed"] = [alert.alias for alert in api.list_alerts(query="status:open").data]
said["close"] = done(api.close_alert(shown.tiny_id, identifier_type="tiny",
    close_alert_payload=opsgenie_sdk.CloseAlertPayload(note="done")))
said["late"] = done(api.close_alert("export/nightly", close_alert_payload=opsgenie_sdk.CloseAlertPayload(), **alias))
snooze = opsgenie_sdk.SnoozeAlertPayload(end_time="2030-01-01T00:00:00Z")
blank = opsgenie_sdk.CreateAlertPayload(message=" ")
for refused in (lambda: api.snooze_alert("export/nightly", snooze, **alias),
                lambda: api.create_alert(create_alert_payload=blank)):
    try:
        refused()
    except Exception as error:
        said.setdefault("refused", []).append(getattr(error, "status", repr(error)))
print(json.dumps(said))
"""


def test_opsgenies_own_sdk(house: House, python: Callable[..., Any]) -> None:
    said = python(OPSGENIE_SDK, house.url, house.source("opsgenie", "Opsgenie"))
    assert {name: said[name]["success"] for name in ("create", "note", "acknowledge", "close", "late")} == {
        "create": True, "note": True, "acknowledge": True, "close": True, "late": False,
    }  # fmt: skip
    assert (said["create"]["status"], said["create"]["alias"]) == ("Created alert", "export/nightly")
    assert said["acknowledge"]["id"] == said["create"]["id"]
    assert said["shown"]["message"] == "Export is late" and said["shown"]["acknowledged"] is True
    assert (said["shown"]["priority"], said["shown"]["details"]) == ("P2", {"host": "batch-2"})
    assert said["listed"] == ["export/nightly"]
    assert said["refused"] == [403, 422]
    span = house.span("export/nightly", "resolved")
    assert span.incident is not None and span.severity == "error"
    notes = Comment.objects.filter(incident_id=span.incident_id).order_by("id").select_related("content")
    assert [(note.content.body, note.public) for note in notes] == [
        ("ada: restarted it", False), ("ada: mine", False), ("done", False),
    ]  # fmt: skip


ELASTALERT = """
import json, sys
from elastalert.alerters.alertmanager import AlertmanagerAlerter
from elastalert.alerters.pagerduty import PagerDutyAlerter
from elastalert.ruletypes import AnyRule

url, key, address = sys.argv[1:]
rule = {
    "name": "Many failed logins", "timestamp_field": "@timestamp",
    "alert_subject": "{} failed logins on {}", "alert_subject_args": ["num_hits", "host"],
    "alertmanager_hosts": [url], "alertmanager_api_version": "v2",
    "alertmanager_labels": {"severity": "warning"}, "alertmanager_fields": {"instance": "host"},
    "pagerduty_service_key": key, "pagerduty_client_name": "elastalert2", "pagerduty_incident_key": "logins on {}",
    "pagerduty_incident_key_args": ["host"],
}
rule["type"] = AnyRule(rule)
match = {"@timestamp": "2026-11-23T08:59:00Z", "host": "bastion", "num_hits": 31}
AlertmanagerAlerter(rule).alert([match])
AlertmanagerAlerter(dict(rule, alertmanager_api_version="v1", name="By version 1")).alert([match])
for version, path in (("v1", "/generic/2010-04-15/create_event.json"), ("v2", "/v2/enqueue")):
    alerter = PagerDutyAlerter(dict(rule, pagerduty_api_version=version, pagerduty_incident_key=version + " {}"))
    alerter.url = address + path
    alerter.alert([match])
print(json.dumps("sent"))
"""


def test_elastalerts_alertmanager_and_pagerduty_alerters(house: House, python: Callable[..., Any]) -> None:
    """Its own classes with a rule and a match: the program itself wants an Elasticsearch. Its Alertmanager alerter has
    a setting for the address; its PagerDuty alerter has none, so that one is set on the object.
    """
    base = f"{house.url}/intake/{house.source('alertmanager', 'Elastalert')}"
    assert python(ELASTALERT, base, house.source("pagerduty", "Elastalert"), house.url) == "sent"
    pushed = AlertSpan.objects.filter(labels__elastalert_rule__in=["Many failed logins", "By version 1"])
    wait_until(lambda: pushed.count() == 2, "both alerts of the Alertmanager alerter are there")
    first = pushed.get(labels__elastalert_rule="Many failed logins")
    assert first.title == "Many failed logins: 31 failed logins on bastion"
    assert (first.severity, first.labels["instance"]) == ("warning", "bastion")
    for key in ("v1 bastion", "v2 bastion"):
        assert house.span(key, "firing").title == "31 failed logins on bastion"
