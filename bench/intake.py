"""How many signals a second the gateway takes, beside Alertmanager, and how soon it answers.

    python -m bench.intake [--seconds 4] [--rounds 3]

Gateway, PostgreSQL with durability on, Alertmanager and the load run on this machine. The systems take turns, round by
round, and a ratio is the median of the rounds': what else the machine does meets both. Then the same load on a whole
installation, with and without four people who read queue pages. The last line is one JSON object.
"""

import argparse
import contextlib
import hashlib
import json
import multiprocessing
import os
import platform
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import alertmanager
from bench.cores import Meter, family

ROOT = Path(__file__).resolve().parent.parent
BATCH = 100
SINGLE_CONNECTIONS = 256
BATCH_CONNECTIONS = 16
SHAPES = ((1, SINGLE_CONNECTIONS), (BATCH, BATCH_CONNECTIONS))
READERS = 4
THINKING = 0.5  # seconds between a reader's pages
QUEUES = ("/console/?q=is:open", "/console/?q=is:open+is:unassigned", "/console/?q=is:open+group:group-1")
Runs = list[dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each of the runs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--gateways", type=int, default=1, help="FIRSTLINE_GATEWAYS: processes that share the port"
    )
    given = parser.parse_args()
    runs = side_by_side(given.seconds, given.rounds, given.gateways)
    # in a process of its own: Django is bound to one database for good
    with multiprocessing.get_context("spawn").Pool(1) as another:
        runs += another.apply(beside_readers, (given.seconds, given.rounds))
    table(runs)
    print(json.dumps({"bench": "intake", **about(), "gateways": given.gateways, **keys(runs), "runs": runs}))


def keys(runs: Runs) -> dict[str, float | None]:
    """The figures that the targets are about; None where Alertmanager can't be had."""
    half = [run["p99_ms"] for run in runs if run["what"] == "half of the maximum"]
    return {
        "single_ratio": ratio(
            runs, ("Firstline", "Prometheus push", 1), ("Alertmanager", "Prometheus push", 1)
        ),
        "busy_ratio": ratio(runs, ("installation", "with four readers", 1), ("installation", "alone", 1)),
        "batch_ratio": ratio(
            runs, ("Firstline", "Prometheus push", BATCH), ("Alertmanager", "Prometheus push", BATCH)
        ),
        "answer_p99_ms": round(statistics.median(half), 1),
    }


def ratio(runs: Runs, ours: tuple[str, str, int], theirs: tuple[str, str, int]) -> float | None:
    """The median over the rounds."""

    def rates(which: tuple[str, str, int]) -> list[int]:
        return [run["requests_per_s"] for run in runs if (run["system"], run["what"], run["batch"]) == which]

    pairs = list(zip(rates(ours), rates(theirs), strict=False))
    return round(statistics.median(one / other for one, other in pairs), 2) if pairs else None


def side_by_side(seconds: float, rounds: int, gateways: int) -> Runs:
    """Gateway and Alertmanager in turns. What was answered 2xx is in the inbox, which is checked."""
    port = free_port()
    with (
        database() as url,
        gateway(url, gateways) as (ours, process),
        alertmanager.running(port) as there,
    ):
        tokens = {kind: make_source(kind) for kind in ("pagerduty", "alertmanager")}
        push = f"/intake/{tokens['alertmanager']}/api/v2/alerts"
        groups = {"gateway": family(process.pid), "PostgreSQL": database_processes(url)}
        if there:
            wait_until_open(port)
        runs: Runs = []
        for _ in range(rounds):
            event = pagerduty(tokens["pagerduty"])
            runs.append(measure("Firstline", "PagerDuty event", ours, event, 1, seconds, groups))
            for size, _connections in SHAPES:
                what = "Prometheus push"
                runs.append(measure("Firstline", what, ours, pushes(push, size), size, seconds, groups))
                if there:
                    given = pushes("/api/v2/alerts", size)
                    runs.append(measure("Alertmanager", what, port, given, size, seconds, {}))
        most = statistics.median(
            run["requests_per_s"] for run in runs if (run["system"], run["batch"]) == ("Firstline", 1)
        )
        for _ in range(rounds):
            given = pushes(push, 1)
            what = "half of the maximum"
            runs.append(measure("Firstline", what, ours, given, 1, seconds, groups, rate=most / 2))
        check_stored(url, runs)
        return runs


def check_stored(url: str, runs: Runs) -> None:
    import psycopg

    with psycopg.connect(url) as connection:
        (stored,) = connection.execute("SELECT count(*) FROM inbox").fetchone() or (0,)
    acknowledged = sum(
        count
        for run in runs
        if run["system"] == "Firstline"
        for status, count in run["statuses"].items()
        if status[0] == "2"
    )
    assert stored >= acknowledged, f"{acknowledged} were acknowledged, {stored} are stored"


