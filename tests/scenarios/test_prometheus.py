"""A real Prometheus with a rule that fires at once pushes to Firstline, without an Alertmanager between."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from firstline.catalog.models import Service
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.engine.loop import Engine
from firstline.incidents.models import Incident
from firstline.intake import actions
from firstline.intake.helping import help_text
from firstline.intake.models import AlertSpan
from firstline.workflow.seed import ensure_defaults
from tests import clients
from tests.database import Clone
from tests.unit.gateway.conftest import Running, finish, free_port, launch, wait_for

MAKER = Actor.system("test")
pytestmark = pytest.mark.scenario
CONFIGURATION = """
global: {{scrape_interval: 250ms, scrape_timeout: 200ms, evaluation_interval: 250ms}}
rule_files: [{folder}/rules.yml]
scrape_configs: [{{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]
"""
RULES = """
groups:
  - name: shop
    rules:
      - alert: ShopDown
        expr: up{job="shop"} == 0
        labels: {severity: critical}
        annotations: {summary: "The shop on {{ $labels.instance }} does not answer"}
"""


@pytest.fixture
def gateway(cloned_database: Clone, tmp_path: Path) -> Iterator[Running]:
    running = launch(cloned_database.url, tmp_path)
    yield running
    finish(running)


class Metrics(http.server.BaseHTTPRequestHandler):
    """A target that is up and has nothing to say."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def target(port: int) -> Iterator[None]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Metrics)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def test_a_rule_that_fires_becomes_an_incident_that_ends_with_it(gateway: Running, tmp_path: Path) -> None:
    program = clients.prometheus()
    if program is None:
        pytest.skip("Debian's package prometheus can't be had here")
    now = clock.now()
    ensure_defaults(now=now)
    shop = Service.objects.create(name="Shop", slug="shop")
    _, token = actions.create_source(name="Prometheus", kind="alertmanager", actor=MAKER, now=now)
    watched = free_port()
    # what the help page says is what is tried here
    _, _, block = help_text("alertmanager", url=f"http://127.0.0.1:{gateway.port}", token=token).partition(
        "```yaml"
    )
    (tmp_path / "prometheus.yml").write_text(
        CONFIGURATION.format(folder=tmp_path, target=watched) + block.partition("```")[0]
    )
    (tmp_path / "rules.yml").write_text(RULES)
    command = [
        program, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{free_port()}", "--rules.alert.resend-delay=1s", "--log.level=warn",
    ]  # fmt: skip
    engine = Engine()
    with clients.running(command, tmp_path / "prometheus.log"):
        wait_for(gateway.rows, 60)
        engine.settle()
        incident = Incident.objects.get()
        span = AlertSpan.objects.get()
        assert span.title == f"ShopDown: The shop on 127.0.0.1:{watched} does not answer"
        assert (span.state, span.severity, span.labels["job"]) == ("firing", "critical", "shop")
        assert span.ends_at is not None, "Prometheus announces an end with every push"
        assert (incident.service_id, incident.channel) == (shop.id, "monitoring")
        with target(watched):
            wait_for(lambda: ended(engine), 60)
    assert AlertSpan.objects.get().state == "resolved"
    clock.move_to(clock.now() + timedelta(minutes=6))
    engine.settle()
    incident.refresh_from_db()
    assert incident.state == "resolved"
    engine.close()


def ended(engine: Engine) -> bool:
    engine.settle()
    return not AlertSpan.objects.filter(ended_at=None).exists()
