"""An incident's state in the words of somebody who reports twice a year. Pure."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Status:
    """`text` in one sentence, `tone` of its sign, `turn`: it is the caller who is waited for."""

    text: str
    tone: str = "info"
    turn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the sentence depends on."""

    state: str
    hold_reason: str = ""
    group: str = ""
    closed_how: str = ""
    cancel_reason: str = ""
    merged: bool = False
    is_caller: bool = True
    look_again_at: datetime | None = None


_HELD = {
    "scheduled": lambda: _("It waits for the agreed time."),
    "vendor": lambda: _("It waits for a supplier."),
    "change": lambda: _("It waits for a planned change."),
    "problem": lambda: _("It waits until the cause is removed."),
}
_CLOSED = {
    "caller": lambda: _("Closed: it was confirmed as fixed."),
    "on_behalf": lambda: _("Closed: it was confirmed by phone."),
    "no_answer": lambda: _("Closed: it was resolved, and nobody objected."),
    "no_caller": lambda: _("Closed: it was resolved."),
}
_CANCELLED = {
    "withdrawn": lambda: _("Closed: it was withdrawn."),
    "false_alarm": lambda: _("Closed: it was a false alarm."),
    "not_an_incident": lambda: _("Closed: it goes on as something else."),
}


def status(facts: Facts) -> Status:
    """What the caller reads as the present state."""
    if facts.merged:
        return Status(_("It is the same as another report; you hear everything from there."))
    if facts.state == "on_hold":
        if facts.hold_reason == "caller" and facts.is_caller:
            return Status(_("We need something from you."), "warn", turn=True)
        return Status(_HELD.get(facts.hold_reason, lambda: _("It waits."))())
    if facts.state == "resolved":
        if facts.is_caller:
            return Status(_("We think it is fixed. Does it work for you?"), "good", turn=True)
        return Status(_("We think it is fixed."), "good")
    if facts.state == "closed":
        return Status(_CLOSED.get(facts.closed_how, lambda: _("Closed."))(), "good")
    if facts.state == "cancelled":
        return Status(_CANCELLED.get(facts.cancel_reason, lambda: _("Closed."))())
    if facts.state == "in_progress":
        return Status(_("Somebody is working on it."))
    if facts.group:
        return Status(_("Received. %(group)s has it.") % {"group": facts.group})
    return Status(_("Received. It waits for somebody to take it."))