def database_processes(url: str) -> Any:
    """The server's processes, by the one that a connection talks to."""
    import psutil
    import psycopg

    with psycopg.connect(url) as connection:
        (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
        return family(psutil.Process(pid).ppid())


def beside_readers(seconds: float, rounds: int) -> Runs:
    """A whole installation, its engine working off what comes: alone, and while people read queue pages."""
    from bench.filling import fill
    from bench.installation import installation
    from bench.pages import surroundings

    runs: Runs = []
    with installation() as there:
        from django.db import connection

        fill(connection, 10_000, **surroundings())
        push = f"/intake/{make_source('alertmanager')}/api/v2/alerts"
        port = there.machine.port
        for _ in range(rounds):
            runs.append(measure("installation", "alone", port, pushes(push, 1), 1, seconds, {}))
            with Readers(there) as readers:
                what = "with four readers"
                runs.append(measure("installation", what, port, pushes(push, 1), 1, seconds, {}))
            runs[-1]["pages_per_s"] = round(len(readers.taken) / seconds, 1)
    return runs


class Readers:
    """People who read queue pages, each the next one a moment after the last came. `taken`: milliseconds, each."""

    def __init__(self, there: Any, pages: tuple[str, ...] = QUEUES) -> None:
        self.taken: list[float] = []
        self._pages = pages
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=(there.browser(), number)) for number in range(READERS)
        ]

    def __enter__(self) -> "Readers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _read(self, browser: Any, number: int) -> None:
        self._over.wait(THINKING * number / READERS)
        while not self._over.is_set():
            begun = time.perf_counter()
            browser.get(self._pages[number % len(self._pages)])
            self.taken.append((time.perf_counter() - begun) * 1000)
            number += 1
            self._over.wait(THINKING)


def measure(
    system: str,
    what: str,
    port: int,
    requests: list[str],
    size: int,
    seconds: float,
    groups: dict[str, Any],
    **options: float,
) -> dict[str, Any]:
    """One run of the load generator in its own process; `cores`: how many each part kept busy."""
    meter = Meter(groups)
    report = loaded(port, requests, connections=dict(SHAPES)[size], seconds=seconds, **options)
    cores = {name: round(used / seconds, 2) for name, used in meter.since().items()}
    return {
        "system": system,
        "what": what,
        "batch": size,
        "connections": dict(SHAPES)[size],
        "alerts_per_s": report["requests_per_s"] * size,
        **report,
        "cores": {"load": report.pop("load_cores"), **cores},
    }


def loaded(port: int, requests: list[str], **options: float) -> dict[str, Any]:
    """What the load generator reports."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as prepared:
        json.dump(requests, prepared)
        prepared.flush()
        command = [sys.executable, "-m", "bench.load", str(port), prepared.name]
        command += [f"--{name}={value}" for name, value in options.items()]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


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


def make_source(kind: str, name: str = "") -> str:
    from firstline.core import clock
    from firstline.intake.models import Source

    token = secrets.token_hex(16)
    digest = hashlib.sha256(token.encode()).hexdigest()
    Source.objects.create(name=name or kind, kind=kind, token_hash=digest, created_at=clock.now())
    return token


@contextlib.contextmanager
def gateway(url: str, workers: int = 1) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    from firstline.gateway.serve import command

    port = free_port()
    environment = {
        **os.environ,
        "FIRSTLINE_DATABASE_URL": url,
        "FIRSTLINE_WEB_SOCKET": "/nonexistent",
        "FIRSTLINE_GATEWAYS": str(workers),
    }
    process = subprocess.Popen(command(host="127.0.0.1", port=port, workers=workers), env=environment)
    try:
        wait_until_open(port)
        time.sleep(0.5)
        yield port, process
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


def table(runs: Runs) -> None:
    """One line for each kind of run, with the medians of its rounds."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(
        "system", "what", "alerts each", "requests/s", "alerts/s", "p50 ms", "p99 ms", "cores busy", "answers"
    )
    kinds = dict.fromkeys((run["system"], run["what"], run["batch"]) for run in runs)
    for kind in kinds:
        same = [run for run in runs if (run["system"], run["what"], run["batch"]) == kind]
        figures = [
            statistics.median(run[name] for run in same)
            for name in ("requests_per_s", "alerts_per_s", "p50_ms", "p99_ms")
        ]
        cores = ", ".join(
            f"{name} {statistics.median(run['cores'][name] for run in same):.2f}" for name in same[0]["cores"]
        )
        system, what, size = kind
        shown.add_row(
            system,
            what,
            str(size),
            *(f"{figure:,.0f}" for figure in figures[:2]),
            *(f"{figure:.1f}" for figure in figures[2:]),
            cores,
            ", ".join(sorted({status for run in same for status in run["statuses"]})),
        )
    Console(width=150).print(shown)


if __name__ == "__main__":
    main()
