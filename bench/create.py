"""How many incidents a second programs can register through the API, and how soon the engine has triaged them.

    python -m bench.create [--seconds 5]

A running Firstline, tokens enough that the limit of requests per token doesn't bind, one to sixteen connections. The
last line is one JSON object.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from typing import Any

from bench.installation import installation
from bench.intake import ROOT, about

TOKENS = 200
CONNECTIONS = (1, 4, 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run")
    given = parser.parse_args()
    with installation() as there:
        requests = prepared()
        runs = [measure(there.machine.port, requests, n, given.seconds) for n in CONNECTIONS]
    table(runs)
    print(json.dumps({"bench": "create", **about(), "runs": runs}))


def prepared() -> list[str]:
    """One request per token, on services of their own."""
    from firstline.accounts.actions import create_token
    from firstline.accounts.models import Person
    from firstline.catalog.actions import create_service
    from firstline.core import clock
    from firstline.core.actor import Actor

    now, actor = clock.now(), Actor.system("bench")
    caller = Person.objects.get(email="bench@example.org").id
    services = [create_service(name=f"Service {n}", actor=actor, now=now).id for n in range(20)]
    found = []
    for number in range(TOKENS):
        _row, token = create_token(
            name=f"Bench {number}",
            scopes=["incident:write", "incident:read"],
            group_ids=[],
            actor=actor,
            now=now,
        )
        body = json.dumps(
            {
                "title": f"Order {number} can't be sent",
                "description": "The button stays grey since this morning. Two colleagues have the same.",
                "service_id": services[number % len(services)],
                "caller_id": caller,
            }
        )
        head = f"POST /api/v1/incidents HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        length = len(body.encode())
        found.append(f"{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
    return found


def measure(port: int, requests: list[str], connections: int, seconds: float) -> dict[str, Any]:
    from firstline.core.models import Due
    from firstline.incidents.models import Incident

    before = Incident.objects.count()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(requests, file)
        file.flush()
        command = [sys.executable, "-m", "bench.load", str(port), file.name]
        command += [f"--connections={connections}", f"--seconds={seconds}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    made = Incident.objects.count() - before
    answered = sum(count for status, count in report["statuses"].items() if status[0] == "2")
    assert made >= answered > 0, f"{answered} were answered 2xx, {made} were made: {report['statuses']}"
    begun = time.perf_counter()
    while Due.objects.filter(kind="triage").exists():
        time.sleep(0.05)
    return {
        "connections": connections,
        "incidents_per_s": report["requests_per_s"],
        "p50_ms": report["p50_ms"],
        "p99_ms": report["p99_ms"],
        "made": made,
        "triaged_s_after": round(time.perf_counter() - begun, 1),
        "statuses": report["statuses"],
    }


def table(runs: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table("connections", "incidents/s", "p50 ms", "p99 ms", "made", "all triaged, s later", "answers")
    for run in runs:
        shown.add_row(*(str(value) for value in run.values()))
    Console(width=120).print(shown)


if __name__ == "__main__":
    main()
