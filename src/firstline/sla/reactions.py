"""What clocks do when something happens to an incident: only a due row; the engine evaluates it."""

from collections.abc import Sequence

from firstline.core import due
from firstline.core.event_log import DomainEvent

EVALUATE = "sla.evaluate"
MATTERS = frozenset(
    [
        "state",
        "hold_reason",
        "priority",
        "service_id",
        "category_id",
        "caller_id",
        "group_id",
        "assignee_id",
        "kind",
        "major",
        "first_response_at",
        "acknowledged_at",
    ]
)
VERBS = frozenset(
    {"opened", "commented", "status_posted", "unmerged", "merged", "prioritised", "state_imported"}
)


def look_again(events: Sequence[DomainEvent]) -> None:
    """Evaluate the clocks of these incidents, if what happened can matter to one."""
    found = [event for event in events if event.verb in VERBS or MATTERS & set(event.changes)]
    due.schedule(EVALUATE, [(event.subject_id, event.occurred_at) for event in found])
