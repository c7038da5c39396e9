"""What can happen to a problem."""

from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext as _

from firstline.core.event_log import DomainEvent, Names
from firstline.incidents.events import IncidentEvent


@dataclass(frozen=True, kw_only=True)
class ProblemEvent(DomainEvent):
    subject_type: ClassVar[str] = "problem"
    version: int = 0


@dataclass(frozen=True, kw_only=True)
class ProblemOpened(ProblemEvent):
    verb: ClassVar[str] = "opened"
    incident_ids: list[int]

    def summary(self, names: Names | None = None) -> str:
        return _("Opened from %(count)s incidents") % {"count": len(self.incident_ids)}


@dataclass(frozen=True, kw_only=True)
class ProblemEdited(ProblemEvent):
    verb: ClassVar[str] = "edited"

    def summary(self, names: Names | None = None) -> str:
        fields = ", ".join(name.removesuffix("_id").replace("_", " ") for name in self.changes)
        return _("Changed: %(fields)s") % {"fields": fields}


@dataclass(frozen=True, kw_only=True)
class KnownErrorPublished(ProblemEvent):
    verb: ClassVar[str] = "known_error_published"
    public: bool

    def summary(self, names: Names | None = None) -> str:
        if self.public:
            return _("Published as a known error, also to callers")
        return _("Published as a known error")


@dataclass(frozen=True, kw_only=True)
class KnownErrorWithdrawn(ProblemEvent):
    verb: ClassVar[str] = "known_error_withdrawn"

    def summary(self, names: Names | None = None) -> str:
        return _("No longer published as a known error")


@dataclass(frozen=True, kw_only=True)
class ProblemSolved(ProblemEvent):
    verb: ClassVar[str] = "solved"

    def summary(self, names: Names | None = None) -> str:
        return _("Solved: the cause is gone")


@dataclass(frozen=True, kw_only=True)
class ProblemClosed(ProblemEvent):
    verb: ClassVar[str] = "closed"

    def summary(self, names: Names | None = None) -> str:
        return _("Closed")


@dataclass(frozen=True, kw_only=True)
class ProblemReopened(ProblemEvent):
    verb: ClassVar[str] = "reopened"

    def summary(self, names: Names | None = None) -> str:
        return _("Opened again")


@dataclass(frozen=True, kw_only=True)
class IncidentsLinked(ProblemEvent):
    verb: ClassVar[str] = "incidents_linked"
    incident_ids: list[int]

    def summary(self, names: Names | None = None) -> str:
        return _("Linked: %(incidents)s") % {"incidents": _numbers(self.incident_ids)}


@dataclass(frozen=True, kw_only=True)
class IncidentUnlinked(ProblemEvent):
    verb: ClassVar[str] = "incident_unlinked"
    incident_id: int

    def summary(self, names: Names | None = None) -> str:
        return _("No longer linked: %(incidents)s") % {"incidents": _numbers([self.incident_id])}


@dataclass(frozen=True, kw_only=True)
class ActionAdded(ProblemEvent):
    verb: ClassVar[str] = "action_added"
    action_id: int

    def summary(self, names: Names | None = None) -> str:
        return _("Preventive action added")


@dataclass(frozen=True, kw_only=True)
class ActionFinished(ProblemEvent):
    verb: ClassVar[str] = "action_finished"
    action_id: int
    done: bool

    def summary(self, names: Names | None = None) -> str:
        return _("Preventive action done") if self.done else _("Preventive action open again")


@dataclass(frozen=True, kw_only=True)
class ProblemSet(IncidentEvent):
    """On the incident: which problem is behind it."""

    verb: ClassVar[str] = "problem_set"
    problem_id: int | None = None

    def summary(self, names: Names | None = None) -> str:
        if self.problem_id is None:
            return _("No longer linked to a problem")
        return _("Linked to problem PRB-%(id)05d") % {"id": self.problem_id}


def _numbers(ids: list[int]) -> str:
    shown = ", ".join(f"INC-{id:06d}" for id in ids[:5])
    return shown if len(ids) <= 5 else f"{shown} +{len(ids) - 5}"
