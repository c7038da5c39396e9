"""What the supervisor starts: `python -m firstline.config.child PART`, one process or group of them each."""

import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from . import env, lifeline, logs

SETTINGS = "firstline.config.settings"


def gateway() -> None:
    from firstline.gateway.serve import command

    environment = env.read()
    _granian(command(host=environment.host, port=environment.port, workers=environment.gateways))


def web() -> None:
    environment = env.read()
    Path(environment.web_socket).unlink(missing_ok=True)  # a killed one leaves it, and then it can't be bound
    _granian(
        [
            *(
                "--interface",
                "wsgi",
                "--uds",
                environment.web_socket,
            ),
            *("--workers", "1", "--blocking-threads", str(environment.web_threads)),
            *("--http", "1", "--no-ws", "--backlog", "256", "--respawn-failed-workers"),
            *("--workers-kill-timeout", "15", "--log-level", "error", "firstline.config.wsgi:application"),
        ]
    )


def engine() -> None:
    os.nice(5)  # while it works off a storm, people's pages and what comes in go first
    _set_up()
    from firstline.engine.loop import run

    run(_stop_on_signal())


def auditor() -> None:
    _set_up()
    from firstline.oncall.auditor import run

    run(_stop_on_signal())


def worker() -> None:
    _set_up()
    from .jobs import run_worker

    run_worker()


def prepare() -> None:
    """Bring the database and the static files to this version."""
    _set_up()
    from .prepare import migrate_and_collect

    migrate_and_collect()


def collect() -> None:
    """Collect the static files on a machine that only serves."""
    _set_up()
    from .prepare import collect as collect_files

    collect_files()


def demo() -> None:
    """Make the demo organisation if it is missing, then live traffic."""
    _set_up()
    from firstline.demo.main import run

    run(_stop_on_signal())


def welcome() -> None:
    """Print the one-time link that creates the administrator, as long as there is none."""
    _set_up()
    from .welcome import print_setup_link

    print_setup_link()


PARTS: dict[str, Callable[[], None]] = {
    part.__name__: part for part in (gateway, web, engine, worker, auditor, prepare, collect, welcome, demo)
}


def _set_up() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    import django

    django.setup()


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    return stop


def _granian(arguments: list[str]) -> None:
    """Run granian in this process, which keeps the lifeline for its workers."""
    if "granian" in arguments[:3]:  # a whole command line: interpreter, -m, granian
        arguments = arguments[arguments.index("granian") + 1 :]
    os.register_at_fork(after_in_child=_begin_worker)  # where granian forks; where it spawns, see below
    sys.argv = ["granian", *arguments]
    runpy.run_module("granian", run_name="__main__", alter_sys=False)


def _begin_worker() -> None:
    """A worker of granian logs as the rest does, and ends with granian."""
    lifeline.signal_when_parent_dies(signal.SIGTERM, os.getppid())
    logs.configure(
        os.environ.get("FIRSTLINE_LOG_FORMAT") or "text", os.environ.get("FIRSTLINE_LOG_LEVEL") or "info"
    )


def main() -> None:
    lifeline.follow_parent()
    PARTS[sys.argv[1]]()


if __name__ == "__main__":
    main()
elif __name__ == "__mp_main__":
    _begin_worker()
