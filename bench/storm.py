"""A storm of one cause while the console is used, then how soon a first alert becomes a page at a usual load.

    python -m bench.storm [--alerts 100000] [--pages 100]

A whole installation with 10,000 incidents, four people who read queue pages, on-call people who are paged by webhook.
The last line is one JSON object.
"""

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from typing import Any

from bench.filling import WORDS, fill
from bench.installation import Installation, installation
from bench.intake import Readers, about, loaded, make_source, post
from bench.pages import surroundings

BACKGROUND = 200  # alerts a second
IDLE = 10.0  # seconds for which the console is measured without a storm
APART = 0.2  # seconds between two first alerts
PATIENCE = 600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--pages", type=int, default=100, help="first alerts whose page is waited for")
    given = parser.parse_args()
    with installation() as there, Sink() as sink:
        from django.db import connection

        fill(connection, 10_000, **surroundings())
        set_up(given.pages, sink.port)
        found = storm(there, given.alerts, make_source("pagerduty"))
        found |= pages(there, given.pages, make_source("alertmanager"), sink)
    table(found)
    names = (
        "storm_incidents",
        "storm_pages",
        "console_slowdown",
        "page_p50_ms",
        "page_p99_ms",
        "gateway_mib",
    )
    print(json.dumps({"bench": "storm", **about(), **{name: found[name] for name in names}, "found": found}))


def set_up(pages: int, port: int) -> None:
    """Services, and one person on call for all of them, reached by webhook."""
    from firstline.accounts.models import Person
    from firstline.catalog.actions import create_service
    from firstline.core import clock, installation
    from firstline.core.actor import Actor
    from firstline.notifications.models import ContactMethod, NotificationRule
    from firstline.oncall import configure
    from firstline.oncall.models import PolicyAssignment
    from firstline.oncall.policy import Policy, Step, Target

    now, actor = clock.now(), Actor.system("bench")
    names = ("Storm", "Background", *(f"First {number}" for number in range(pages)))
    services = [create_service(name=name, actor=actor, now=now).id for name in names]
    installation.put("enabled_webhook_hosts", ["127.0.0.1"], actor=actor, now=now)
    person = Person.objects.get(email="agent0@example.org")
    address = f"http://127.0.0.1:{port}/"
    method = ContactMethod.objects.create(person=person, channel="webhook", address=address, verified_at=now)
    for urgency in ("high", "low"):
        NotificationRule.objects.create(person=person, urgency=urgency, method=method)
    step = Step((Target("person", person.id),), 3600)
    policy = configure.create_policy(name="Bench", definition=Policy(steps=(step,)), actor=actor, now=now)
    PolicyAssignment.objects.all().delete()
    for service in services:
        configure.assign_policy(service_id=service, priority=None, policy_id=policy.id, actor=actor, now=now)


def storm(there: Installation, alerts: int, token: str) -> dict[str, Any]:
    """Every alert is another one, of one service. The console is read until all are worked off and paged."""
    from firstline.incidents.models import Incident
    from firstline.intake.models import AlertSpan
    from firstline.oncall.models import Page

    with Readers(there) as idle:
        time.sleep(IDLE)
    last = Incident.objects.order_by("-id").values_list("id", flat=True)[0]
    spans, paged = AlertSpan.objects.count(), Page.objects.count()
    requests = [post("/v2/enqueue", stormy(token, number)) for number in range(alerts)]
    with Memory(there) as memory, Readers(there) as readers:
        begun = time.perf_counter()
        report = loaded(there.machine.port, requests, connections=256, seconds=PATIENCE, count=alerts)
        taken = time.perf_counter() - begun
        wait_until(lambda: AlertSpan.objects.count() - spans >= alerts)
        drained = time.perf_counter() - begun
        wait_until(lambda: Page.objects.count() > paged)
    assert sum(report["statuses"].values()) == report["statuses"]["202"] == alerts, report
    before, during = percentile(idle.taken, 0.95), percentile(readers.taken, 0.95)
    theirs = set(AlertSpan.objects.order_by("-id")[:alerts].values_list("incident_id", flat=True))
    others = Incident.objects.filter(id__gt=last).exclude(id__in=theirs).order_by("id")
    for other in others[:5]:
        print(f"not of the storm: {other.number} {other.title} ({other.channel})")
    return {
        "storm_incidents": len(theirs),
        "storm_pages": Page.objects.filter(incident_id__in=theirs).count(),
        "other_incidents": others.count(),
        "console_slowdown": round(during / before, 2),
        "console_p95_idle_ms": round(before, 1),
        "console_p95_storm_ms": round(during, 1),
        "pages_read": len(readers.taken),
        "taken_in_s": round(taken, 1),
        "worked_off_in_s": round(drained, 1),
        "answer_p99_ms": report["p99_ms"],
        "gateway_mib": max(memory.taken),
        "gateway_mib_after": memory.taken[-1],
    }


