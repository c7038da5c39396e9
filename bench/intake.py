"""How many signals a second: single posts and batches, answered after the commit; Alertmanager beside it.

    python -m bench.intake [--seconds 4]

Starts an embedded PostgreSQL with durability on, a gateway and the load in processes of their own, all on this
machine. The last line is one JSON object.
"""

import argparse
import contextlib
import hashlib
import json
import os
import platform
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import alertmanager

ROOT = Path(__file__).resolve().parent.parent
BATCH = 100
SINGLE_CONNECTIONS = 256
BATCH_CONNECTIONS = 16
SHAPES = ((1, SINGLE_CONNECTIONS), (BATCH, BATCH_CONNECTIONS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each of the runs")
    given = parser.parse_args()
    runs = [*firstline(given.seconds), *beside(given.seconds)]
    table(runs)
    print(json.dumps({"bench": "intake", **about(), "runs": runs}))


def firstline(seconds: float) -> list[dict[str, Any]]:
    """The runs against a gateway, each checked: what was answered 2xx is in the inbox."""
    with database() as url, gateway(url) as port:
        import psycopg

        tokens = {kind: make_source(kind) for kind in ("pagerduty", "alertmanager")}
        push = f"/intake/{tokens['alertmanager']}/api/v2/alerts"
        runs = [measure("Firstline", "PagerDuty event", port, pagerduty(tokens["pagerduty"]), 1, seconds)]
        runs += [
            measure("Firstline", "Prometheus push", port, pushes(push, size), size, seconds)
            for size, _ in SHAPES
        ]
        with psycopg.connect(url) as connection:
            (stored,) = connection.execute("SELECT count(*) FROM inbox").fetchone() or (0,)
        acknowledged = sum(
            count for run in runs for status, count in run["statuses"].items() if status[0] == "2"
        )
        assert stored >= acknowledged, f"{acknowledged} were acknowledged, {stored} are stored"
        return runs


def beside(seconds: float) -> list[dict[str, Any]]:
    """The same pushes to Alertmanager, which keeps them in memory."""
    port = free_port()
    with alertmanager.running(port) as there:
        if not there:
            return []
        wait_until_open(port)
        path = "/api/v2/alerts"
        return [
            measure("Alertmanager", "Prometheus push", port, pushes(path, size), size, seconds)
            for size, _ in SHAPES
        ]


def measure(
    system: str, what: str, port: int, requests: list[str], size: int, seconds: float
) -> dict[str, Any]:
    """One run of the load generator in its own process."""
    connections = dict(SHAPES)[size]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as prepared:
        json.dump(requests, prepared)
        prepared.flush()
        command = [sys.executable, "-m", "bench.load", str(port), prepared.name]
        command += [f"--connections={connections}", f"--seconds={seconds}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    alerts = report["requests_per_s"] * size
    return {
        "system": system,
        "what": what,
        "batch": size,
        "connections": connections,
        "alerts_per_s": alerts,
        **report,
    }


def pagerduty(token: str) -> list[str]:
    """Trigger events with a thousand different keys."""
    payload = {
        "summary": "CPU is high",
        "source": "web",
        "severity": "error",
        "custom_details": {"load": 0.75},
    }
    event = {"routing_key": token, "event_action": "trigger", "payload": payload}
    return [post("/v2/enqueue", {**event, "dedup_key": f"srv{number}/CPU"}) for number in range(1000)]


def pushes(path: str, size: int) -> list[str]:
    """Pushes as Prometheus makes them, of a thousand different alerts."""
    alerts = [
        {
            "labels": {
                "alertname": "HighCPU",
                "instance": f"web-{number}:9100",
                "severity": "warning",
                "job": "node",
            },
            "annotations": {"summary": f"CPU of web-{number} is above 90 % for ten minutes"},
            "generatorURL": "http://prometheus.example:9090/graph?g0.expr=x",
        }
        for number in range(1000)
    ]
    return [post(path, alerts[start : start + size]) for start in range(0, 1000, size)]


def post(path: str, value: object) -> str:
    body = json.dumps(value)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body.encode())}\r\n\r\n{body}"


@contextlib.contextmanager
def database() -> Iterator[str]:
    """A migrated database of its own, as durable as an installation's."""
    from firstline.config.embedded import Cluster

    with tempfile.TemporaryDirectory(prefix="firstline-bench-") as folder:
        Path(folder).chmod(0o755)
        cluster = Cluster.at(Path(folder) / "data")
        cluster.initialise()
        server = cluster.start()
        try:
            os.environ["FIRSTLINE_DATABASE_URL"] = cluster.url()
            os.environ.setdefault("FIRSTLINE_SECRET_KEY", secrets.token_urlsafe(50))
            os.environ["DJANGO_SETTINGS_MODULE"] = "firstline.config.settings"
            import django
            from django.core.management import call_command

            django.setup()
            call_command("migrate", verbosity=0)
            yield cluster.url()
        finally:
            from django.db import connections

            connections.close_all()
            server.stop()


def make_source(kind: str) -> str:
    from firstline.core import clock
    from firstline.intake.models import Source

    token = secrets.token_hex(16)
    digest = hashlib.sha256(token.encode()).hexdigest()
    Source.objects.create(name=kind, kind=kind, token_hash=digest, created_at=clock.now())
    return token


@contextlib.contextmanager
def gateway(url: str) -> Iterator[int]:
    from firstline.gateway.serve import command

    port = free_port()
    environment = {**os.environ, "FIRSTLINE_DATABASE_URL": url, "FIRSTLINE_WEB_SOCKET": "/nonexistent"}
    process = subprocess.Popen(command(host="127.0.0.1", port=port), env=environment)
    try:
        wait_until_open(port)
        time.sleep(0.5)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_open(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing answers on port {port}")


def about() -> dict[str, object]:
    """Machine, versions and commit, so that figures can be compared."""
    git = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    return {"machine": machine, "python": platform.python_version(), "commit": commit}


def table(runs: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(
        "system",
        "what",
        "alerts each",
        "connections",
        "requests/s",
        "alerts/s",
        "p50 ms",
        "p99 ms",
        "answers",
    )
    for run in runs:
        keys = (
            "system",
            "what",
            "batch",
            "connections",
            "requests_per_s",
            "alerts_per_s",
            "p50_ms",
            "p99_ms",
            "statuses",
        )
        shown.add_row(*(f"{run[key]:,}" if isinstance(run[key], int) else str(run[key]) for key in keys))
    Console(width=140).print(shown)


if __name__ == "__main__":
    main()
