"""Is anything acknowledged ever lost? Kill gateway, engines and PostgreSQL while clients send, then count.

    python -m bench.chaos_intake [--kills 100] [--seed 1]

A whole installation with three engines and an embedded PostgreSQL with durability on. Clients send numbered signals of
four kinds and repeat a request until it is answered 2xx, as monitoring tools do. One process at a time is killed by
SIGKILL. What is stored afterwards is folded once more by a simple model, and held against the alerts. The last line is
one JSON object: `lost`, `doubled`, `miscounted` and `overtaken` are 0, or something is broken.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
import psycopg

from bench.chaos_clients import Client, clients_for
from bench.chaos_ledger import Ledger, read_ledger
from firstline.config.embedded import url_of
from tests.machine import Machine, clean_environment, reachable_folder, running_machine

ENGINES = 3
CLIENTS = 2  # of each kind
PATIENCE = 180.0  # seconds that anything may take before it counts as broken
PARTS = ("gateway", "engine", "postgresql")
Say = Callable[[str], None]


@dataclass
class Report:
    """`recovered`: seconds from a kill to the next acknowledgement, the longest and the middle one by part."""

    kills: int
    acknowledged: int
    lost: int
    doubled: int
    miscounted: int
    overtaken: int
    stored: int = 0
    stored_twice: int = 0
    unread: int = 0
    alerts: int = 0
    incidents: int = 0
    seconds: float = 0.0
    killed: dict[str, int] = field(default_factory=dict)
    recovered: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.miscounted or self.overtaken or self.unread)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None, help="which parts are killed, and when")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10_000)
    print(f"seed {seed}", flush=True)
    report, ledger = chaos(given.kills, seed, say=lambda text: print(text, flush=True))
    for line in ledger.complaints[:50]:
        print(line)
    print(json.dumps({"bench": "chaos-intake", "seed": seed, **asdict(report)}))
    sys.exit(0 if report.sound else 1)


def chaos(kills: int, seed: int, *, say: Say = lambda _: None) -> tuple[Report, Ledger]:
    """The whole story in a fresh installation; returns what was counted and the details."""
    begun = time.monotonic()
    with reachable_folder() as folder, machine_with_engines(folder / "data") as machine:
        tokens = make_sources(machine)
        clients = clients_for(machine.port, tokens, each=CLIENTS)
        for client in clients:
            client.start()
        killing = Killing(machine, clients, random.Random(seed), say)
        try:
            killing.go(kills)
        finally:
            for client in clients:
                client.stop()
        say(f"{killing.done} kills in {time.monotonic() - begun:.0f} s; the clients end, the engines finish")
        wait(lambda: not any(client.is_alive() for client in clients), "the clients have ended")
        with database(machine) as connection:
            wait(lambda: waiting_rows(connection) == 0, "the inbox is worked off")
            ledger = read_ledger(connection, clients)
    return report_of(ledger, killing, clients, time.monotonic() - begun), ledger


def report_of(ledger: Ledger, killing: "Killing", clients: Sequence[Client], seconds: float) -> Report:
    return Report(
        kills=killing.done,
        acknowledged=sum(len(client.acknowledged) for client in clients),
        lost=len(ledger.lost),
        doubled=len(ledger.doubled),
        miscounted=len(ledger.miscounted),
        overtaken=len(ledger.overtaken),
        stored=ledger.stored,
        stored_twice=ledger.stored_twice,
        unread=len(ledger.unread),
        alerts=ledger.alerts,
        incidents=ledger.incidents,
        seconds=round(seconds, 1),
        killed=dict(killing.killed),
        recovered={
            part: {"middle": round(sorted(times)[len(times) // 2], 2), "longest": round(max(times), 2)}
            for part, times in killing.recovered.items()
        },
    )


@contextmanager
def machine_with_engines(data: Path) -> Iterator[Machine]:
    with running_machine(data, FIRSTLINE_ENGINES=str(ENGINES), FIRSTLINE_LOG_LEVEL="error") as machine:
        yield machine


def make_sources(machine: Machine) -> dict[str, str]:
    """A source of each kind; their tokens."""
    environment = clean_environment(
        FIRSTLINE_DATABASE_URL=url_of(machine.data),
        FIRSTLINE_SECRET_KEY=(machine.data / "secret_key").read_text().strip(),
        DJANGO_SETTINGS_MODULE="firstline.config.settings",
    )
    command = [sys.executable, "-m", "bench.chaos_sources"]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    tokens: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return tokens


class Killing:
    """Kills one process at a time, and waits until signals are acknowledged again before the next."""

    def __init__(self, machine: Machine, clients: Sequence[Client], chance: random.Random, say: Say) -> None:
        self._machine = machine
        self._clients = clients
        self._chance = chance
        self._say = say
        self.done = 0
        self.killed: Counter[str] = Counter()
        self.recovered: dict[str, list[float]] = {}

    def go(self, kills: int) -> None:
        self._until_acknowledged(2 * len(self._clients))
        while self.done < kills:
            time.sleep(self._chance.uniform(0.05, 1.2))  # where in their work it hits them is chance
            part = self._chance.choice(PARTS)
            victim = self._victim(part)
            if victim is None:  # still being started again
                continue
            before = self._acknowledged()
            at = time.monotonic()
            if not _kill(victim):
                continue
            self.done += 1
            self.killed[part] += 1
            self._until_acknowledged(before + 2 * len(self._clients))
            self.recovered.setdefault(part, []).append(self._first_since(at) - at)
            if self.done % 20 == 0:
                self._say(f"{self.done} kills, {self._acknowledged()} acknowledged")

    def _first_since(self, instant: float) -> float:
        """When the first request that began after `instant` was acknowledged."""
        return min(
            (at for client in self._clients for began, at in client.answered if began > instant),
            default=instant,
        )

    def _acknowledged(self) -> int:
        return sum(len(client.acknowledged) for client in self._clients)

    def _until_acknowledged(self, number: int) -> None:
        for client in self._clients:
            client.answered.clear()
        wait(lambda: self._acknowledged() >= number, f"{number} requests are acknowledged", self._machine)

    def _victim(self, part: str) -> psutil.Process | None:
        """A process of this part: of a group any one, its first among them."""
        try:
            children = psutil.Process(self._machine.process.pid).children()
            chosen = [child for child in children if _runs(child, part)]
            if not chosen:
                return None
            one = self._chance.choice(chosen)
            family = [one, *one.children(recursive=True)]
            return self._chance.choice(family) if self._chance.random() < 0.4 else one
        except psutil.Error:
            return None


def _runs(process: psutil.Process, part: str) -> bool:
    command = process.cmdline()
    if part == "postgresql":
        return bool(command) and Path(command[0]).name == "postgres"
    return part in command[3:]


def _kill(process: psutil.Process) -> bool:
    try:
        process.kill()
    except psutil.Error:
        return False
    return True


def wait(condition: Callable[[], bool], what: str, machine: Machine | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(
                f"waited {PATIENCE:.0f} s in vain until {what}\n{machine.output if machine else ''}"
            )
        time.sleep(0.05)


@contextmanager
def database(machine: Machine) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """A connection once the server has recovered from the last kill."""
    url = url_of(machine.data)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection = psycopg.connect(url, autocommit=True, connect_timeout=5)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            break
    with connection:
        yield connection


def waiting_rows(connection: "psycopg.Connection[tuple[object, ...]]") -> int:
    row = connection.execute("SELECT count(*) FROM inbox WHERE state = 'new'").fetchone()
    assert row is not None
    return int(str(row[0]))


if __name__ == "__main__":
    os.environ.pop("FIRSTLINE_DATABASE_URL", None)
    main()
