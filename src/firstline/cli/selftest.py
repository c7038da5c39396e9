"""Take one synthetic incident through all eight stages of the running installation."""

from dataclasses import asdict
from typing import Annotated

import typer

from firstline.config.up import running_address

from .common import Exit, application, out, print_json


def selftest(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    url: Annotated[str, typer.Option(help="Where it answers, if not where it says.")] = "",
    patience: Annotated[float, typer.Option(min=1, help="Seconds that each stage gets.")] = 30,
) -> None:
    """Take one synthetic incident through all eight stages, by the ways in that everybody uses.

    Its source, service, policy, sink and caller are marked synthetic, made once and used again; it pages nobody and is
    left out of queues, counts, similar incidents and reports. The exit status is 0 only if every stage is well.
    """
    with application() as environment:
        from firstline.core import clock
        from firstline.desk.selftest import fixtures
        from firstline.desk.selftest.stages import Selftest

        base = (url or running_address(environment)).rstrip("/")
        run = Selftest(fixtures.ensure(base, now=clock.now()), base, patience=patience)
        stages = []
        for stage in run.run():
            stages.append(stage)
            if not as_json:
                mark = "[green]ok    [/green]" if stage.ok else "[red]not ok[/red]"
                out.print(f"{mark} {stage.stage:<15} {stage.ms:>6} ms  ", end="")
                out.print(stage.seen, markup=False)
    well = all(stage.ok for stage in stages)
    if as_json:
        print_json({"ok": well, "stages": [asdict(stage) for stage in stages]})
    elif not well:
        out.print("Not every stage is well: firstline doctor tells more.")
    raise typer.Exit(Exit.OK if well else Exit.FINDING)
