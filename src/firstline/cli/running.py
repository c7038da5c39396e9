"""Commands that keep running: everything on one machine, or one part of it."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from firstline.config import child, env, logs
from firstline.config import up as machine
from firstline.config.env import Environment

from .common import application, err

Data = Annotated[Path | None, typer.Option("--data", help="Where everything is kept (FIRSTLINE_DATA).")]
Port = Annotated[
    int | None, typer.Option("--port", min=1, max=65535, help="The port to serve (FIRSTLINE_PORT).")
]
Demo = Annotated[bool, typer.Option("--demo", help="Add a believable organisation and live traffic.")]


def up(data: Data = None, port: Port = None, demo: Demo = False) -> None:
    """Run everything on this machine: database, pages, intake, engine, jobs. Ctrl-C stops all of it."""
    machine.up(_environment(data, port), demo=demo, say=_say)


def serve(port: Port = None) -> None:
    """Serve pages and intake (gateway and web); the database is there already."""
    machine.serve(_environment(None, port), say=_say)


def engine() -> None:
    """Run the loop over what is due: inbox, clocks, escalation, deliveries, auto-close."""
    _alone("engine")


def worker() -> None:
    """Run background jobs: evidence and checks, mail, imports, training."""
    _alone("worker")


def auditor() -> None:
    """Recompute what ought to have happened, and report what did not."""
    _alone("auditor")


def _environment(data: Path | None, port: int | None) -> Environment:
    environment = env.read()
    if data is not None:
        environment = replace(environment, data=data.absolute())
    if port is not None:
        environment = replace(environment, port=port)
    logs.configure(environment.log_format, environment.log_level)
    return environment


def _alone(name: str) -> None:
    with application():
        os.environ.pop("FIRSTLINE_LIFELINE", None)
        child.PARTS[name]()


def _say(sentence: str) -> None:
    err.print(sentence, markup=False)
