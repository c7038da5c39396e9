"""firstline replay: a stretch of the inbox through other rules, and what would differ."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress

from .common import Exit, application, complain, err, out, print_json

if TYPE_CHECKING:
    from firstline.desk.replay.compare import Comparison, Stretch

AGO = re.compile(r"(\d{1,5})\s*(m|h|d)")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
SHOWN = 20


def replay(
    since: Annotated[
        str, typer.Option(help="From when on: 2026-11-23T09:00+01:00, or 90m, 24h, 7d ago.")
    ] = "",
    until: Annotated[str, typer.Option(help="Until when; default now.")] = "",
    source: Annotated[str, typer.Option(help="Only this source, by its name.")] = "",
    rules: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Changed rules: YAML, JSON or TOML; see --example."),
    ] = None,
    recorded: Annotated[
        bool,
        typer.Option("--recorded", help="Compare with what really came of it, not with the present rules."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    example: Annotated[bool, typer.Option("--example", help="Print an example of a rules file.")] = False,
) -> None:
    """Run stored requests through changed rules and print what differs in alerts, incidents and pages. Nothing real
    is touched and nobody is told."""
    from firstline.desk.replay.example import EXAMPLE

    if example:
        typer.echo(EXAMPLE, nl=False)
        return
    if not since:
        complain("Say from when on: --since 24h, or an instant like 2026-11-23T09:00+01:00.")
        raise typer.Exit(2)
    if rules is None and not recorded:
        complain(
            "Give changed rules with --rules FILE, or --recorded to compare the present ones with the record."
        )
        raise typer.Exit(2)
    with application():
        found = _compared(since, until, source, rules, recorded, quiet=json)
    if json:
        print_json(_as_json(found))
    else:
        _show(found, recorded)


def _compared(
    since: str, until: str, source: str, rules: Path | None, recorded: bool, *, quiet: bool
) -> "Comparison":
    from firstline.core import clock
    from firstline.desk.replay import document, run
    from firstline.desk.replay.compare import compare
    from firstline.intake.models import Source

    now = clock.now()
    change = document.read(rules) if rules else document.Change()
    row = Source.objects.filter(name__iexact=source).first() if source else None
    if source and row is None:
        complain(f"There is no source named {source}.")
        raise typer.Exit(Exit.FINDING)
    span = run.Span(_instant(since, now), _instant(until, now) if until else now, row.id if row else None)
    rows = run.rows_of(span)
    with Progress(console=err, transient=True, disable=quiet) as progress:
        task = progress.add_task(f"{len(rows):,} requests", total=2 * len(rows) or 1)

        def told(done: int, of: int, begin: int = 0) -> None:
            progress.update(task, completed=begin + done)

        before = (
            run.recorded(span, len(rows)) if recorded else run.replayed(span, rows, document.Change(), told)
        )
        after = run.replayed(span, rows, change, lambda done, of: told(done, of, len(rows)))
    return compare(before, after)


def _instant(text: str, now: datetime) -> datetime:
    ago = AGO.fullmatch(text.strip())
    if ago:
        return now - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        complain(f"{text} is neither an instant like 2026-11-23T09:00+01:00 nor a time ago like 24h.")
        raise typer.Exit(2) from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _show(found: "Comparison", recorded: bool) -> None:
    was, would = ("recorded", "by these rules") if recorded else ("present rules", "changed rules")
    out.print(f"{'':22}{was:>16}{would:>16}")
    for label, (before, after) in (
        ("alerts", found.alerts), ("of them muted", found.muted), ("incidents", found.incidents),
        ("first pages", found.pages), ("unreadable requests", found.failed),
    ):  # fmt: skip
        out.print(f"{label:22}{before:>16,}{after:>16,}")
    if found.same:
        out.print("no difference")
        return
    _list("alerts only before", [_line(each) for each in found.only_before])
    _list("alerts only after", [_line(each) for each in found.only_after])
    _list("newly muted", [_line(each) for each in found.newly_muted])
    _list("no longer muted", [_line(each) for each in found.no_longer_muted])
    _list(
        "alerts that move",
        [
            f"{_line(each.stretch)}: {each.before or 'no incident'} → {each.after or 'no incident'}"
            for each in found.moved
        ],
    )
    _list("pages that go", [f"{who}: {title}" for who, title in found.pages_gone])
    _list("pages that come", [f"{who}: {title}" for who, title in found.pages_new])


def _line(each: "Stretch") -> str:
    source, _key, first = each.identity
    return f"{first:%Y-%m-%d %H:%M} {source}: {each.title}"


def _list(label: str, lines: list[str]) -> None:
    if not lines:
        return
    out.print(f"\n{label} ({len(lines):,})", markup=False)
    for line in lines[:SHOWN]:
        out.print(f"  {line}", markup=False)
    if len(lines) > SHOWN:
        out.print(f"  … and {len(lines) - SHOWN:,} more", markup=False)


def _as_json(found: "Comparison") -> dict[str, Any]:
    def stretch(each: "Stretch") -> dict[str, Any]:
        source, key, first = each.identity
        return {"source": source, "key": key, "first_seen_at": first, "title": each.title}

    return {
        "same": found.same,
        **{
            name: {"before": pair[0], "after": pair[1]}
            for name in ("alerts", "muted", "incidents", "pages", "failed")
            for pair in [getattr(found, name)]
        },
        **{
            name: [stretch(each) for each in getattr(found, name)]
            for name in ("only_before", "only_after", "newly_muted", "no_longer_muted")
        },
        "moved": [
            stretch(each.stretch) | {"before": each.before, "after": each.after} for each in found.moved
        ],
        "pages_gone": [list(pair) for pair in found.pages_gone],
        "pages_new": [list(pair) for pair in found.pages_new],
    }
