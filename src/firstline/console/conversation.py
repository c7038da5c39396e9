"""The middle of the incident page: what was said and what was decided, in one order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from firstline.console import labels
from firstline.console.components import Face
from firstline.console.markdown import render
from firstline.console.reasons import reasons, tone
from firstline.core.actor import Actor, ActorKind
from firstline.incidents.events import Prioritised
from firstline.incidents.models import Attachment, Comment, Incident
from firstline.incidents.queries import Entry

QUIET = {
    *("attached", "compared", "watcher_added", "watcher_removed", "task_added", "affected_added"),
    *("agreement_applied", "confirmation_asked", "step_passed", "escalation_ended", "security_read"),
}


@dataclass(frozen=True, kw_only=True)
class Message:
    """`side`: caller, staff or note; `about` says how it came or to whom it went."""

    id: str
    at: datetime
    face: Face
    side: str
    about: str
    body: SafeString
    quoted: str = ""
    files: tuple[Attachment, ...] = ()
    is_message: bool = True


@dataclass(frozen=True, kw_only=True)
class Step:
    """What was decided or done. `why` lines stand one click away; `quiet` ones only in the time line."""

    id: str
    at: datetime
    summary: str
    by: str
    text: SafeString | None
    why: list[tuple[str, str]]
    tone: str
    quiet: bool
    is_message: bool = False


@dataclass(frozen=True, kw_only=True)
class Day:
    day: date
    items: list[Message | Step]


def by_of(actor: Actor, who: str) -> str:
    """Who or what decided it."""
    if who:
        return who
    return {
        ActorKind.RULE: _("a rule"),
        ActorKind.CLOCK: _("the clock"),
        ActorKind.SOURCE: _("a source"),
        ActorKind.MACHINE: _("a program"),
    }.get(actor.kind, "")


def opening(incident: Incident, source: str) -> Message | None:
    """The description is the first thing that was said: by the caller, else by the source."""
    if not incident.description.strip():
        return None
    face = Face(name=source or _("Firstline"), kind="machine")
    if incident.caller is not None:
        face = Face(name=incident.caller.name, id=incident.caller.pk)
    return Message(
        id="description",
        at=incident.received_at,
        face=face,
        side="caller",
        about=labels.channel(incident.channel),
        body=render(incident.description),
    )


def items(incident: Incident, entries: Sequence[Entry], source: str = "") -> list[Message | Step]:
    """Everything in the order in which it happened. `source`: who sent the first alert, where one did."""
    first = opening(incident, source)
    found: list[Message | Step] = [first] if first is not None else []
    found.extend(_message(incident, e, e.comment) if e.comment is not None else _step(e) for e in entries)
    return found


def days(parts: Sequence[Message | Step]) -> list[Day]:
    """By the reader's own calendar day."""
    found: list[Day] = []
    for part in parts:
        day = timezone.localtime(part.at).date()
        if not found or found[-1].day != day:
            found.append(Day(day=day, items=[]))
        found[-1].items.append(part)
    return found


def _message(incident: Incident, entry: Entry, comment: Comment) -> Message:
    by_caller = comment.author_id is not None and comment.author_id == incident.caller_id
    side = "note" if not comment.public else "caller" if by_caller or comment.third_party else "staff"
    about = {
        "note": _("work note"),
        "caller": labels.channel(comment.via),
        "staff": _("to the caller"),
    }[side]
    if comment.automatic and comment.via == "mail":
        about = _("automatic reply")
    elif comment.third_party:
        about = _("by mail, neither caller nor watcher")
    name = entry.who or comment.from_address or _("Firstline")
    return Message(
        id=f"comment-{comment.pk}",
        at=entry.at,
        face=Face(name=name, id=comment.author_id, kind="person" if comment.author_id else "machine"),
        side=side,
        about=about,
        body=render(entry.text),
        quoted=entry.quoted,
        files=tuple(comment.attachments.all()),
    )


def _step(entry: Entry) -> Step:
    event = entry.event
    return Step(
        id=f"event-{event.id}",
        at=entry.at,
        summary=_summary(entry),
        by=by_of(event.actor, entry.who),
        text=render(entry.text) if entry.text.strip() else None,
        why=reasons(event),
        tone=tone(event),
        quiet=event.verb in QUIET,
    )


def _summary(entry: Entry) -> str:
    """The event's own line; a priority with its levels in words."""
    event = entry.event
    if isinstance(event, Prioritised):
        return _("Priority P%(p)s: %(impact)s impact × %(urgency)s urgency") % {
            "p": event.priority,
            "impact": labels.level(event.impact),
            "urgency": labels.level(event.urgency),
        }
    return entry.summary
