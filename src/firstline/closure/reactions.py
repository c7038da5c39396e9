"""What closure does when something happens to an incident. Called by `workflow.reactions`; only moves due rows."""

from collections.abc import Sequence

from firstline.closure.confirmation import Answer
from firstline.closure.models import Confirmation
from firstline.core import due
from firstline.core.event_log import DomainEvent

ASK = "closure.ask"
REMIND = "closure.remind"
CLOSE = "closure.close"


def ask(events: Sequence[DomainEvent]) -> None:
    """Resolved: the engine will ask whether it is fixed."""
    due.schedule(ASK, [(event.subject_id, event.occurred_at) for event in events])


def withdraw(events: Sequence[DomainEvent]) -> None:
    """Reopened, closed, cancelled, merged: nothing is asked and nothing closes by silence any more."""
    ids = [event.subject_id for event in events]
    for kind in (ASK, REMIND, CLOSE):
        due.unschedule(kind, ids)
    Confirmation.objects.filter(incident_id__in=ids, answered_at=None).update(
        answered_at=max(event.occurred_at for event in events), answer=Answer.WITHDRAWN
    )
