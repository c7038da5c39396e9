"""The conversation: comments to and from the caller, work notes, files."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from firstline.core import blobs, event_log
from firstline.core.actor import Actor
from firstline.core.content import save_text
from firstline.core.errors import Invalid
from firstline.core.models import Blob
from firstline.incidents.actions.writing import Changes, change, one, save
from firstline.incidents.events import Attached, Commented, IncidentEvent, NoteWritten
from firstline.incidents.lifecycle import State
from firstline.incidents.models import Attachment, Comment, Incident

MAX_TEXT = 100_000
MAX_FILES = 50


@transaction.atomic
def comment(
    incident_id: int,
    body: str,
    *,
    actor: Actor,
    now: datetime,
    public: bool = True,
    blob_ids: Iterable[int] = (),
    via: str = "",
) -> Comment:
    """Write to the caller (`public`) or a work note, as somebody who works on it."""
    incident = one(incident_id, actor=actor, verb="incident.comment")
    return add_comment(incident, body, public=public, actor=actor, now=now, blob_ids=blob_ids, via=via)


@transaction.atomic
def comment_as_caller(
    incident_id: int,
    body: str,
    *,
    actor: Actor,
    now: datetime,
    blob_ids: Iterable[int] = (),
    via: str = "portal",
) -> Comment:
    """The caller, a watcher or an affected user writes. Resumes what waits for the caller; on a resolved incident it
    stops auto-close and marks *caller replied*; only the link or a person reopens."""
    incident = one(incident_id, actor=actor, verb="incident.own")
    return add_comment(
        incident, body, public=True, actor=actor, now=now, blob_ids=blob_ids, via=via, by_caller=True
    )


def add_comment(
    incident: Incident,
    body: str,
    *,
    public: bool,
    actor: Actor,
    now: datetime,
    blob_ids: Iterable[int] = (),
    via: str = "",
    automatic: bool = False,
    by_caller: bool = False,
    third_party: bool = False,
    from_address: str = "",
    quoted: str = "",
) -> Comment:
    """Add to the conversation of a locked incident. Mail calls this with what it knows of the sender.

    `automatic`: no person wrote it; it never resumes, responds or stops anything. `third_party`: neither caller nor
    watcher; flagged, and changes no state either.
    """
    text = body.strip()
    ids = list(blob_ids)
    if not text and not ids:
        raise Invalid("Write something first.", {"body": "empty"})
    if len(text) > MAX_TEXT:
        raise Invalid(f"At most {MAX_TEXT} characters; attach a longer text as a file.", {"body": "too long"})
    written = Comment.objects.create(
        incident=incident,
        public=public,
        content_id=save_text(text, now=now),
        quoted_id=save_text(quoted, now=now) if quoted else None,
        author_id=actor.id if actor.is_human else None,
        from_address=from_address,
        via=via or actor.via or "console",
        automatic=automatic,
        third_party=third_party,
        created_at=now,
    )
    _attach(incident, ids, written, public, actor, now)
    answers = by_caller and not automatic and not third_party
    staff = public and actor.is_human and not by_caller and not automatic
    changes = _effects(incident, answers, staff, now)
    incident.version += 1
    save([incident], changes, now=now)
    event_log.record([_event(incident, written, actor, now, changes, by_caller)], now=now)
    return written


def _effects(incident: Incident, answers: bool, staff: bool, now: datetime) -> Changes:
    values: dict[str, Any] = {}
    if staff and incident.first_response_at is None:
        values["first_response_at"] = now
    if answers:
        values["caller_replied_at"] = now
        if incident.state == State.ON_HOLD and incident.hold_reason == "caller":
            state = (
                State.IN_PROGRESS
                if incident.assignee_id
                else State.ASSIGNED
                if incident.group_id
                else State.NEW
            )
            values |= {"state": state.value, "hold_reason": "", "look_again_at": None}
        if incident.state == State.RESOLVED:
            values["stop_auto_close"] = True
    elif staff and incident.caller_replied_at is not None:
        values["caller_replied_at"] = None
    return change(incident, now, **values)


def _event(
    incident: Incident, written: Comment, actor: Actor, now: datetime, changes: Changes, by_caller: bool
) -> IncidentEvent:
    if not written.public:
        return NoteWritten(
            subject_id=incident.id,
            actor=actor,
            occurred_at=now,
            content_id=written.content_id,
            changes=changes,
            comment_id=written.id,
            version=incident.version,
        )
    return Commented(
        subject_id=incident.id,
        actor=actor,
        occurred_at=now,
        content_id=written.content_id,
        changes=changes,
        comment_id=written.id,
        human=not written.automatic,
        by_caller=by_caller,
        third_party=written.third_party,
        version=incident.version,
    )


@transaction.atomic
def attach(
    incident_id: int,
    filename: str,
    parts: Iterable[bytes],
    *,
    actor: Actor,
    now: datetime,
    public: bool = True,
    as_caller: bool = False,
) -> Attachment:
    """Add a file. `Invalid` when it is too large or there are too many; its type is told from its content."""
    verb = "incident.own" if as_caller else "incident.comment"
    incident = one(incident_id, actor=actor, verb=verb)
    blob = blobs.save(filename, parts, now=now)
    return _attach(incident, [blob.id], None, public, actor, now)[0]


def _attach(
    incident: Incident,
    blob_ids: list[int],
    written: Comment | None,
    public: bool,
    actor: Actor,
    now: datetime,
) -> list[Attachment]:
    if not blob_ids:
        return []
    if Attachment.objects.filter(incident=incident).count() + len(blob_ids) > MAX_FILES:
        raise Invalid(f"An incident holds at most {MAX_FILES} files.", {"file": "too many"})
    free = set(Blob.objects.filter(id__in=blob_ids).values_list("id", flat=True)) - set(
        Attachment.objects.filter(blob_id__in=blob_ids).values_list("blob_id", flat=True)
    )
    rows = [
        Attachment(
            incident=incident,
            comment=written,
            blob_id=blob_id,
            public=public,
            added_by_id=actor.id if actor.is_human else None,
            created_at=now,
        )
        for blob_id in blob_ids
        if blob_id in free
    ]
    Attachment.objects.bulk_create(rows)
    event_log.record(
        [
            Attached(
                subject_id=incident.id,
                actor=actor,
                occurred_at=now,
                attachment_id=row.id,
                version=incident.version,
            )
            for row in rows
        ],
        now=now,
    )
    return rows
