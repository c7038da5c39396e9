"""How the gateway is started: the one command line of granian that fits it."""

import sys


def command(*, host: str, port: int) -> list[str]:
    """The gateway as a process of its own; its environment is described in `settings.py`.

    One worker: its requests share commits. HTTP/1.1 only, as a proxy in front speaks it; no websockets.
    Requests past `backpressure` wait in the kernel; fewer than that are told 429 by the gateway itself.
    """
    options = {
        "interface": "asgi",
        "host": host,
        "port": str(port),
        "http": "1",
        "loop": "uvloop",
        "workers": "1",
        "backlog": "2048",
        "backpressure": "8192",
        "http1-buffer-size": "65536",
        "http1-header-read-timeout": "20000",
        "workers-kill-timeout": "15",
        "log-level": "warning",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return [sys.executable, "-m", "granian", *flags, "--no-ws", "firstline.gateway.app:app"]
