"""Several gateway processes behind one port: all take signals and mail, and one that is killed ends nothing."""

import contextlib
import smtplib
from collections.abc import Callable

import psutil

from .conftest import Running, answers, free_port, wait_for

ALERT = b'{"title": "Disk is full", "status": "firing"}'
JSON = {"Content-Type": "application/json"}


def workers(running: Running) -> list[psutil.Process]:
    """Those that serve: children of the server's main process, without the helper of its multiprocessing."""
    found = []
    for child in psutil.Process(running.process.pid).children(recursive=True):
        with contextlib.suppress(
            psutil.NoSuchProcess
        ):  # it ends at this moment, or has and isn't waited for yet
            if "resource_tracker" not in " ".join(child.cmdline()):
                found.append(child)
    return found


def test_both_serve_the_same_ports_and_a_killed_one_comes_back(
    start: Callable[..., Running], source: Callable[..., str]
) -> None:
    smtp = free_port()
    running = start(FIRSTLINE_GATEWAYS="2", FIRSTLINE_SMTP_PORT=str(smtp))
    wait_for(lambda: answers(smtp) and len(workers(running)) == 2)
    token = source("generic")
    source("mail", address="help@example.org")
    for _ in range(20):
        assert running.ask("POST", f"/intake/{token}", ALERT, JSON).status == 202
    for number in range(6):
        with smtplib.SMTP("127.0.0.1", smtp) as client:
            client.sendmail("ann@example.com", ["help@example.org"], b"Subject: %d\r\n\r\nHelp\r\n" % number)
    assert len(running.rows()) == 26

    first, second = workers(running)
    first.kill()
    wait_for(lambda: len(workers(running)) == 2 and first.pid not in {one.pid for one in workers(running)})
    assert second.is_running()

    def taken() -> bool:
        try:
            return running.ask("POST", f"/intake/{token}", ALERT, JSON).status == 202
        except OSError:  # it was on its way to the one that died
            return False

    wait_for(lambda: all(taken() for _ in range(5)))
    assert running.process.poll() is None


def test_one_is_the_default(start: Callable[..., Running]) -> None:
    running = start()
    assert len(workers(running)) == 1
