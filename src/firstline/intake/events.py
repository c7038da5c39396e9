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
class AlertsSettled(IncidentEvent):
    """The incident was closed while alerts still fired: that stretch of them is over; a new signal begins another."""

    verb: ClassVar[str] = "alerts_settled"
    count: int

    def summary(self, names: Names | None = None) -> str:
        return ngettext(
            "%(count)s alert still fired: closing ends it, its next signal opens a new incident",
            "%(count)s alerts still fired: closing ends them, their next signals open a new incident",
            self.count,
        ) % {"count": self.count}


@dataclass(frozen=True, kw_only=True)
class AlertsSplitOff(IncidentEvent):
    """A person took alerts out of this incident into `other_id`; `undone`: they brought them back where they were.

    `spans` are the first of them, `count` is of all.
    """

    verb: ClassVar[str] = "alerts_split_off"
    count: int
    other_id: int
    move_id: int
    undone: bool = False
    spans: list[int] = field(default_factory=list)

    def summary(self, names: Names | None = None) -> str:
        words = {"count": self.count, "other": names("incident", self.other_id) if names else self.other_id}
        if self.undone:
            return (
                ngettext(
                    "Split undone: %(count)s alert went back to %(other)s",
                    "Split undone: %(count)s alerts went back to %(other)s",
                    self.count,
                )
                % words
            )
        return (
            ngettext(
                "%(count)s alert split off into %(other)s",
                "%(count)s alerts split off into %(other)s",
                self.count,
            )
            % words
        )


@dataclass(frozen=True, kw_only=True)
class AlertsTakenOver(IncidentEvent):
    """A person brought alerts of `other_id` into this incident. A worse one raises its severity."""

    verb: ClassVar[str] = "alerts_taken_over"
    count: int
    other_id: int
    move_id: int
    undone: bool = False
    spans: list[int] = field(default_factory=list)

    def summary(self, names: Names | None = None) -> str:
        words = {"count": self.count, "other": names("incident", self.other_id) if names else self.other_id}
        if self.undone:
            return (
                ngettext(
                    "Split undone: %(count)s alert is back from %(other)s",
                    "Split undone: %(count)s alerts are back from %(other)s",
                    self.count,
                )
                % words
            )
        return (
            ngettext(
                "%(count)s alert came from %(other)s", "%(count)s alerts came from %(other)s", self.count
            )
            % words
        )


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
