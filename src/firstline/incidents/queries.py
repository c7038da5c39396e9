"""Reads of incidents. Each takes the viewer and returns only what that viewer may see."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Prefetch, QuerySet

from firstline.accounts.models import Person, SupportGroup
from firstline.accounts.viewer import Viewer
from firstline.catalog.models import Category, ResolutionCode, Service
from firstline.core import blobs, event_log
from firstline.core.content import texts
from firstline.core.errors import NotFound
from firstline.core.event_log import DomainEvent
from firstline.incidents.events import Commented, NoteWritten
from firstline.incidents.models import (
    AffectedUser,
    Attachment,
    Comment,
    Diagnosis,
    Incident,
    Link,
    Task,
    Watcher,
)
from firstline.incidents.visibility import own, withheld
from firstline.incidents.visibility import visible as visible_incidents

SHOWN = ("service", "category", "group", "assignee", "caller")
REMAINING = ("ci", "reporter", "resolution_code", "resolved_by", "parent", "merged_into")


def visible(viewer: Viewer, *, synthetic: bool = False) -> QuerySet[Incident]:
    """Incidents that staff may see, ready for a list; synthetic ones only when asked for."""
    found = visible_incidents(viewer).select_related(*SHOWN)
    return found if synthetic else found.filter(synthetic=False)


def incident(viewer: Viewer, incident_id: int) -> Incident:
    """One incident with what its page shows; `NotFound` when there is none or none for this viewer."""
    found = (
        visible_incidents(viewer)
        .select_related(*SHOWN)
        # mostly null; planning a join of twelve tables took longer than all else
        .prefetch_related(*REMAINING)
        .filter(id=incident_id)
        .first()
    )
    if found is None:
        raise NotFound("There is no such incident.")
    return found


def own_incidents(viewer: Viewer) -> QuerySet[Incident]:
    """What a caller sees under *my incidents*, newest first. `withheld`: somebody else reported it; show `own_title`
    and never its own words."""
    rows = own(viewer).select_related("service").order_by("-registered_at", "-id")
    return rows.annotate(withheld=ExpressionWrapper(withheld(viewer), BooleanField()))


def own_incident(viewer: Viewer, incident_id: int) -> Incident:
    """One of them. Of a withheld one the words of whoever reported it are taken out."""
    rows = own_incidents(viewer).select_related("service", "caller", "resolution_code", "group")
    found = rows.filter(id=incident_id).first()
    if found is None:
        raise NotFound("There is no such incident.")
    if found.withheld:  # type: ignore[attr-defined]
        found.title, found.description = own_title(found), ""
        found.caller_phone = found.caller_place = found.cause = ""
        found.caller = None
    return found


def own_title(found: Incident) -> str:
    """What a row of `own_incidents` is called for its reader."""
    if not found.withheld:  # type: ignore[attr-defined]
        return found.title
    return joined_title(found)


def joined_title(found: Incident) -> str:
    """What an incident is called for those who joined it: the published title, else its service."""
    return found.public_title or (found.service.name if found.service else found.number)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the conversation or time line. `comment` is set for comments and notes; else `event` tells.

    `summary` is the event's line in the language in force; `who` the actor's name; `text` what belongs to it.
    """

    at: datetime
    event: DomainEvent
    summary: str
    who: str
    text: str = ""
    quoted: str = ""
    comment: Comment | None = None
    texts: Mapping[int, str] | None = None


def timeline(viewer: Viewer, incident_id: int) -> list[Entry]:
    """Everything that happened, in order, with texts and names: a bounded number of queries."""
    incident(viewer, incident_id)
    return list(_entries(incident_id, event_log.read("incident", incident_id), public_only=False))


def own_timeline(viewer: Viewer, incident_id: int) -> list[Entry]:
    """What the caller sees: public comments and what they are told of, never notes or internal reasons. Of a withheld
    incident only what happened, what was published and what the viewer wrote."""
    row = own_incident(viewer, incident_id)
    public = {
        "opened",
        "commented",
        "resolved",
        "reopened",
        "closed",
        "cancelled",
        "status_posted",
        "started",
    }
    events = (e for e in event_log.read("incident", incident_id) if e.verb in public)
    entries = list(_entries(incident_id, events, public_only=True))
    if not row.withheld:  # type: ignore[attr-defined]
        return entries
    mine = (e for e in entries if e.comment is None or e.comment.author_id == viewer.person_id)
    return [e if e.comment or e.event.verb in ("resolved", "status_posted") else _silent(e) for e in mine]


