"""What agreements and clocks do to an incident."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from firstline.core.event_log import DomainEvent, Names


def target_name(target: str) -> str:
    return {
        "response": _("response"),
        "resolution": _("resolution"),
        "next_update": _("next update"),
        "group": _("time in the group"),
    }.get(target, target)


@dataclass(frozen=True, kw_only=True)
class ClockEvent(DomainEvent):
    subject_type: ClassVar[str] = "incident"


@dataclass(frozen=True, kw_only=True)
class AgreementApplied(ClockEvent):
    """From here this version holds. `targets`: {target: working seconds}; `why`: the conditions that
    matched.
    """

    verb: ClassVar[str] = "agreement_applied"
    agreement_id: int | None
    version_id: int | None
    calendar_version_id: int | None
    priority: int | None
    targets: Mapping[str, float] = field(default_factory=dict)
    retroactive: bool = True

    def summary(self, names: Names | None = None) -> str:
        if self.agreement_id is None:
            return _("No agreement applies")
        name = names("agreement", self.agreement_id) if names else f"agreement {self.agreement_id}"
        return _("Agreement %(name)s applies") % {"name": name}


@dataclass(frozen=True, kw_only=True)
class TargetWarned(ClockEvent):
    """`share` of the target is used up. `told`: the people who were told of it."""

    verb: ClassVar[str] = "target_warned"
    target: str
    share: float
    due_at: Any = None
    told: list[int] = field(default_factory=list)

    def summary(self, names: Names | None = None) -> str:
        return _("%(share)s %% of the target for %(target)s is used up") % {
            "share": round(self.share * 100),
            "target": target_name(self.target),
        }


@dataclass(frozen=True, kw_only=True)
class TargetBreached(ClockEvent):
    """`occurred_at` is the instant at which the target was passed, whatever the delay of the engine."""

    verb: ClassVar[str] = "target_breached"
    target: str
    due_at: Any = None
    told: list[int] = field(default_factory=list)

    def summary(self, names: Names | None = None) -> str:
        return _("The target for %(target)s was missed") % {"target": target_name(self.target)}


@dataclass(frozen=True, kw_only=True)
class BreachSuperseded(ClockEvent):
    """A longer target holds now, so that this breach no longer counts; that it happened stays in the log."""

    verb: ClassVar[str] = "breach_superseded"
    target: str
    breached_at: Any = None

    def summary(self, names: Names | None = None) -> str:
        return _("The missed target for %(target)s is replaced by a longer one") % {
            "target": target_name(self.target)
        }


@dataclass(frozen=True, kw_only=True)
class LoweredLate(ClockEvent):
    """The priority was lowered after three quarters of the target had gone: worth a look."""

    verb: ClassVar[str] = "lowered_late"
    share: float

    def summary(self, names: Names | None = None) -> str:
        return _("Priority lowered with %(share)s %% of the target used up") % {
            "share": round(self.share * 100)
        }
