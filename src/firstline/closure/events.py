"""What happens between *resolved* and *closed*. Closing and reopening themselves are incidents' events."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.utils.translation import gettext as _

from firstline.core.event_log import Names
from firstline.incidents.events import IncidentEvent


@dataclass(frozen=True, kw_only=True)
class ConfirmationAsked(IncidentEvent):
    """`close_at`: when silence closes it, None when only a person does."""

    verb: ClassVar[str] = "confirmation_asked"
    confirmation_id: int
    close_at: datetime | None = None
    asked: int = 0

    def summary(self, names: Names | None = None) -> str:
        if not self.asked:
            return _("Nobody to ask whether it is fixed")
        return _("Asked whether it is fixed")


@dataclass(frozen=True, kw_only=True)
class CallerReminded(IncidentEvent):
    verb: ClassVar[str] = "caller_reminded"
    confirmation_id: int

    def summary(self, names: Names | None = None) -> str:
        return _("Reminded the caller to confirm")


@dataclass(frozen=True, kw_only=True)
class CallerConfirmed(IncidentEvent):
    """The caller said *fixed*, or an agent recorded that they did (`on_behalf`)."""

    verb: ClassVar[str] = "confirmed"
    confirmation_id: int
    on_behalf: bool = False

    def summary(self, names: Names | None = None) -> str:
        return _("Confirmed on the caller's behalf") if self.on_behalf else _("The caller confirmed: fixed")


@dataclass(frozen=True, kw_only=True)
class CallerObjected(IncidentEvent):
    verb: ClassVar[str] = "objected"
    confirmation_id: int
    on_behalf: bool = False

    def summary(self, names: Names | None = None) -> str:
        if self.on_behalf:
            return _("Still broken, recorded on the caller's behalf")
        return _("The caller said: still broken")


@dataclass(frozen=True, kw_only=True)
class AffectedAnswered(IncidentEvent):
    """Somebody else who is affected answered. Their *still broken* stops auto-close; it does not reopen."""

    verb: ClassVar[str] = "affected_answered"
    person_id: int
    answer: str

    def summary(self, names: Names | None = None) -> str:
        who = names("person", self.person_id) if names else f"person {self.person_id}"
        if self.answer == "still_broken":
            return _("%(who)s, who is affected too, said: still broken") % {"who": who}
        return _("%(who)s, who is affected too, said: fixed") % {"who": who}


@dataclass(frozen=True, kw_only=True)
class Rated(IncidentEvent):
    verb: ClassVar[str] = "rated"
    rating: int

    def summary(self, names: Names | None = None) -> str:
        return _("Rated %(n)s of 5") % {"n": self.rating}
