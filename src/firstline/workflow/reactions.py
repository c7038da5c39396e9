"""The one table: which event makes what happen next. Reactions only insert rows; the engine evaluates them."""

from collections.abc import Mapping, Sequence

from firstline.closure import reactions as closure
from firstline.core import due
from firstline.core.event_log import DomainEvent, Reaction
from firstline.incidents import events as happened


def start_triage(opened: Sequence[DomainEvent]) -> None:
    """Categorise, compare, prioritise and give an owner."""
    due.schedule("triage", [(event.subject_id, event.recorded_at or event.occurred_at) for event in opened])


REACTIONS: Mapping[type[DomainEvent], Sequence[Reaction]] = {
    happened.IncidentOpened: [start_triage],
    happened.Resolved: [closure.ask],
    happened.Reopened: [closure.withdraw],
    happened.Closed: [closure.withdraw],
    happened.Cancelled: [closure.withdraw],
    happened.MergedInto: [closure.withdraw],
}
