"""Histories of incidents from another system, replayed through the ordinary verbs on the clock of their log.

Nothing follows from them: no clock, page, message or due row (`event_log.past_only`). What the rules refuse is not
forced: such an incident is followed as far as the rules go, then finished by one `StateImported` that says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.core.content import save_texts
from firstline.core.errors import DomainError
from firstline.incidents.actions import verbs
from firstline.incidents.actions.register import Report, register
from firstline.incidents.actions.writing import Changes, change, order_in_force, place_in_queue, write_rows
from firstline.incidents.events import (
    Categorised,
    Commented,
    IncidentEvent,
    NoteWritten,
    Prioritised,
    StateImported,
)
from firstline.incidents.lifecycle import OPEN, ClosedHow, State, check, check_hold, check_resolution
from firstline.incidents.models import Comment, Incident
from firstline.incidents.queue_order import Order

REFUSED = "refused_transition"
GROUP_CHANGES = "group_changes"
REOPENINGS = "reopenings"
OTHERWISE = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the other system's log says of an incident at one instant. `words`: its own name of the state.

    `actor`: who did it, where the log knows; then a person's start is the first response. `reasons`: why it has this
    category or priority {"category": …, "priority": …}. `how`: who closed it.
    """

    at: datetime
    state: State
    words: str
    hold_reason: str = ""
    hold_until: datetime | None = None
    group_id: int | None = None
    assignee_id: int | None = None
    category_id: int | None = None
    impact: int | None = None
    urgency: int | None = None
    priority: int | None = None
    code_id: int | None = None
    notes: str = ""
    cause: str = ""
    how: ClosedHow = ClosedHow.NO_ANSWER
    actor: Actor | None = None
    reasons: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A comment (`public`) or work note of the log."""

    at: datetime
    body: str
    author_id: int | None
    public: bool = True
    by_caller: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One incident: how it was reported (with `imported_from`), what was seen of it in the order of the log, and the
    log's counters at its end. `facts` (numbers, truth values) are kept in the reasons of its last event."""

    report: Report
    seen: Sequence[Seen]
    reopenings: int
    reassignments: int
    said: Sequence[Said] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How it ended. `kind` "": by ordinary actions alone, like the log; otherwise why not."""

    imported_from: str
    incident_id: int
    events: int
    kind: str = ""


def replay(histories: Sequence[History], *, actor: Actor, now: datetime) -> list[Replayed]:
    """Import histories in one transaction; those imported before are left alone and not in the answer.

    `now` is when they are imported (`recorded_at`); everything happens at the instants of the log (`occurred_at`).
    """
    with transaction.atomic(), event_log.past_only():
        names = [history.report.imported_from for history in histories]
        known = set(Incident.objects.filter(imported_from__in=names).values_list("imported_from", flat=True))
        fresh = [history for history in histories if history.report.imported_from not in known]
        rows = register([history.report for history in fresh], actor=actor, now=now)
        order = order_in_force()
        replays = [_Replay(row, history, order, actor) for row, history in zip(rows, fresh, strict=True)]
        answers = [each.run() for each in replays]
        write_rows(
            rows, sorted({name for each in replays for name in each.fields} | {"version", "updated_at"})
        )
        event_log.record([event for each in replays for event in each.events], now=now)
        _write_comments(replays, now)
        return answers


def _write_comments(replays: Sequence["_Replay"], now: datetime) -> None:
    """The conversations, all at once: texts, comments, then their events."""
    told = [(each.row, said) for each in replays for said in each.history.said]
    contents = save_texts([said.body for _, said in told], now=now)
    rows = Comment.objects.bulk_create(
        Comment(
            incident=row,
            public=said.public,
            content_id=content_id,
            author_id=said.author_id,
            via="portal" if said.by_caller else "console",
            created_at=said.at,
        )
        for (row, said), content_id in zip(told, contents, strict=True)
    )
    event_log.record(
        [_comment_event(row, said, written) for (row, said), written in zip(told, rows, strict=True)], now=now
    )


def _comment_event(row: Incident, said: Said, written: Comment) -> IncidentEvent:
    common: dict[str, Any] = {
        "subject_id": row.id,
        "actor": Actor.system("import") if said.author_id is None else Actor.person(said.author_id),
        "occurred_at": said.at,
        "content_id": written.content_id,
        "comment_id": written.id,
        "version": row.version,
    }
    return Commented(**common, by_caller=said.by_caller) if said.public else NoteWritten(**common)


class _Replay:
    """One history on its fresh row, in memory; collects the fields that changed and the events."""

    def __init__(self, row: Incident, history: History, order: Order, actor: Actor) -> None:
        self.row = row
        self.history = history
        self.events: list[IncidentEvent] = []
        self.fields: set[str] = {"work_next_at"}
        self._order = order
        self._importer = self._actor = actor
        self._refused: tuple[str, str] | None = None

    def run(self) -> Replayed:
        for seen in self.history.seen:
            before = self.row.state
            try:
                self._follow(seen)
            except DomainError:
                self._refused = (before, seen.words)
                break
        kind = self._finish(self.history.seen[-1])
        self.row.updated_at = self.history.seen[-1].at
        place_in_queue(self.row, self._order)
        return Replayed(
            imported_from=self.row.imported_from or "",
            incident_id=self.row.id,
            events=len(self.events) + 1,
            kind=kind,
        )

    def _note(self, applied: tuple[Changes, IncidentEvent | None]) -> None:
        changes, event = applied
        self.fields |= set(changes)
        if event is not None:
            self.events.append(event)

    def _follow(self, seen: Seen) -> None:
        row = self.row
        self._actor = seen.actor or self._importer
        if row.state == State.RESOLVED and seen.state in OPEN:
            self._note(
                verbs.reopened(row, keeps_assignee=True, order=self._order, actor=self._actor, now=seen.at)
            )
        if seen.category_id != row.category_id:
            why = seen.reasons.get("category")
            self._facts(Categorised, seen, why=why, category_id=seen.category_id)
        if (seen.impact, seen.urgency, seen.priority) != (row.impact, row.urgency, row.priority):
            self._prioritise(seen)
        if (row.group_id, row.assignee_id) != (seen.group_id, seen.assignee_id):
            self._note(
                verbs.given_to(
                    row,
                    group_id=seen.group_id,
                    assignee_id=seen.assignee_id,
                    actor=self._actor,
                    now=seen.at,
                )
            )
        self._reach(seen)

    def _reach(self, seen: Seen) -> None:
        """From the row's state to the one that was seen. What the log calls new may be owned already."""
        state, want = State(self.row.state), seen.state
        if want is state and (want is not State.ON_HOLD or self.row.hold_reason == seen.hold_reason):
            return
        if want is State.NEW and state is State.ASSIGNED:
            return
        if want is State.IN_PROGRESS:
            first = self._actor.is_human and self.row.first_response_at is None
            values = {"first_response_at": seen.at} if first else {}
            self._note(verbs.started(self.row, actor=self._actor, now=seen.at, values=values))
        elif want is State.ON_HOLD:
            self._hold(seen)
        elif want is State.RESOLVED:
            self._resolve(seen)
        elif want is State.CLOSED:
            why = {"imported": seen.words, **self.history.facts}
            self._note(verbs.closed(self.row, how=seen.how, actor=self._actor, now=seen.at, why=why))
        else:
            check(state, want)

    def _hold(self, seen: Seen) -> None:
        check_hold(seen.hold_reason, comment=seen.words, look_again_at=seen.hold_until, now=seen.at)
        self._note(
            verbs.held(
                self.row,
                reason=seen.hold_reason,
                look_again_at=seen.hold_until,
                actor=self._actor,
                now=seen.at,
                why={"imported": seen.words},
            )
        )

    def _resolve(self, seen: Seen) -> None:
        """The diagnosis, cause and verdict that people are asked for here were not asked for there."""
        check_resolution(
            code=seen.code_id,
            notes=seen.notes,
            cause="",
            cause_required=False,
            diagnosis_required=False,
            verdict_required=False,
        )
        assert seen.code_id is not None
        self._note(
            verbs.resolved(
                self.row,
                code_id=seen.code_id,
                notes=seen.notes,
                cause=seen.cause,
                actor=self._actor,
                now=seen.at,
                why={"imported": seen.words},
            )
        )

    def _prioritise(self, seen: Seen) -> None:
        assert seen.impact is not None and seen.urgency is not None and seen.priority is not None
        self._facts(
            Prioritised,
            seen,
            {"impact": seen.impact, "urgency": seen.urgency, "priority": seen.priority},
            seen.reasons.get("priority"),
            impact=seen.impact,
            urgency=seen.urgency,
            priority=seen.priority,
        )

    def _facts(
        self,
        event: type[IncidentEvent],
        seen: Seen,
        data: Mapping[str, Any] | None = None,
        why: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """A fact that the other system stated; here it would have been a rule's or a person's."""
        changes = change(self.row, seen.at, **values)
        if not changes:
            return
        self.row.version += 1
        said = event(
            subject_id=self.row.id,
            actor=self._actor,
            occurred_at=seen.at,
            changes=changes,
            why={"imported": True} if why is None else why,
            version=self.row.version,
            **dict(data or {}),
        )
        self._note((changes, said))

    def _finish(self, last: Seen) -> str:
        """Compare with the end of the log; where they differ, say so in one event and take the log's values."""
        row, history = self.row, self.history
        wanted: dict[str, Any] = {
            "group_id": last.group_id,
            "reopenings": history.reopenings,
            "reassignments": history.reassignments,
        }
        if not _expresses(row.state, last.state):
            wanted["state"] = last.state.value
        different = {name: value for name, value in wanted.items() if getattr(row, name) != value}
        if not different and not self._refused:
            return ""
        kind = self._kind(different)
        why: dict[str, Any] = {"imported": True, **history.facts}
        if self._refused:
            why["refused"] = list(self._refused)
        self._facts(StateImported, last, {"kind": kind}, why, **(different | self._ends(last)))
        return kind

    def _kind(self, different: Mapping[str, Any]) -> str:
        if self._refused:
            return REFUSED
        if "reassignments" in different:
            return GROUP_CHANGES
        return REOPENINGS if "reopenings" in different else OTHERWISE

    def _ends(self, last: Seen) -> dict[str, Any]:
        if last.state is not State.CLOSED:
            return {}
        self.row.work_next_at = None
        resolved = [seen.at for seen in self.history.seen if seen.state is State.RESOLVED]
        return {
            "resolved_at": resolved[-1] if resolved else None,
            "closed_at": last.at,
            "closed_how": ClosedHow.NO_ANSWER.value,
            "hold_reason": "",
            "look_again_at": None,
        }


def _expresses(state: str, seen: State) -> bool:
    return state == seen or (seen is State.NEW and state == State.ASSIGNED)
