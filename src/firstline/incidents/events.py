"""What can happen to an incident: one dataclass per verb. Fields hold ids, enums, numbers and instants only."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from firstline.core.event_log import DomainEvent, Names


def _name(names: Names | None, kind: str, id: int | None) -> str:
    if id is None:
        return _("nobody")
    return names(kind, id) if names else f"{kind} {id}"


@dataclass(frozen=True, kw_only=True)
class IncidentEvent(DomainEvent):
    """`version`: the incident's version after this event; what conflicts are told from."""

    subject_type: ClassVar[str] = "incident"
    version: int = 0

    def _to(self, name: str) -> Any:
        return self.changes.get(name, (None, None))[1]


@dataclass(frozen=True, kw_only=True)
class IncidentOpened(IncidentEvent):
    verb: ClassVar[str] = "opened"
    channel: str
    security: bool = False
    synthetic: bool = False

    def summary(self, names: Names | None = None) -> str:
        return _("Registered by %(channel)s") % {"channel": self.channel}


@dataclass(frozen=True, kw_only=True)
class Categorised(IncidentEvent):
    verb: ClassVar[str] = "categorised"

    def summary(self, names: Names | None = None) -> str:
        category = self._to("category_id")
        if category is None:
            return _("No category yet: no rule matches")
        return _("Category %(category)s") % {"category": _name(names, "category", category)}


@dataclass(frozen=True, kw_only=True)
class Compared(IncidentEvent):
    """`duplicates` [[incident id, score]], `neighbours` [incident id], `ahead`: open incidents before this one."""

    verb: ClassVar[str] = "compared"
    duplicates: list[Any] = field(default_factory=list)
    neighbours: list[int] = field(default_factory=list)
    ahead: int = 0

    def summary(self, names: Names | None = None) -> str:
        return _(
            "Compared: %(dup)s possible duplicates, %(near)s in progress nearby, %(ahead)s ahead in the queue"
        ) % {
            "dup": len(self.duplicates),
            "near": len(self.neighbours),
            "ahead": self.ahead,
        }


@dataclass(frozen=True, kw_only=True)
class Prioritised(IncidentEvent):
    verb: ClassVar[str] = "prioritised"
    impact: int
    urgency: int
    priority: int

    def summary(self, names: Names | None = None) -> str:
        return _("Priority P%(p)s: impact %(i)s × urgency %(u)s") % {
            "p": self.priority,
            "i": self.impact,
            "u": self.urgency,
        }


@dataclass(frozen=True, kw_only=True)
class PriorityProposed(IncidentEvent):
    verb: ClassVar[str] = "priority_proposed"
    priority: int

    def summary(self, names: Names | None = None) -> str:
        return _("Re-assessed: P%(p)s is proposed") % {"p": self.priority}


@dataclass(frozen=True, kw_only=True)
class PriorityOverridden(IncidentEvent):
    verb: ClassVar[str] = "priority_overridden"
    priority: int
    reason: str

    def summary(self, names: Names | None = None) -> str:
        return _("Priority set to P%(p)s by hand") % {"p": self.priority}


@dataclass(frozen=True, kw_only=True)
class OverrideLifted(IncidentEvent):
    verb: ClassVar[str] = "override_lifted"

    def summary(self, names: Names | None = None) -> str:
        return _("Priority follows the assessment again")


@dataclass(frozen=True, kw_only=True)
class Assigned(IncidentEvent):
    """To a group, a person or both. `escalated`: functional escalation to those who know more."""

    verb: ClassVar[str] = "assigned"
    escalated: bool = False

    def summary(self, names: Names | None = None) -> str:
        said = _("Escalated to %(group)s") if self.escalated else _("Assigned to %(group)s")
        group = self._to("group_id")
        who = self._to("assignee_id")
        if group is not None and who is not None:
            return said % {"group": f"{_name(names, 'group', group)}, {_name(names, 'person', who)}"}
        if group is not None:
            return said % {"group": _name(names, "group", group)}
        return said % {"group": _name(names, "person", who)}


@dataclass(frozen=True, kw_only=True)
class WorkStarted(IncidentEvent):
    verb: ClassVar[str] = "started"

    def summary(self, names: Names | None = None) -> str:
        return _("Work started")


@dataclass(frozen=True, kw_only=True)
class PutOnHold(IncidentEvent):
    verb: ClassVar[str] = "held"
    reason: str
    caller_wish: bool = False

    def summary(self, names: Names | None = None) -> str:
        return _("On hold: %(reason)s") % {"reason": self.reason}


@dataclass(frozen=True, kw_only=True)
class Resumed(IncidentEvent):
    verb: ClassVar[str] = "resumed"

    def summary(self, names: Names | None = None) -> str:
        return _("Resumed")


