"""A real Prometheus Alertmanager sends through its PagerDuty and its webhook receiver, up to the resolved
incident.
"""

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from bench import alertmanager
from firstline.catalog.models import Service
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.engine.loop import Engine
from firstline.incidents.models import Incident
from firstline.intake import actions
from firstline.intake.models import AlertSpan, Edge
from firstline.workflow.seed import ensure_defaults
from tests.database import Clone
from tests.unit.gateway.conftest import Running, answers, finish, free_port, launch, wait_for

MAKER = Actor.system("test")
pytestmark = pytest.mark.scenario
CONFIGURATION = """
route:
  receiver: webhook
  group_wait: 0s
  group_interval: 1s
  group_by: [alertname]
  routes: [{{receiver: pagerduty, continue: true}}, {{receiver: webhook}}]
receivers:
  - name: pagerduty
    pagerduty_configs: [{{routing_key: {key}, url: "{url}/v2/enqueue", send_resolved: true}}]
  - name: webhook
    webhook_configs: [{{url: "{url}/intake/{token}", send_resolved: true}}]
"""


@pytest.fixture
def gateway(cloned_database: Clone, tmp_path: Path) -> Iterator[Running]:
    running = launch(cloned_database.url, tmp_path)
    yield running
    finish(running)


def test_both_receivers_make_one_incident_that_ends_with_its_alerts(gateway: Running) -> None:
    if alertmanager.fetch() is None:
        pytest.skip("Debian's package prometheus-alertmanager can't be had here")
    now = clock.now()
    ensure_defaults(now=now)
    shop = Service.objects.create(name="Shop", slug="shop")
    _, key = actions.create_source(name="PD", kind="pagerduty", service_id=shop.id, actor=MAKER, now=now)
    _, token = actions.create_source(
        name="AM", kind="alertmanager_webhook", service_id=shop.id, actor=MAKER, now=now
    )
    engine, port = Engine(), free_port()
    configuration = CONFIGURATION.format(key=key, token=token, url=f"http://127.0.0.1:{gateway.port}")
    with alertmanager.running(port, configuration):
        wait_for(lambda: answers(port))
        add(port)
        wait_for(lambda: stored(gateway) >= 2, 30)
        engine.settle()
        incident = Incident.objects.get()
        assert {span.source.kind: span.state for span in AlertSpan.objects.all()} == {
            "pagerduty": "firing",
            "alertmanager_webhook": "firing",
        }
        assert (incident.service_id, incident.channel) == (shop.id, "monitoring")
        assert incident.priority is not None
        assert sorted(Edge.objects.values_list("rule", flat=True)) == ["first", "same_service"]

        add(port, f"--end={(clock.now() - timedelta(seconds=1)).isoformat(timespec='seconds')}")
        wait_for(lambda: stored(gateway) >= 4, 30)
    engine.settle()
    assert {span.state for span in AlertSpan.objects.all()} == {"resolved"}
    clock.move_to(clock.now() + timedelta(minutes=6))
    engine.settle()
    incident.refresh_from_db()
    assert incident.state == "resolved"
    engine.close()


def add(port: int, *options: str) -> None:
    amtool = alertmanager.CACHE / "usr" / "bin" / "amtool"
    server = f"--alertmanager.url=http://127.0.0.1:{port}"
    labels = ["alertname=Http5xx", "severity=critical", "instance=web-1"]
    subprocess.run([amtool, server, "alert", "add", *options, *labels], check=True)


def stored(gateway: Running) -> int:
    with psycopg.connect(gateway.database) as connection:
        row = connection.execute("SELECT count(*) FROM inbox").fetchone()
        return int(row[0]) if row else 0
