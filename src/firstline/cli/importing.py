"""Import what another system knows."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from .common import Exit, application, complain, err, out, print_json

if TYPE_CHECKING:
    from firstline.desk.eventlog.figures import Comparison, Figures
    from firstline.desk.eventlog.log import LogIncident

app = typer.Typer(help="Import what another system knows.", no_args_is_help=True)
LISTED = 20


@app.command("eventlog")
def eventlog(
    file: Annotated[Path, typer.Argument(help="The log: a file of comma-separated values, also gzipped.")],
    mapping: Annotated[str, typer.Option(help="The shape of the log: uci (ServiceNow's audit).")] = "uci",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many incidents.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as one JSON object.")] = False,
) -> None:
    """Replay the log of another incident system through the ordinary actions, at the instants of the log.

    Nobody is told and nothing is set off. What is imported already is left alone. Run it while the engine is not
    running: incidents that end open in the log would be worked on at once.
    """
    with application():
        from firstline.core import clock
        from firstline.desk.eventlog import figures, replay

        log = replay.read(file, mapping, limit=limit)
        started = time.monotonic()
        imported = _import(log, mapping, clock.now())
        seconds = time.monotonic() - started
        compared = figures.compare(log, mapping=mapping)
    outcome = _outcome(log, imported, seconds, compared)
    if as_json:
        print_json(outcome)
    else:
        _print(outcome, compared)
    if compared.wrong:
        complain(f"{len(compared.wrong)} incidents differ from the log: {', '.join(compared.wrong[:LISTED])}")
        raise typer.Exit(Exit.FINDING)


def _import(log: "Sequence[LogIncident]", mapping: str, now: Any) -> dict[str, int]:
    """Import with a progress bar and a rate on standard error. Answers how many incidents, rows and events."""
    from firstline.desk.eventlog import replay

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Progress(*columns, console=err) as progress:
        task = progress.add_task("events", total=sum(len(each.rows) for each in log), rate="")

        def done(_incidents: int, rows: int) -> None:
            progress.advance(task, rows)
            rate = progress.tasks[0].completed / max(time.monotonic() - started, 1e-9)
            progress.update(task, rate=f"{rate:,.0f}/s")

        answers = replay.import_log(log, mapping=mapping, now=now, done=done)
    fresh = {answer.imported_from for answer in answers}
    rows = sum(len(e.rows) for e in log if replay.reference(mapping, e.number) in fresh)
    return {"imported": len(answers), "rows": rows, "events": sum(answer.events for answer in answers)}


def _outcome(
    log: "Sequence[LogIncident]", imported: dict[str, int], seconds: float, compared: "Comparison"
) -> dict[str, Any]:
    priorities = sorted({*compared.ours, *compared.log})
    return {
        "incidents": len(log),
        "rows": sum(len(each.rows) for each in log),
        "imported": imported["imported"],
        "already": len(log) - imported["imported"],
        "events_written": imported["events"],
        "seconds": round(seconds, 1),
        "rows_per_second": round(imported["rows"] / seconds) if seconds else 0,
        "alike": compared.alike,
        "kinds": compared.kinds,
        "others": [asdict(other) for other in compared.others],
        "wrong": list(compared.wrong),
        "priorities": [
            {
                "priority": priority,
                "firstline": _figures(compared.ours.get(priority)),
                "log": _figures(compared.log.get(priority)),
            }
            for priority in priorities
        ],
    }


def _figures(figures: "Figures | None") -> dict[str, int]:
    names = ("incidents", "reopened", "reassigned", "within_target")
    return {name: getattr(figures, name) if figures else 0 for name in names}


def _print(outcome: dict[str, Any], compared: "Comparison") -> None:
    out.print(
        f"{outcome['imported']:,} incidents imported, {outcome['already']:,} were there already: "
        f"{outcome['rows_per_second']:,} rows/s, {outcome['seconds']} s."
    )
    table = Table("Priority", title="Firstline | the log (within target: as its last row says)")
    for name in ("Incidents", "Reopened", "Reassigned", "Within target"):
        table.add_column(name, justify="right")
    total = {"firstline": dict.fromkeys(_figures(None), 0), "log": dict.fromkeys(_figures(None), 0)}
    for line in outcome["priorities"]:
        table.add_row(f"P{line['priority']}", *_cells(line["firstline"], line["log"]))
        for side, sums in total.items():
            for name in sums:
                sums[name] += line[side][name]
    table.add_section()
    table.add_row("all", *_cells(total["firstline"], total["log"]))
    out.print(table)
    out.print(
        f"{compared.alike:,} of {outcome['incidents']:,} end in the log's state, counters and group by ordinary "
        f"actions alone; {len(compared.others)} were finished by one event that says why:"
    )
    for kind, count in compared.kinds.items():
        out.print(f"  {kind.replace('_', ' ')}: {count}")
    for other in compared.others[:LISTED]:
        out.print(f"    {other.number} = {other.incident}: {other.detail}", markup=False)
    if len(compared.others) > LISTED:
        out.print(f"    … and {len(compared.others) - LISTED} more (--json lists all)")


def _cells(ours: dict[str, int], theirs: dict[str, int]) -> list[str]:
    return [
        *(f"{ours[name]:,} | {theirs[name]:,}" for name in ("incidents", "reopened", "reassigned")),
        f"{_share(ours)} | {_share(theirs)}",
    ]


def _share(figures: dict[str, int]) -> str:
    if not figures["incidents"]:
        return "–"
    return f"{figures['within_target'] / figures['incidents']:.1%}"