@dataclass(frozen=True, kw_only=True)
class Acknowledged(IncidentEvent):
    verb: ClassVar[str] = "acknowledged"

    def summary(self, names: Names | None = None) -> str:
        return _("Acknowledged")


@dataclass(frozen=True, kw_only=True)
class Resolved(IncidentEvent):
    verb: ClassVar[str] = "resolved"
    resolution_code_id: int | None = None
    by_rule: bool = False

    def summary(self, names: Names | None = None) -> str:
        if self.resolution_code_id is None:
            return _("Resolved")
        return _("Resolved: %(code)s") % {"code": _name(names, "resolution_code", self.resolution_code_id)}


@dataclass(frozen=True, kw_only=True)
class ResolutionProposed(IncidentEvent):
    verb: ClassVar[str] = "resolution_proposed"

    def summary(self, names: Names | None = None) -> str:
        return _("All alerts have ended: resolution is proposed")


@dataclass(frozen=True, kw_only=True)
class Reopened(IncidentEvent):
    verb: ClassVar[str] = "reopened"
    by_alert: bool = False

    def summary(self, names: Names | None = None) -> str:
        return _("Reopened by a recurring alert") if self.by_alert else _("Reopened")


@dataclass(frozen=True, kw_only=True)
class Closed(IncidentEvent):
    verb: ClassVar[str] = "closed"
    how: str

    def summary(self, names: Names | None = None) -> str:
        return {
            "caller": _("Closed: the caller confirmed"),
            "on_behalf": _("Closed: confirmed on the caller's behalf"),
            "no_answer": _("Closed: no answer within the window"),
            "no_caller": _("Closed: it has no caller"),
        }.get(self.how, _("Closed"))


@dataclass(frozen=True, kw_only=True)
class Cancelled(IncidentEvent):
    verb: ClassVar[str] = "cancelled"
    reason: str

    def summary(self, names: Names | None = None) -> str:
        return _("Cancelled: %(reason)s") % {"reason": self.reason.replace("_", " ")}


@dataclass(frozen=True, kw_only=True)
class Commented(IncidentEvent):
    """To or from the caller. `human` false: an automatic reply, which is no response and resumes nothing."""

    verb: ClassVar[str] = "commented"
    comment_id: int
    human: bool = True
    by_caller: bool = False
    third_party: bool = False

    def summary(self, names: Names | None = None) -> str:
        return _("Comment")


@dataclass(frozen=True, kw_only=True)
class NoteWritten(IncidentEvent):
    verb: ClassVar[str] = "noted"
    comment_id: int

    def summary(self, names: Names | None = None) -> str:
        return _("Work note")


@dataclass(frozen=True, kw_only=True)
class Edited(IncidentEvent):
    verb: ClassVar[str] = "edited"

    def summary(self, names: Names | None = None) -> str:
        return _("Changed: %(fields)s") % {
            "fields": ", ".join(f.removesuffix("_id").replace("_", " ") for f in self.changes)
        }


@dataclass(frozen=True, kw_only=True)
class Attached(IncidentEvent):
    verb: ClassVar[str] = "attached"
    attachment_id: int

    def summary(self, names: Names | None = None) -> str:
        return _("File attached")


@dataclass(frozen=True, kw_only=True)
class WatcherAdded(IncidentEvent):
    verb: ClassVar[str] = "watcher_added"
    person_id: int

    def summary(self, names: Names | None = None) -> str:
        return _("%(person)s watches") % {"person": _name(names, "person", self.person_id)}


@dataclass(frozen=True, kw_only=True)
class WatcherRemoved(IncidentEvent):
    verb: ClassVar[str] = "watcher_removed"
    person_id: int

    def summary(self, names: Names | None = None) -> str:
        return _("%(person)s no longer watches") % {"person": _name(names, "person", self.person_id)}


@dataclass(frozen=True, kw_only=True)
class AffectedAdded(IncidentEvent):
    verb: ClassVar[str] = "affected_added"
    person_id: int
    affected_users: int

    def summary(self, names: Names | None = None) -> str:
        return _("%(person)s is affected too; %(count)s in all") % {
            "person": _name(names, "person", self.person_id),
            "count": self.affected_users,
        }


@dataclass(frozen=True, kw_only=True)
class TaskAdded(IncidentEvent):
    verb: ClassVar[str] = "task_added"
    task_id: int

    def summary(self, names: Names | None = None) -> str:
        return _("Task added")


@dataclass(frozen=True, kw_only=True)
class TaskFinished(IncidentEvent):
    verb: ClassVar[str] = "task_finished"
    task_id: int
    state: str

    def summary(self, names: Names | None = None) -> str:
        return _("Task %(state)s") % {"state": self.state}


