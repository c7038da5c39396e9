"""One small parent for all processes of a machine: starts them, restarts what crashed, leaves nothing behind.

Each part is a child in a session of its own, so that Ctrl-C in a terminal reaches the parent alone, which
then stops the parts in order. When the parent is killed the children notice (see `lifeline`) and end.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import FrameType

import structlog

from .lifeline import VARIABLE, dying_with_this_process

log = structlog.get_logger(__name__)

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_AFTER = 5.0
"""Seconds. A part that ran this long had started well: it is started again at once, however often it is killed. The
pauses that grow are for one that can't start."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A program to keep running. `patience`: seconds to stop in by itself. `once`: not started again."""

    name: str
    command: tuple[str, ...]
    patience: float = 20.0
    once: bool = False


@dataclass
class _Child:
    part: Part
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    start_at: float | None = None
    pause: float = FIRST_PAUSE


@dataclass
class Supervisor:
    """`environment`: what the parts get. `keeper` is called on every turn, for what is not a part."""

    environment: Mapping[str, str]
    keeper: Callable[[], None] = lambda: None
    _children: list[_Child] = field(default_factory=list)
    _signals: list[int] = field(default_factory=list)
    _wake: tuple[int, int] = (-1, -1)
    _life: tuple[int, int] = (-1, -1)

    def __enter__(self) -> "Supervisor":
        """Take over the signals of this process (main thread only)."""
        self._wake = os.pipe()
        self._life = os.pipe()
        for end in self._wake:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, self._heard)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        signal.set_wakeup_fd(-1)
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(signum, signal.SIG_DFL)
        for end in (*self._wake, *self._life):
            os.close(end)

    def _heard(self, signum: int, _frame: FrameType | None) -> None:
        self._signals.append(signum)

    @property
    def stopping(self) -> bool:
        return bool(self._signals)

    def add(self, part: Part) -> None:
        """Start a part and keep it running from now on."""
        child = _Child(part)
        self._children.append(child)
        self._launch(child)

    def once(self, part: Part) -> int:
        """Run a part to its end and return its exit status; a signal to this process ends it early."""
        child = _Child(replace(part, once=True))
        self._children.append(child)
        process = self._launch(child)
        while process.poll() is None and not self.stopping:
            self.keeper()
            self._sleep(0.5)
        if self.stopping:
            self.stop()
        elif child in self._children:
            self._children.remove(child)
        return process.returncode

    def run(self, *, until: Callable[[], bool] = lambda: False, every: float = 5.0) -> None:
        """Look after the parts until a signal asks to stop, or `until` does (asked each `every` seconds)."""
        while not self.stopping and not until():
            self.keeper()
            self._reap()
            due = [child.start_at for child in self._children if child.start_at is not None]
            self._sleep(max(0.0, min([every, *(instant - time.monotonic() for instant in due)])))
            for child in self._children:
                if child.start_at is not None and child.start_at <= time.monotonic() and not self.stopping:
                    self._launch(child)

    def _sleep(self, seconds: float) -> None:
        """Until a signal comes (a child's end is one too), or for `seconds`."""
        if select.select([self._wake[0]], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake[0], 4096)

    def _launch(self, child: _Child) -> subprocess.Popen[bytes]:
        reading = self._life[0]
        child.process = process = subprocess.Popen(
            child.part.command,
            stdin=subprocess.DEVNULL,
            env={**self.environment, VARIABLE: str(reading)},
            pass_fds=(reading,),
            start_new_session=True,
            preexec_fn=dying_with_this_process(signal.SIGTERM),  # noqa: PLW1509 - only prctl and getppid
        )
        child.started = time.monotonic()
        child.start_at = None
        return process

    def _reap(self) -> None:
        for child in self._children:
            if child.process is None or child.process.poll() is None:
                continue
            code = child.process.returncode
            _kill_group(child.process.pid)
            child.process = None
            if child.part.once:
                continue
            if time.monotonic() - child.started > STEADY_AFTER:
                child.pause = FIRST_PAUSE
            log.warning("part ended", part=child.part.name, exit=code, again_in_seconds=child.pause)
            child.start_at = time.monotonic() + child.pause
            child.pause = min(child.pause * 2, LONGEST_PAUSE)

    def stop(self) -> None:
        """Ask every part to end, the latest started first in line; kill what outstays its patience."""
        running = [child for child in reversed(self._children) if child.process is not None]
        for child in running:
            assert child.process is not None
            child.process.terminate()
        begun = time.monotonic()
        asked = len(self._signals)
        for child in running:
            assert child.process is not None
            while child.process.poll() is None and len(self._signals) <= asked:  # a second Ctrl-C hurries
                if time.monotonic() - begun > child.part.patience:
                    log.warning("part did not stop and is killed", part=child.part.name)
                    break
                self._sleep(0.1)
            _kill_group(child.process.pid)
            child.process.wait()
            child.process = None
        self._children.clear()


def _kill_group(leader: int) -> None:
    """Kill what is left of a child's process group, so that no grandchild keeps a port or a connection."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
