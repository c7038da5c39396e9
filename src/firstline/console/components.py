"""The values that components show. A page fills them from queries; the template tags turn them into HTML."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils.translation import gettext as _

from firstline.console import wording


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    MISSED = "missed"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A target as it is shown.

    `due_at` and `risk_at` (from which it is in danger) are instants of a running clock;
    `length` is how long it took (met, missed) or how much is left (paused)."""

    state: ClockState = ClockState.NONE
    from_at: datetime | None = None
    due_at: datetime | None = None
    risk_at: datetime | None = None
    length: timedelta | None = None
    used: float = 0.0
    label: str = ""

    def tone(self, now: datetime) -> str:
        """The class: ok, risk, late, held or none."""
        if self.state is ClockState.RUNNING and self.due_at is not None:
            if now > self.due_at:
                return "late"
            return "risk" if self.risk_at is not None and now >= self.risk_at else "ok"
        return {ClockState.MET: "ok", ClockState.MISSED: "late", ClockState.PAUSED: "held"}.get(
            self.state, "none"
        )

    def words(self, now: datetime) -> str:
        """What it says: "41 min left", "12 min over", "paused", "met in 16 min"."""
        if self.state is ClockState.RUNNING and self.due_at is not None:
            text = wording.duration(self.due_at - now)
            return (_("{time} over") if now > self.due_at else _("{time} left")).format(time=text)
        length = wording.duration(self.length) if self.length is not None else ""
        if self.state is ClockState.PAUSED:
            return _("paused")
        if self.state is ClockState.MET:
            return _("met in {time}").format(time=length) if length else _("met")
        if self.state is ClockState.MISSED:
            return _("missed by {time}").format(time=length) if length else _("missed")
        return _("no target")

    def hint(self) -> str:
        """What more there is to say, as a title."""
        if self.state is ClockState.PAUSED and self.length is not None:
            return _("{time} left when it goes on").format(time=wording.duration(self.length))
        return ""

    def percent(self, now: datetime) -> int:
        """How much of the target is used, 0 to 100: by instants while it runs, as stored otherwise."""
        if self.state is ClockState.RUNNING and self.due_at and self.from_at and self.due_at > self.from_at:
            part = (now - self.from_at) / (self.due_at - self.from_at)
        else:
            part = self.used
        return max(0, min(100, int(part * 100)))


@dataclass(frozen=True, kw_only=True)
class Face:
    """Somebody or something that acts: a person, a group (dashed), a machine (square)."""

    name: str
    id: int | None = None
    kind: str = "person"  # person, group, machine, nobody

    @property
    def initials(self) -> str:
        return wording.initials(self.name)

    @property
    def hue(self) -> int:
        return wording.hue(self.id)


@dataclass(frozen=True, kw_only=True)
class Tab:
    label: str
    href: str
    current: bool = False
    count: int | None = None
    hot: bool = False


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A condition in force; `without` is the address of the list without it."""

    label: str
    without: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place of the rail. `wide`: not in the bar of a phone, but under its "More"."""

    key: str
    label: str
    href: str
    icon: str
    wide: bool = False
    count: int | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """Neighbours of a page of a list."""

    newer: str = ""
    older: str = ""
    shown: int = 0
    total: int | None = None
