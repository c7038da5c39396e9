"""How the gateway is started: the one command line of granian that fits it."""

import sys


def command(*, host: str, port: int, workers: int = 1) -> list[str]:
    """The gateway as a process of its own; its environment is described in `settings.py`.

    Each worker's requests share commits; one uses one core at most, so that a larger machine takes more in with
    several. HTTP/1.1 only, as a proxy in front speaks it; no websockets.
    Requests past `backpressure` wait in the kernel; fewer than that are told 429 by the gateway itself.
    """
    options = {
        "interface": "asgi",
        "host": host,
        "port": str(port),
        "http": "1",
        "loop": "uvloop",
        "workers": str(workers),
        "backlog": "2048",
        "backpressure": "8192",
        "http1-buffer-size": "65536",
        "http1-header-read-timeout": "20000",
        "workers-kill-timeout": "15",
        "log-level": "warning",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    alive = ["--respawn-failed-workers"] if workers > 1 else []
    return [sys.executable, "-m", "granian", *flags, *alive, "--no-ws", "firstline.gateway.app:app"]
