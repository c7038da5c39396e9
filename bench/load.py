"""A load generator for HTTP/1.1 that costs little: prepared bytes, one request at a time on each connection."""

import argparse
import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import uvloop

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Client(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last one is whole, until it is told to end."""

    def __init__(self, requests: Sequence[bytes], first: int, run: "Run") -> None:
        self._requests = requests
        self._next = first
        self._run = run
        self._answer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not end or len(body) < int(length.group(1) if length else 0):
            return
        self._run.statuses[int(self._answer[9:12])] += 1
        self._run.latencies.append(time.perf_counter() - self._sent)
        self._answer = b""
        if self._run.ended:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._run.ended:
            self._run.statuses[0] += 1

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._requests[self._next % len(self._requests)])  # type: ignore[attr-defined]
        self._next += 1


class Run:
    """What one run counted. Status 0: a connection was lost."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.ended = False

    def report(self, seconds: float) -> dict[str, object]:
        ordered = sorted(self.latencies) or [0.0]
        good = sum(count for status, count in self.statuses.items() if 200 <= status < 300)
        return {
            "requests_per_s": round(good / seconds),
            "p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
            "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 1),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }


async def generate(
    port: int, requests: Sequence[bytes], connections: int, seconds: float
) -> dict[str, object]:
    """Load `127.0.0.1:port` for `seconds` and report."""
    run = Run()
    loop = asyncio.get_running_loop()
    step = max(1, len(requests) // connections)
    started = time.perf_counter()
    for number in range(connections):
        await loop.create_connection(
            lambda number=number: Client(requests, number * step, run),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
    await asyncio.sleep(seconds)
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
    given = parser.parse_args()
    requests = [text.encode() for text in json.loads(given.requests.read_text())]
    report = uvloop.run(generate(given.port, requests, given.connections, given.seconds))
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
