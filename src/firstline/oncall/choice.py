"""Which policy pages for an incident, and when: by (service, priority), with the defaults of an
installation.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

ANY_HOUR = (1, 2)
GROUP_HOURS = (3,)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A row of the table. `service` or `priority` None: any. `policy` None: it only queues."""

    id: int
    service: int | None
    priority: int | None
    policy: int | None
    hours: str


@dataclass(frozen=True, slots=True)
class Choice:
    """`policy` None with `pages`: the built-in policy. `because`: the row that decided, None the default."""

    pages: bool
    policy: int | None = None
    hours: Literal["any", "group"] = "any"
    because: int | None = None


def choose(assignments: Iterable[Assignment], *, service: int | None, priority: int) -> Choice:
    """The most particular row wins: service and priority, service, priority, any. Without a row, P1 and P2
    page at any hour, P3 in the group's hours, lower ones only queue."""
    fitting = [
        row for row in assignments if row.service in (None, service) and row.priority in (None, priority)
    ]
    if fitting:
        row = max(fitting, key=lambda row: (row.service is not None, row.priority is not None, -row.id))
        hours: Literal["any", "group"] = "group" if row.hours == "group" else "any"
        return Choice(row.policy is not None, row.policy, hours, row.id)
    if priority in ANY_HOUR:
        return Choice(True)
    if priority in GROUP_HOURS:
        return Choice(True, hours="group")
    return Choice(False)