def _silent(entry: Entry) -> Entry:
    return replace(entry, who="", text="", texts=None)


def _entries(incident_id: int, events: Iterable[DomainEvent], *, public_only: bool) -> Iterator[Entry]:
    log = [event for event in events if type(event) is not DomainEvent]  # a verb that is no longer known
    said = {
        comment.id: comment
        for comment in Comment.objects.filter(incident_id=incident_id)
        .select_related("author", "quoted")
        .prefetch_related(Prefetch("attachments", Attachment.objects.select_related("blob")))
    }
    bodies = texts(_text_ids(log))
    names = lookup(log)
    for event in log:
        comment = None
        if isinstance(event, Commented | NoteWritten):
            comment = said.get(event.comment_id)
            if comment is None or (public_only and not comment.public):
                continue
        yield Entry(
            at=event.occurred_at,
            event=event,
            summary=event.summary(names),
            who=_who(event, names, comment),
            text=bodies.get(event.content_id or 0, ""),
            quoted=comment.quoted.body if comment and comment.quoted else "",
            comment=comment,
            texts=bodies,
        )


def _text_ids(log: Iterable[DomainEvent]) -> set[int]:
    ids = set()
    for event in log:
        if event.content_id is not None:
            ids.add(event.content_id)
        for _before, after in event.changes.values():
            if isinstance(after, dict) and "text" in after:
                ids.add(after["text"])
    return ids


def _who(event: DomainEvent, names: Callable[[str, int], str], comment: Comment | None) -> str:
    if comment is not None and comment.author is None and comment.from_address:
        return comment.from_address
    if event.actor.is_human and event.actor.id is not None:
        return names("person", event.actor.id)
    return ""


_NAMED: Mapping[str, tuple[str, ...]] = {
    "person": ("assignee_id", "caller_id", "resolved_by_id", "person_id", "commander_id"),
    "group": ("group_id",),
    "service": ("service_id",),
    "category": ("category_id",),
    "resolution_code": ("resolution_code_id",),
}


def lookup(log: Iterable[DomainEvent]) -> Callable[[str, int], str]:
    """A function (kind, id) → name for whatever these events mention: one query per kind that occurs."""
    wanted: dict[str, set[int]] = {kind: set() for kind in _NAMED}

    def note(kind: str, id: int) -> str:
        """A first reading only collects what the sentences will name."""
        if kind in wanted:
            wanted[kind].add(id)
        return ""

    for event in log:
        if type(event) is not DomainEvent:
            event.summary(note)
        if event.actor.is_human and event.actor.id is not None:
            wanted["person"].add(event.actor.id)
        for kind, fields in _NAMED.items():
            for name in fields:
                values: list[Any] = [getattr(event, name, None), *event.changes.get(name, ())]
                wanted[kind] |= {value for value in values if isinstance(value, int)}
    found: dict[tuple[str, int], str] = {}
    tables: Mapping[str, tuple[Any, str]] = {
        "person": (Person, "name"),
        "group": (SupportGroup, "name"),
        "service": (Service, "name"),
        "category": (Category, "path"),
        "resolution_code": (ResolutionCode, "name"),
    }
    for kind, ids in wanted.items():
        if ids:
            model, field = tables[kind]
            rows = model.objects.filter(id__in=ids).values_list("id", field)
            found |= {(kind, id): name for id, name in rows}

    def called(kind: str, id: int) -> str:
        if kind == "incident":
            return f"INC-{id:06d}"
        return found.get((kind, id), f"{kind} {id}")

    return called


def comments(viewer: Viewer, incident_id: int) -> QuerySet[Comment]:
    """Comments and work notes with their texts, for staff."""
    incident(viewer, incident_id)
    rows = Comment.objects.filter(incident_id=incident_id)
    return rows.select_related("content", "author").order_by("created_at", "id")


