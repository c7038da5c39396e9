"""The clients of `chaos_intake`: each sends numbered requests, one after the other, and repeats what isn't taken.

A client owns its keys: within a key the next signal goes out only after the one before was acknowledged, so that the
order which Firstline must keep is known.
"""

import contextlib
import http.client
import json
import random
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

BETWEEN = 0.04  # seconds between two requests of a client
ABANDONED = 0.04  # share of requests whose sender hangs up before the answer, and sends them again
LONGEST_WAIT = 0.5  # seconds between two tries; Retry-After asks for more, impatient clients are worse
BATCH = 20
GONE = (OSError, http.client.HTTPException)


class Client(threading.Thread):
    """One sender. `acknowledged`: request numbers by the instant of their 2xx; `tries` counts all sendings."""

    def __init__(self, port: int, token: str, name: str, seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self._port = port
        self._token = token
        self.chance = random.Random(seed)
        self._connection: http.client.HTTPConnection | None = None
        self._ending = threading.Event()
        self.acknowledged: list[str] = []
        self.answered: list[tuple[float, float]] = []
        self.refused: dict[int, int] = {}
        self.tries = 0

    def stop(self) -> None:
        """End after the present request was acknowledged."""
        self._ending.set()

    def run(self) -> None:
        for number, (path, body) in enumerate(self.requests()):
            name = f"{self.name}/{number}"
            self._until_taken(path, self._numbered(body, name))
            self.acknowledged.append(name)
            if self._ending.wait(BETWEEN):
                return

    def _numbered(self, body: Any, name: str) -> bytes:
        for element in body if isinstance(body, list) else [body]:
            self.number(element, name)
        return json.dumps(body).encode()

    def _until_taken(self, path: str, body: bytes) -> None:
        if self.chance.random() < ABANDONED:
            self._hang_up(path, body)
        while True:
            began = time.monotonic()
            self.tries += 1
            try:
                status = self._post(path, body)
            except GONE:
                self._connection = None
                status = 0
            if 200 <= status < 300:
                self.answered.append((began, time.monotonic()))
                return
            self.refused[status] = self.refused.get(status, 0) + 1
            time.sleep(self.chance.uniform(0.05, LONGEST_WAIT))

    def _hang_up(self, path: str, body: bytes) -> None:
        """Send it, and be gone before the answer comes: nobody knows whether it was taken."""
        self.tries += 1
        with contextlib.suppress(*GONE), contextlib.closing(self._connect()) as connection:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            time.sleep(self.chance.choice((0.0, 0.02)))

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)

    def _post(self, path: str, body: bytes) -> int:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def requests(self) -> Iterator[tuple[str, Any]]:
        """Where and what to send, for ever."""
        raise NotImplementedError

    def number(self, element: dict[str, Any], name: str) -> None:
        """Write the request's number into it, where it is no part of the alert's identity."""
        raise NotImplementedError

    def stories(self) -> Iterator[tuple[str, bool]]:
        """(key, whether it fires): a few triggers, mostly a resolve, now and then the same once more."""
        story = 0
        while True:
            key = f"{self.name}-{story}"
            for _ in range(self.chance.choice((1, 1, 2))):
                for _ in range(self.chance.randint(1, 5)):
                    yield key, True
                if self.chance.random() < 0.75:
                    yield key, False
            story += 1


class PagerDuty(Client):
    """Events with a key; `keyless` ones are each an alert of their own."""

    keyless = False

    def requests(self) -> Iterator[tuple[str, Any]]:
        for key, fires in self.stories():
            if self.keyless and not fires:
                continue
            event: dict[str, Any] = {"routing_key": self._token, "event_action": "trigger"}
            if not self.keyless:
                event |= {"dedup_key": key, "event_action": "trigger" if fires else "resolve"}
            event["payload"] = {"summary": f"{key} is down", "source": f"host-{key}", "severity": "error"}
            yield "/v2/enqueue", event

    def number(self, element: dict[str, Any], name: str) -> None:
        element["payload"]["custom_details"] = {"n": name}


class Keyless(PagerDuty):
    keyless = True


class Alertmanager(Client):
    """Pushes as Prometheus makes them: every push holds twenty alerts, each at its own point of its story."""

    def requests(self) -> Iterator[tuple[str, Any]]:
        stories = [self._member(number) for number in range(BATCH)]
        while True:
            yield f"/intake/{self._token}/api/v2/alerts", [next(story) for story in stories]

    def _member(self, member: int) -> Iterator[dict[str, Any]]:
        for key, fires in self.stories():
            now = datetime.now(UTC)
            labels = {"alertname": "Chaos", "member": str(member), "chaos": f"{key}-{member}"}
            labels["instance"] = f"host-{key}-{member}"
            ends = now + timedelta(hours=3) if fires else now - timedelta(seconds=1)
            starts = now - timedelta(minutes=5)
            yield {
                "labels": labels,
                "annotations": {"summary": f"{key} is down"},
                "startsAt": starts.isoformat(),
                "endsAt": ends.isoformat(),
            }

    def number(self, element: dict[str, Any], name: str) -> None:
        element["annotations"]["n"] = name


class Generic(Client):
    def requests(self) -> Iterator[tuple[str, Any]]:
        for key, fires in self.stories():
            status = "firing" if fires else "resolved"
            yield f"/intake/{self._token}", {"key": key, "title": f"{key} is down", "status": status}

    def number(self, element: dict[str, Any], name: str) -> None:
        element["n"] = name


KINDS: tuple[tuple[type[Client], str], ...] = (
    (PagerDuty, "pagerduty"),
    (Keyless, "pagerduty"),
    (Alertmanager, "alertmanager"),
    (Generic, "generic"),
)


def clients_for(port: int, tokens: Mapping[str, str], *, each: int) -> list[Client]:
    """`each` clients of every kind, not started yet."""
    return [
        kind(port, tokens[source], f"{kind.__name__.lower()}{number}", seed)
        for seed, (kind, source, number) in enumerate(
            (kind, source, number) for kind, source in KINDS for number in range(each)
        )
    ]
