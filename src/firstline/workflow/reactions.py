"""The one table: which event makes what happen next. Reactions only insert rows; the engine evaluates them."""

from collections.abc import Mapping, Sequence

from firstline.closure import reactions as closure
from firstline.core import config_log, due
from firstline.core.event_log import DomainEvent, Reaction
from firstline.incidents import events as happened
from firstline.intake import noise, settling, subscriptions
from firstline.intake.events import AlertsJoined
from firstline.oncall import reactions as oncall
from firstline.sla import reactions as sla
from firstline.workflow import jobs, telling

INCIDENTS_PER_JOB = 20
EVIDENT = frozenset({"category_id", "service_id", "ci_id", "title", "description"})


def start_triage(opened: Sequence[DomainEvent]) -> None:
    """Categorise, compare, prioritise and give an owner."""
    due.schedule("triage", [(event.subject_id, event.recorded_at or event.occurred_at) for event in opened])


def look_for_evidence(events: Sequence[DomainEvent]) -> None:
    """A background job for each twenty incidents whose category, service or text is new."""
    ids = sorted({e.subject_id for e in events if e.verb == "categorised" or EVIDENT & set(e.changes)})
    for at in range(0, len(ids), INCIDENTS_PER_JOB):
        jobs.gather_evidence.defer(incident_ids=ids[at : at + INCIDENTS_PER_JOB])


def keep_for_reports(ended: Sequence[DomainEvent]) -> None:
    """The names of the day are kept, so that later edits of the catalogue don't rewrite history."""
    due.schedule(
        "report.keep", [(event.subject_id, event.recorded_at or event.occurred_at) for event in ended]
    )


def look_at_change(edits: Sequence[DomainEvent]) -> None:
    """A change that is being implemented mutes the alerts of its item, in its planned window."""
    changes = [edit for edit in edits if getattr(edit, "thing", "") == "change"]
    due.schedule(noise.CHANGED, [(edit.subject_id, edit.recorded_at or edit.occurred_at) for edit in changes])


# What clocks and paging look at is in the changes of an event, whatever its verb; they pick out what matters to them.
LOOKED_AT = (
    happened.IncidentOpened,
    happened.Categorised,
    happened.Prioritised,
    happened.PriorityOverridden,
    happened.Assigned,
    happened.WorkStarted,
    happened.PutOnHold,
    happened.Resumed,
    happened.Acknowledged,
    happened.Resolved,
    happened.Reopened,
    happened.Closed,
    happened.Cancelled,
    happened.Commented,
    happened.NoteWritten,
    happened.Edited,
    happened.MergedInto,
    happened.Unmerged,
    happened.MajorDeclared,
    happened.MajorWithdrawn,
    happened.StatusPosted,
)

PARTICULAR: Mapping[type[DomainEvent], Sequence[Reaction]] = {
    happened.IncidentOpened: [start_triage, telling.received, subscriptions.look],
    AlertsJoined: [subscriptions.look],
    happened.Commented: [telling.answered],
    happened.Categorised: [look_for_evidence, subscriptions.look],
    happened.Edited: [look_for_evidence, subscriptions.look],
    happened.Resolved: [closure.ask, settling.look_later, subscriptions.look],
    happened.Reopened: [closure.withdraw],
    happened.Closed: [closure.withdraw, keep_for_reports, settling.look_later],
    happened.Cancelled: [closure.withdraw, keep_for_reports],
    happened.MergedInto: [closure.withdraw],
    config_log.ConfigurationCreated: [look_at_change],
    config_log.ConfigurationChanged: [look_at_change],
}
REACTIONS: Mapping[type[DomainEvent], Sequence[Reaction]] = {
    event: [
        *PARTICULAR.get(event, ()),
        *((sla.look_again, oncall.look_again) if event in LOOKED_AT else ()),
    ]
    for event in dict.fromkeys([*PARTICULAR, *LOOKED_AT])
}