def attachments(viewer: Viewer, incident_id: int) -> QuerySet[Attachment]:
    incident(viewer, incident_id)
    return Attachment.objects.filter(incident_id=incident_id).select_related("blob").order_by("id")


def own_attachments(viewer: Viewer, incident_id: int) -> QuerySet[Attachment]:
    """The files that a caller may open: public ones of an incident of theirs."""
    row = own_incident(viewer, incident_id)
    rows = Attachment.objects.filter(incident_id=incident_id, public=True)
    if row.withheld:  # type: ignore[attr-defined]
        rows = rows.filter(added_by_id=viewer.person_id)
    return rows.select_related("blob").order_by("id")


def attachment(viewer: Viewer, attachment_id: int) -> tuple[Attachment, Iterator[bytes]]:
    """A file and its bytes, for staff of the incident or, when public, its caller."""
    row = Attachment.objects.select_related("blob").filter(id=attachment_id).first()
    allowed = row is not None and (
        visible_incidents(viewer).filter(id=row.incident_id).exists()
        or (row.public and _may_open(viewer, row))
    )
    if row is None or not allowed:
        raise NotFound("There is no such file.")
    return row, blobs.read(row.blob_id)


def _may_open(viewer: Viewer, row: Attachment) -> bool:
    found = own(viewer).filter(id=row.incident_id)
    if row.added_by_id is None or row.added_by_id != viewer.person_id:
        found = found.exclude(withheld(viewer))
    return found.exists()


def tasks(viewer: Viewer, incident_id: int) -> QuerySet[Task]:
    incident(viewer, incident_id)
    return Task.objects.filter(incident_id=incident_id).select_related("assignee").order_by("id")


def watchers(viewer: Viewer, incident_id: int) -> QuerySet[Watcher]:
    incident(viewer, incident_id)
    return Watcher.objects.filter(incident_id=incident_id).select_related("person").order_by("id")


def affected(viewer: Viewer, incident_id: int) -> QuerySet[AffectedUser]:
    incident(viewer, incident_id)
    return AffectedUser.objects.filter(incident_id=incident_id).select_related("person").order_by("id")


def diagnosis(viewer: Viewer, incident_id: int) -> Diagnosis | None:
    """The statement in force: the last one."""
    incident(viewer, incident_id)
    return Diagnosis.objects.filter(incident_id=incident_id).select_related("author").order_by("-id").first()


def links(viewer: Viewer, incident_id: int) -> tuple[list[Link], int]:
    """(links to what the viewer may see, how many restricted ones there are besides)."""
    incident(viewer, incident_id)
    both = Link.objects.filter(incident_id=incident_id) | Link.objects.filter(other_id=incident_id)
    rows = list(
        both.select_related("incident", "other").defer("incident__search", "other__search").order_by("id")
    )
    ids = {row.incident_id for row in rows} | {row.other_id for row in rows if row.other_id}
    seen = set(visible_incidents(viewer).filter(id__in=ids).values_list("id", flat=True))
    shown = [r for r in rows if r.incident_id in seen and (r.other_id is None or r.other_id in seen)]
    return shown, len(rows) - len(shown)


def children(viewer: Viewer, incident_id: int) -> QuerySet[Incident]:
    return visible(viewer).filter(parent_id=incident_id).order_by("id")


def merged(viewer: Viewer, incident_id: int) -> QuerySet[Incident]:
    return visible(viewer).filter(merged_into_id=incident_id).order_by("id")


def other_open_of_caller(viewer: Viewer, found: Incident, limit: int = 5) -> list[Incident]:
    """The caller card: what else this caller has open."""
    if found.caller_id is None:
        return []
    others = visible(viewer).filter(
        caller_id=found.caller_id, state__in=("new", "assigned", "in_progress", "on_hold")
    )
    return list(others.exclude(id=found.id).order_by("-registered_at")[:limit])


def published() -> QuerySet[Incident]:
    """What callers may see of open incidents: only the public title and status are meant to be shown."""
    return (
        Incident.objects.defer("search")
        .filter(published_at__isnull=False, security=False, synthetic=False)
        .exclude(state__in=("closed", "cancelled"))
        .select_related("service")
        .order_by("-published_at")
    )
