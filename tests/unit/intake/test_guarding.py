"""A request that crashes, hangs, floods or kills whoever reads it spoils itself alone."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from firstline.intake import drain, guarding
from firstline.intake.models import AlertSpan
from firstline.intake.signal import Signal, SignalKind
from firstline.intake.sources.parsing import Received
from firstline.intake.sources.registry import PARSERS
from tests.database import Clone
from tests.unit.intake.inboxes import Inbox, fresh_inbox


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """A format of our own, with every fault that a parser may have; the body says which."""
    fault = row.body.decode()
    if fault == "recursion":
        return parse(row, settings)
    if fault == "memory":
        raise MemoryError
    if fault == "bug":
        return [{}["missing"]]
    if fault == "redos":
        re.fullmatch(r"(a+)+b", "a" * 40)
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    count = int(fault) if fault.isdigit() else 1
    title = "a\x00b" if fault == "unstorable" else fault
    return [
        Signal(
            kind=SignalKind.TRIGGER, key=f"{fault}-{n}", title=title, occurred_at=row.received_at, row=row.id
        )
        for n in range(count)
    ]


@pytest.fixture
def format_of_faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A kind `faults` in the registry; and as if this process had only started."""
    monkeypatch.setitem(PARSERS, "faults", parse)
    drain._taken_from.clear()
    guarding._tried_here.clear()
    yield
    drain._taken_from.clear()


@pytest.mark.usefixtures("format_of_faults")
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("recursion", "RecursionError"),
        ("memory", "MemoryError"),
        ("bug", "KeyError"),
        ("unstorable", "NUL|0x00|u0000"),
        ("10001", "10,001 alerts in one request"),
    ],
)
def test_a_poisonous_row_is_marked_and_the_others_are_read(inbox: Inbox, fault: str, said: str) -> None:
    source = inbox.source("faults")
    for body in (b"before", fault.encode(), b"after"):
        inbox.put(source, body)
    inbox.drain()
    before, bad, after = inbox.rows(source)
    assert (before, after) == (("done", "", 1), ("done", "", 1))
    assert bad[0] == "failed" and re.search(said, bad[1])
    titles = {span.title for span in inbox.spans(source)}
    assert {"before", "after"} <= titles
    (complaint,) = titles - {"before", "after"}
    assert "cannot read" in complaint


@pytest.mark.usefixtures("format_of_faults")
def test_a_regular_expression_that_never_ends_is_interrupted(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "LONGEST", 1)
    source = inbox.source("faults")
    for body in (b"before", b"redos", b"after"):
        inbox.put(source, body)
    inbox.drain()
    assert [state for state, _, _ in inbox.rows(source)] == ["done", "failed", "done"]
    assert "took longer" in inbox.rows(source)[1][1]
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_many_quick_rows_are_not_taken_for_one_slow_one() -> None:
    watch = guarding.Watch()
    for number in range(1, 100):
        watch.row = number
        watch.tick(0, None)
    for _ in range(100):
        watch.row = 0
        watch.tick(0, None)
    watch.row = 7
    for _ in range(guarding.LONGEST):
        watch.tick(0, None)
    with pytest.raises(guarding.TooSlow):
        watch.tick(0, None)


def test_outside_the_main_thread_nothing_is_watched() -> None:
    def other() -> None:
        with guarding.watched():
            seen.append(signal.getitimer(signal.ITIMER_REAL))

    seen: list[Any] = []
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [(0.0, 0.0)]


@pytest.mark.usefixtures("format_of_faults")
def test_a_batch_ends_where_its_signals_become_too_many(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "MOST_IN_BATCH", 100)
    source = inbox.source("faults")
    for number in range(5):
        inbox.put(source, str(60 + number).encode())
    assert inbox.drain() == 2
    assert [state for state, _, _ in inbox.rows(source)] == ["done", "done", "new", "new", "new"]
    inbox.drain()
    inbox.drain()
    assert AlertSpan.objects.filter(source=source).count() == 60 + 61 + 62 + 63 + 64


def kill_a_reader() -> int:
    """A process that drains the test's database, with the format of faults; its exit status."""
    program = (
        "import django; django.setup()\n"
        "from tests.unit.intake.test_guarding import parse\n"
        "from firstline.intake.sources.registry import PARSERS; PARSERS['faults'] = parse\n"
        "from firstline.core import clock; from firstline.intake import drain; drain.run(clock.now())"
    )
    return subprocess.run([sys.executable, "-c", program], check=False, timeout=120).returncode


def test_a_row_that_kills_its_readers_is_given_up(cloned_database: Clone) -> None:
    inbox = fresh_inbox()
    source = inbox.source("faults")
    for body in (b"before", b"kill", b"after"):
        inbox.put(source, body)
    exits = []
    while not exits or exits[-1] != 0:
        exits.append(kill_a_reader())
        assert len(exits) < 10, inbox.rows(source)
    assert exits == [-signal.SIGKILL] * guarding.MOST_TRIES + [0]
    assert [state for state, _, _ in inbox.rows(source)] == ["done", "failed", "done"]
    assert "died of it" in inbox.rows(source)[1][1]
