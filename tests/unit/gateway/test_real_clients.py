"""The programs that people really have, sending to a real gateway."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pagerduty
import pytest

from bench import alertmanager

from .conftest import Running, answers, free_port, wait_for

RECEIVERS = """
global: {{resolve_timeout: 1m}}
route:
  receiver: webhook
  group_wait: 0s
  group_by: [alertname]
  routes: [{{receiver: pagerduty, continue: true}}, {{receiver: webhook}}]
receivers:
  - name: pagerduty
    pagerduty_configs: [{{routing_key: {key}, url: "http://127.0.0.1:{port}/v2/enqueue", send_resolved: true}}]
  - name: webhook
    webhook_configs: [{{url: "http://127.0.0.1:{port}/intake/{token}", send_resolved: true}}]
"""


@pytest.fixture
def amtool() -> Path:
    if alertmanager.fetch() is None:
        pytest.skip("Debian's package prometheus-alertmanager can't be had here")
    return alertmanager.CACHE / "usr" / "bin" / "amtool"


@pytest.fixture
def sending(gateway: Running, source: Callable[..., str], amtool: Path) -> Iterator[int]:
    """Alertmanager with a PagerDuty and a webhook receiver; the answer is its port."""
    port = free_port()
    configuration = RECEIVERS.format(
        port=gateway.port, key=source("pagerduty"), token=source("alertmanager_webhook")
    )
    with alertmanager.running(port, configuration):
        wait_for(lambda: answers(port))
        yield port


def test_alertmanager_sends_by_its_pagerduty_and_its_webhook_receiver(
    gateway: Running, sending: int, amtool: Path
) -> None:
    command = [
        amtool,
        f"--alertmanager.url=http://127.0.0.1:{sending}",
        "alert",
        "add",
        "DiskFull",
        "host=db1",
    ]
    subprocess.run(command, check=True)
    wait_for(lambda: len(gateway.rows()) >= 2, 30)
    bodies = [json.loads(row["body"]) for row in gateway.rows()]
    (event,) = [body for body in bodies if "event_action" in body]
    (webhook,) = [body for body in bodies if body.get("version") == "4"]
    assert event["event_action"] == "trigger"
    assert webhook["alerts"][0]["labels"] == {"alertname": "DiskFull", "host": "db1"}


def test_amtool_takes_the_base_address_of_a_source_for_an_alertmanager(
    gateway: Running, source: Callable[..., str], amtool: Path
) -> None:
    command = [amtool, f"--alertmanager.url=http://127.0.0.1:{gateway.port}/intake/{source('alertmanager')}"]
    subprocess.run([*command, "alert", "add", "DiskFull", "host=db1"], check=True)
    (row,) = gateway.rows()
    assert json.loads(row["body"])[0]["labels"] == {"alertname": "DiskFull", "host": "db1"}
    shown = subprocess.run([*command, "cluster", "show"], capture_output=True, text=True, check=True)
    assert "disabled" in shown.stdout


def test_pagerdutys_own_client_triggers_resolves_and_records_changes(
    gateway: Running, source: Callable[..., str]
) -> None:
    url = f"http://127.0.0.1:{gateway.port}"
    client = pagerduty.EventsApiV2Client(source("pagerduty"))
    client._url = url  # its setter insists on https, which a proxy in front would speak
    key = client.trigger("CPU is high", "web1", severity="warning")
    client.resolve(key)
    client.submit("deployed 1.2", "ci", timestamp="2026-11-23T12:00:00Z")
    first, second, third = gateway.rows()
    assert (first["dedup_key"], json.loads(second["body"])["dedup_key"]) == (key, key)
    assert [row["kind"] for row in (first, second, third)] == ["alert", "alert", "change"]
