"""What intake does to an incident, and to a source."""

from dataclasses import dataclass, field
from typing import ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from firstline.core.event_log import DomainEvent, Names
from firstline.incidents.events import IncidentEvent


@dataclass(frozen=True, kw_only=True)
class AlertsJoined(IncidentEvent):
    """Alerts of one batch became part of the incident. `spans` are the first of them, `count` is of all."""

    verb: ClassVar[str] = "alerts_joined"
    count: int
    source_id: int
    spans: list[int] = field(default_factory=list)

    def summary(self, names: Names | None = None) -> str:
        return ngettext("%(count)s alert joined", "%(count)s alerts joined", self.count) % {
            "count": self.count
        }


@dataclass(frozen=True, kw_only=True)
class AlertsEnded(IncidentEvent):
    """The last alert of the incident has resolved; it is looked at again after the soak time."""

    verb: ClassVar[str] = "alerts_ended"
    count: int

    def summary(self, names: Names | None = None) -> str:
        return _("All alerts have resolved")


@dataclass(frozen=True, kw_only=True)
class SourceFellSilent(IncidentEvent):
    """Alerts of the incident expired without a word from their source: that is no resolution."""

    verb: ClassVar[str] = "source_silent"
    count: int
    source_id: int

    def summary(self, names: Names | None = None) -> str:
        return ngettext(
            "The source fell silent: %(count)s alert expired without being resolved",
            "The source fell silent: %(count)s alerts expired without being resolved",
            self.count,
        ) % {"count": self.count}


@dataclass(frozen=True, kw_only=True)
class RowsReplayed(DomainEvent):
    """Stored requests of a source were put back to be read again."""

    subject_type: ClassVar[str] = "source"
    verb: ClassVar[str] = "rows_replayed"
    count: int

    def summary(self, names: Names | None = None) -> str:
        return ngettext(
            "%(count)s request is read again", "%(count)s requests are read again", self.count
        ) % {"count": self.count}
