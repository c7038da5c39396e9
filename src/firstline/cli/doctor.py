"""`firstline doctor`: the state of each part, in words, with what to do about it."""

from typing import Annotated

import typer
from rich.table import Table

from .common import Exit, application, out, print_json

SIGNS = {"ok": "[green]ok[/green]", "note": "[yellow]note[/yellow]", "finding": "[red]finding[/red]"}


def doctor(json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Examine configuration, database, engine, calendars and policies. Exit status 1 on a finding."""
    with application() as environment:
        from firstline.config.examination import examine

        results = examine(environment)
    sound = all(result.state != "finding" for result in results)
    if json:
        rows = [{"part": r.part, "state": r.state, "seen": r.seen, "advice": r.advice} for r in results]
        print_json({"ok": sound, "parts": rows})
    else:
        table = Table(box=None, pad_edge=False)
        for heading in ("part", "state", "what was seen", "what to do"):
            table.add_column(heading, overflow="fold")
        for result in results:
            table.add_row(result.part, SIGNS[result.state], result.seen, result.advice)
        out.print(table)
    raise typer.Exit(Exit.OK if sound else Exit.FINDING)
