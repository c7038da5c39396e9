"""firstline simulate: who would be paged, when and why."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from .common import Exit, application, complain, out, print_json


def simulate(
    at: Annotated[str, typer.Option(help="When it happens: 2026-10-25T03:00+02:00; default now.")] = "",
    priority: Annotated[int, typer.Option(min=1, max=5, help="Its priority, 1 the highest.")] = 1,
    service: Annotated[str, typer.Option(help="The service's name.")] = "",
    group: Annotated[str, typer.Option(help="The owning group's name; default the service's.")] = "",
    policy: Annotated[str, typer.Option(help="Try this policy instead of the one assigned.")] = "",
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say who would be paged for an incident, when and why, without touching anything."""
    with application():
        from firstline.accounts.models import SupportGroup
        from firstline.accounts.viewer import SYSTEM
        from firstline.catalog.queries import service_named
        from firstline.core import clock
        from firstline.oncall import queries

        found = service_named(service) if service else None
        owner = (
            SupportGroup.objects.filter(name__iexact=group).first()
            if group
            else found.group
            if found
            else None
        )
        chosen = queries.policies(SYSTEM).filter(name__iexact=policy).first() if policy else None
        for given, row, what in (
            (service, found, "service"),
            (group, owner, "group"),
            (policy, chosen, "policy"),
        ):
            if given and row is None:
                complain(f"There is no {what} named {given}.")
                raise typer.Exit(Exit.FINDING)
        result = queries.simulate(
            SYSTEM,
            queries.Question(
                service_id=found.id if found else None,
                group_id=owner.id if owner else None,
                priority=priority,
                at=_instant(at) if at else clock.now(),
            ),
            policy_id=chosen.id if chosen else None,
        )
        _show(result, priority, json)


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        complain(f"{text} is not an instant like 2026-10-25T03:00+02:00.")
        raise typer.Exit(Exit.FINDING) from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _show(result: object, priority: int, as_json: bool) -> None:
    from firstline.oncall import queries
    from firstline.oncall.simulation import Simulation

    if not isinstance(result, Simulation):
        if as_json:
            print_json({"pages": [], "queues": True})
        else:
            out.print(f"P{priority} only queues here: nobody is paged.")
        return
    names = queries.names_of(
        page.recipient.person for page in result.pages if page.recipient.person is not None
    )
    lines: list[dict[str, Any]] = [
        {
            "at": page.at,
            "step": page.step + 1,
            "who": names.get(page.recipient.person or 0, page.recipient.sink),
            "because": dict(page.recipient.because),
            "through": [f"{notice.at:%H:%M} {notice.method.channel}" for notice in page.notices],
        }
        for page in result.pages
    ]
    if as_json:
        silent = [{"at": at, "step": step.step + 1, "why": step.why} for at, step in result.passed]
        print_json({"pages": lines, "passed": silent, "exhausted_at": result.exhausted_at})
        return
    for line in lines:
        out.print(
            f"{line['at']:%Y-%m-%d %H:%M} UTC  step {line['step']}  {line['who']}  "
            f"({', '.join(map(str, line['through'])) or 'sink'}; {line['because']})",
            markup=False,
        )
    for at, passed in result.passed:
        out.print(f"{at:%Y-%m-%d %H:%M} UTC  step {passed.step + 1} pages nobody: {passed.why}", markup=False)
    if result.exhausted_at is not None:
        out.print(f"{result.exhausted_at:%Y-%m-%d %H:%M} UTC  the policy is at its end", markup=False)