def stormy(token: str, number: int) -> dict[str, Any]:
    payload = {
        "summary": f"Queue {number} cannot reach the store",
        "source": f"node-{number % 500}",
        "severity": "critical",
        "custom_details": {"service": "Storm", "queue": str(number)},
    }
    key = f"storm/{number}"
    return {"routing_key": token, "event_action": "trigger", "dedup_key": key, "payload": payload}


def pages(there: Installation, count: int, token: str, sink: "Sink") -> dict[str, Any]:
    """First alerts of services where nothing is wrong, one after the other beside alerts that repeat.

    From before the request until the receiver of the page has it.
    """
    port, path = there.machine.port, f"/intake/{token}/api/v2/alerts"
    background = [post(path, [firing("Background", f"Hum {number}")]) for number in range(1000)]
    loaded(port, background, connections=8, seconds=PATIENCE, count=1000)
    seconds = count * APART + 4
    loading = threading.Thread(
        target=loaded,
        args=(port, background),
        kwargs={"connections": 8, "seconds": seconds, "rate": BACKGROUND},
    )
    loading.start()
    time.sleep(3)
    sent: dict[str, float] = {}
    for number in range(count):
        title = title_of(number)
        body = json.dumps([firing(f"First {number}", title)]).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers)
        sent[title] = time.time()
        urllib.request.urlopen(request, timeout=30).close()
        time.sleep(APART)
    loading.join()
    wait_until(lambda: all(sink.came(title) for title in sent), 60)
    waited = [(sink.came(title) - at) * 1000 for title, at in sent.items()]
    return {
        "pages_waited_for": count,
        "page_p50_ms": round(statistics.median(waited)),
        "page_p99_ms": round(percentile(waited, 0.99)),
    }


def title_of(number: int) -> str:
    """Of each alert another one, in words: texts that differ by a number alone are one cause."""
    return f"{WORDS[number % len(WORDS)]} {WORDS[(number * 7 + number // len(WORDS) + 1) % len(WORDS)]}"


def firing(service: str, summary: str) -> dict[str, Any]:
    labels = {"alertname": summary, "service": service, "severity": "critical", "instance": f"{service}:1"}
    return {"labels": labels, "annotations": {"summary": summary}}


class Sink:
    """Where pages go: remembers when each came."""

    def __enter__(self) -> "Sink":
        command = [sys.executable, "-m", "bench.sink", "--tell"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self._came: list[tuple[float, str]] = []
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            at, _, text = line.partition(" ")
            self._came.append((float(at), text))

    def came(self, title: str) -> float:
        """When the page that says this came, as seconds since 1970; 0: not yet."""
        return next((at for at, text in self._came if title in text), 0.0)


class Memory:
    """What the gateway's processes hold, in MiB, looked at five times a second."""

    def __init__(self, there: Installation) -> None:
        self.taken: list[int] = []
        self._there = there
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        first = self._there.machine.child("gateway")
        gateways = [first, *first.children(recursive=True)]
        while not self._over.wait(0.2):
            self.taken.append(round(sum(p.memory_info().rss for p in gateways) / 2**20))


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def wait_until(condition: Any, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("waited in vain")
        time.sleep(0.1)


def table(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table("what", "measured")
    for name, value in found.items():
        shown.add_row(name.replace("_", " "), f"{value:,}")
    Console(width=100).print(shown)


if __name__ == "__main__":
    main()
