"""What a row of the queue shows."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from firstline.console.clocks import face_of
from firstline.console.components import Clock, Face
from firstline.desk import queries
from firstline.incidents.models import Incident


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A fact that must not be missed, as a tag."""

    text: str
    tone: str = ""


@dataclass(frozen=True, kw_only=True)
class QueueRow:
    incident: Incident
    owner: Face | None
    clock: Clock
    unread: bool
    about: str
    marks: tuple[Mark, ...]


def row_of(row: queries.Row) -> QueueRow:
    return QueueRow(
        incident=row.incident,
        owner=owner_of(row.incident),
        clock=face_of(row.clock),
        unread=row.unread,
        about=about(row.incident),
        marks=marks_of(row.incident),
    )


def owner_of(incident: Incident) -> Face | None:
    """The assignee; else the group, shown as a place that nobody has taken yet."""
    if incident.assignee is not None:
        return Face(name=incident.assignee.name, id=incident.assignee.pk)
    if incident.group is not None:
        return Face(name=incident.group.name, kind="group")
    return None


def about(incident: Incident) -> str:
    """The grey words after the title: service, and the caller or how many are affected."""
    parts = [incident.service.name] if incident.service is not None else []
    if incident.affected_users > 1:
        words = ngettext("%(n)s affected", "%(n)s affected", incident.affected_users)
        parts.append(words % {"n": incident.affected_users})
    elif incident.caller is not None:
        parts.append(incident.caller.name)
    return " · ".join(parts)


def marks_of(incident: Incident) -> tuple[Mark, ...]:
    """Whose turn it is, and what makes this one different."""
    found = []
    if incident.major == "declared":
        found.append(Mark(text=_("Major"), tone="major"))
    elif incident.major == "proposed":
        found.append(Mark(text=_("major?"), tone="hot"))
    if incident.caller_replied_at is not None:
        found.append(Mark(text=_("caller replied"), tone="turn"))
    if incident.security:
        found.append(Mark(text=_("security"), tone="warm"))
    if incident.reopenings:
        found.append(Mark(text=_("reopened"), tone="warm"))
    if incident.kind == "request":
        found.append(Mark(text=_("request")))
    return tuple(found)
