"""What paging does when something happens to an incident: only a due row; the engine decides."""

from collections.abc import Sequence

from firstline.core import due
from firstline.core.event_log import DomainEvent

LOOK = "oncall.look"
MATTERS = frozenset(
    {"state", "priority", "group_id", "assignee_id", "acknowledged_at", "major", "service_id"}
)


def look_again(events: Sequence[DomainEvent]) -> None:
    """Let the engine see whether these incidents are to be paged for, or no longer."""
    found = [
        event for event in events if MATTERS & set(event.changes) or event.verb in ("prioritised", "unmerged")
    ]
    due.schedule(LOOK, [(event.subject_id, event.recorded_at or event.occurred_at) for event in found])