@dataclass(frozen=True, kw_only=True)
class Linked(IncidentEvent):
    verb: ClassVar[str] = "linked"
    kind: str
    other_id: int | None = None
    change_id: int | None = None

    def summary(self, names: Names | None = None) -> str:
        if self.change_id is not None:
            return _("Linked to change %(id)s") % {"id": self.change_id}
        return _("%(kind)s: %(other)s") % {
            "kind": self.kind.replace("_", " ").capitalize(),
            "other": _name(names, "incident", self.other_id),
        }


@dataclass(frozen=True, kw_only=True)
class Unlinked(IncidentEvent):
    verb: ClassVar[str] = "unlinked"
    kind: str
    other_id: int | None = None

    def summary(self, names: Names | None = None) -> str:
        return _("No longer linked to %(other)s") % {"other": _name(names, "incident", self.other_id)}


@dataclass(frozen=True, kw_only=True)
class ParentSet(IncidentEvent):
    verb: ClassVar[str] = "parent_set"

    def summary(self, names: Names | None = None) -> str:
        return _("Parent is %(parent)s") % {"parent": _name(names, "incident", self._to("parent_id"))}


@dataclass(frozen=True, kw_only=True)
class MergedInto(IncidentEvent):
    """On the duplicate: it is now an alias of `other_id`."""

    verb: ClassVar[str] = "merged"
    other_id: int

    def summary(self, names: Names | None = None) -> str:
        return _("Merged into %(other)s") % {"other": _name(names, "incident", self.other_id)}


@dataclass(frozen=True, kw_only=True)
class MergeReceived(IncidentEvent):
    """On the original: `other_id` was found to be the same."""

    verb: ClassVar[str] = "merge_received"
    other_id: int

    def summary(self, names: Names | None = None) -> str:
        return _("%(other)s merged into this") % {"other": _name(names, "incident", self.other_id)}


@dataclass(frozen=True, kw_only=True)
class Unmerged(IncidentEvent):
    verb: ClassVar[str] = "unmerged"
    other_id: int

    def summary(self, names: Names | None = None) -> str:
        return _("Merge with %(other)s undone") % {"other": _name(names, "incident", self.other_id)}


@dataclass(frozen=True, kw_only=True)
class MajorProposed(IncidentEvent):
    verb: ClassVar[str] = "major_proposed"

    def summary(self, names: Names | None = None) -> str:
        return _("Major incident proposed")


@dataclass(frozen=True, kw_only=True)
class MajorDeclared(IncidentEvent):
    verb: ClassVar[str] = "major_declared"
    commander_id: int | None = None

    def summary(self, names: Names | None = None) -> str:
        return _("Major incident declared; commander %(who)s") % {
            "who": _name(names, "person", self.commander_id)
        }


@dataclass(frozen=True, kw_only=True)
class MajorWithdrawn(IncidentEvent):
    verb: ClassVar[str] = "major_withdrawn"

    def summary(self, names: Names | None = None) -> str:
        return _("Major incident withdrawn")


@dataclass(frozen=True, kw_only=True)
class MajorEnded(IncidentEvent):
    verb: ClassVar[str] = "major_ended"

    def summary(self, names: Names | None = None) -> str:
        return _("Major incident is over")


@dataclass(frozen=True, kw_only=True)
class StatusPosted(IncidentEvent):
    verb: ClassVar[str] = "status_posted"
    status_update_id: int

    def summary(self, names: Names | None = None) -> str:
        return _("Status update")


@dataclass(frozen=True, kw_only=True)
class Published(IncidentEvent):
    verb: ClassVar[str] = "published"

    def summary(self, names: Names | None = None) -> str:
        return _("Published to callers") if self._to("published_at") else _("No longer published")


@dataclass(frozen=True, kw_only=True)
class PublishOffered(IncidentEvent):
    verb: ClassVar[str] = "publish_offered"

    def summary(self, names: Names | None = None) -> str:
        return _("A third similar report arrived: publish it, so that others see it is known")


@dataclass(frozen=True, kw_only=True)
class Diagnosed(IncidentEvent):
    verb: ClassVar[str] = "diagnosed"
    diagnosis_id: int
    confirmed: bool

    def summary(self, names: Names | None = None) -> str:
        return _("Diagnosis: confirmed cause") if self.confirmed else _("Diagnosis: suspected cause")


@dataclass(frozen=True, kw_only=True)
class StateImported(IncidentEvent):
    """An import could not get there by ordinary actions; `kind` says why."""

    verb: ClassVar[str] = "state_imported"
    kind: str

    def summary(self, names: Names | None = None) -> str:
        return _("State taken over from the imported log: %(kind)s") % {"kind": self.kind.replace("_", " ")}


@dataclass(frozen=True, kw_only=True)
class SecurityRead(IncidentEvent):
    """Somebody read a security incident by broken glass."""

    verb: ClassVar[str] = "read"

    def summary(self, names: Names | None = None) -> str:
        return _("Read by broken glass")
