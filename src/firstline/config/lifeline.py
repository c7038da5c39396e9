"""Ties a process to the life of another: whoever started it dies, it ends too.

Linux tells a process by a signal (PR_SET_PDEATHSIG). Elsewhere a process watches the reading end of a pipe
whose writing end only its parent holds: the kernel closes that end however the parent died.
"""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable

VARIABLE = "FIRSTLINE_LIFELINE"
"""Names the file descriptor of the reading end in the environment of a supervised process."""

PR_SET_PDEATHSIG = 1

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def has_parent_death_signal() -> bool:
    return _LIBC is not None


def signal_when_parent_dies(signum: signal.Signals, parent: int) -> None:
    """Ask the kernel for `signum` when the thread that started this process ends (Linux; elsewhere nothing).

    `parent` is the process that is meant: if it died before the kernel was asked, the signal comes at once.
    A change of user id forgets the wish, so this comes after setuid.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signum)


def dying_with_this_process(signum: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` for a child that shall get `signum` when this process ends.

    To be used from the main thread: the kernel looks at the thread that forked.
    """
    parent = os.getpid()
    return lambda: signal_when_parent_dies(signum, parent)


def follow_parent() -> None:
    """End with the supervisor, if this process has one. Whatever outlives its request to end is killed."""
    descriptor = os.environ.pop(VARIABLE, "")
    if descriptor:
        end_when_closed(int(descriptor))


def end_when_closed(pipe: int, *, grace: float = 20.0) -> None:
    """Watch the reading end of a pipe in the background; when the other end closes, terminate this process.

    `grace`: seconds after which a process that is still there is killed.
    """

    def watch() -> None:
        while os.read(pipe, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(grace)
        os.killpg(os.getpgid(0), signal.SIGKILL)  # the supervisor gave each part a group of its own

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def watch_for(pid: int) -> None:
    """Block until standard input closes, then send SIGINT to `pid` (for programs that can't watch)."""
    while sys.stdin.buffer.read(1):
        pass
    try:
        os.kill(pid, signal.SIGINT)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    watch_for(int(sys.argv[1]))
