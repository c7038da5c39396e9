"""A load generator for HTTP/1.1 that costs little: prepared bytes, one request at a time on each connection.

Without `--rate` each connection sends as soon as it has its answer: how much is taken. With it requests are due at even
intervals whatever becomes of the others, and a late one counts from when it was due: how long an answer takes.
"""

import argparse
import asyncio
import json
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import uvloop

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Client(asyncio.Protocol):
    """One connection of a run."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._answer = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def begin(self, delay: float) -> None:
        """Send the first request after so many seconds."""
        self._due = time.perf_counter() + delay
        self._run.loop.call_later(delay, self._send)

    def data_received(self, data: bytes) -> None:
        self._answer = answer = self._answer + data if self._answer else data
        end = answer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = LENGTH.search(answer, 0, end)
        if len(answer) - end - 4 < int(length.group(1) if length else 0):
            return
        self._run.answered(int(answer[9:12]), time.perf_counter() - self._due)
        self._answer = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._run.ended:
            self._run.statuses[0] += 1

    def _next(self) -> None:
        run, now = self._run, time.perf_counter()
        if run.ended:
            self._transport.close()
        elif not run.interval:
            self._due = now
            self._send()
        else:
            self._due += run.interval
            if self._due <= now:
                self._send()
            else:
                run.loop.call_later(self._due - now, self._send)

    def _send(self) -> None:
        request = self._run.take()
        if request:
            self._transport.write(request)  # type: ignore[attr-defined]


class Run:
    """What one run sends and counts. Status 0: a connection was lost."""

    def __init__(self, requests: Sequence[bytes], connections: int, rate: float, count: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.interval = connections / rate if rate else 0.0
        self.over = asyncio.Event()
        self.ended = False
        self._requests = requests
        self._sent = 0
        self._count = count

    def take(self) -> bytes:
        """The next request; nothing once all are sent."""
        if self._count and self._sent >= self._count:
            return b""
        self._sent += 1
        return self._requests[(self._sent - 1) % len(self._requests)]

    def answered(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.latencies.append(seconds)
        if len(self.latencies) == self._count:
            self.over.set()

    def report(self, seconds: float) -> dict[str, object]:
        ordered = sorted(self.latencies) or [0.0]
        good = sum(count for status, count in self.statuses.items() if 200 <= status < 300)
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "requests_per_s": round(good / seconds),
            "p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
            "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 1),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "load_cores": round((used.ru_utime + used.ru_stime) / seconds, 2),
        }


async def generate(
    port: int, requests: Sequence[bytes], connections: int, seconds: float, rate: float = 0, count: int = 0
) -> dict[str, object]:
    """Load `127.0.0.1:port` for `seconds`, or until `count` requests are answered, and report."""
    run = Run(requests, connections, rate, count)
    clients = []
    for _ in range(connections):
        _transport, client = await run.loop.create_connection(lambda: Client(run), "127.0.0.1", port)
        clients.append(client)
    started = time.perf_counter()
    for number, client in enumerate(clients):
        client.begin(run.interval * number / connections)
    try:
        async with asyncio.timeout(seconds):
            await run.over.wait()
    except TimeoutError:
        pass
    run.ended = True
    report = run.report(time.perf_counter() - started)
    await asyncio.sleep(0.5)
    return report


def main() -> None:
    """Read prepared requests from a file (JSON list of texts), load, print the report as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("requests", type=Path)
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument(
        "--rate", type=float, default=0, help="requests a second in all; 0: as many as possible"
    )
    parser.add_argument("--count", type=int, default=0, help="end after so many; 0: only by time")
    given = parser.parse_args()
    requests = [text.encode() for text in json.loads(given.requests.read_text())]
    load = generate(
        given.port, requests, given.connections, given.seconds, rate=given.rate, count=given.count
    )
    json.dump(uvloop.run(load), sys.stdout)


if __name__ == "__main__":
    main()
