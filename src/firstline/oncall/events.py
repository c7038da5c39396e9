"""What paging does to an incident."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from firstline.core.event_log import DomainEvent, Names


def _people(names: Names | None, ids: list[int]) -> str:
    if not ids:
        return _("nobody")
    return ", ".join(names("person", id) if names else f"person {id}" for id in ids)


@dataclass(frozen=True, kw_only=True)
class OncallEvent(DomainEvent):
    subject_type: ClassVar[str] = "incident"


@dataclass(frozen=True, kw_only=True)
class EscalationStarted(OncallEvent):
    """`policy_id` None is the built-in policy; `why`: which assignment chose it."""

    verb: ClassVar[str] = "escalation_started"
    escalation_id: int
    policy_id: int | None
    priority: int

    def summary(self, names: Names | None = None) -> str:
        return _("Escalation started for P%(priority)s") % {"priority": self.priority}


@dataclass(frozen=True, kw_only=True)
class StepPaged(OncallEvent):
    """A step paged people. `why`: {person or sink: because of what}."""

    verb: ClassVar[str] = "step_paged"
    escalation_id: int
    step: int
    cycle: int = 0
    people: list[int] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)

    def summary(self, names: Names | None = None) -> str:
        return _("Step %(step)s paged %(people)s") % {
            "step": self.step + 1,
            "people": _people(names, self.people) if self.people else _("a channel"),
        }


@dataclass(frozen=True, kw_only=True)
class StepPassed(OncallEvent):
    """A step paged nobody: it reached nobody, or is not for this priority or hour. `unreachable`: people
    without a verified way to be reached."""

    verb: ClassVar[str] = "step_passed"
    escalation_id: int
    step: int
    cycle: int = 0
    reason: str = "nobody"
    unreachable: list[int] = field(default_factory=list)

    def summary(self, names: Names | None = None) -> str:
        number = {"step": self.step + 1}
        if self.reason == "nobody":
            return _("Step %(step)s reached nobody") % number
        if self.reason == "priority":
            return _("Step %(step)s is not for this priority") % number
        return _("Step %(step)s is not for this hour") % number


@dataclass(frozen=True, kw_only=True)
class PageAnswered(OncallEvent):
    """`answer`: acknowledged or declined. `again`: it had been before."""

    verb: ClassVar[str] = "page_answered"
    page_id: int
    person_id: int
    answer: str
    again: bool = False

    def summary(self, names: Names | None = None) -> str:
        who = {"who": _people(names, [self.person_id])}
        if self.answer == "declined":
            return _("%(who)s declined the page") % who
        if self.again:
            return _("%(who)s acknowledged again") % who
        return _("%(who)s acknowledged the page") % who


@dataclass(frozen=True, kw_only=True)
class EscalationAcknowledged(OncallEvent):
    verb: ClassVar[str] = "escalation_acknowledged"
    escalation_id: int
    person_id: int | None

    def summary(self, names: Names | None = None) -> str:
        people = [self.person_id] if self.person_id is not None else []
        return _("Escalation stopped: acknowledged by %(who)s") % {"who": _people(names, people)}


@dataclass(frozen=True, kw_only=True)
class EscalationResumed(OncallEvent):
    """`reason`: no_work (no work followed the acknowledgement), snooze_over, changed (more is known than when
    it was acknowledged)."""

    verb: ClassVar[str] = "escalation_resumed"
    escalation_id: int
    reason: str

    def summary(self, names: Names | None = None) -> str:
        return {
            "no_work": _("Escalation goes on: no work followed the acknowledgement"),
            "snooze_over": _("Escalation goes on: the snooze is over"),
            "changed": _("Escalation goes on: more is known than when it was acknowledged"),
        }.get(self.reason, _("Escalation goes on"))


@dataclass(frozen=True, kw_only=True)
class EscalationSnoozed(OncallEvent):
    verb: ClassVar[str] = "escalation_snoozed"
    escalation_id: int
    until: Any

    def summary(self, names: Names | None = None) -> str:
        return _("Escalation snoozed")


@dataclass(frozen=True, kw_only=True)
class EscalationExhausted(OncallEvent):
    """The policy's last step has passed and nobody answered. `told`: who was told of that."""

    verb: ClassVar[str] = "escalation_exhausted"
    escalation_id: int
    told: list[int] = field(default_factory=list)

    def summary(self, names: Names | None = None) -> str:
        return _("Nobody answered; told: %(who)s") % {"who": _people(names, self.told)}


@dataclass(frozen=True, kw_only=True)
class EscalationEnded(OncallEvent):
    """`reason`: resolved, cancelled, merged, closed, replaced (another priority or group). `told`: who was
    paged before and was told that it is over."""

    verb: ClassVar[str] = "escalation_ended"
    escalation_id: int
    reason: str
    told: list[int] = field(default_factory=list)

    def summary(self, names: Names | None = None) -> str:
        return _("Escalation ended: %(reason)s") % {"reason": _reason(self.reason)}


@dataclass(frozen=True, kw_only=True)
class ResponderAdded(OncallEvent):
    verb: ClassVar[str] = "responder_added"
    person_id: int
    page_id: int

    def summary(self, names: Names | None = None) -> str:
        return _("%(who)s was asked to help") % {"who": _people(names, [self.person_id])}


@dataclass(frozen=True, kw_only=True)
class PageFailed(OncallEvent):
    """No channel took a page."""

    verb: ClassVar[str] = "page_failed"
    page_id: int
    person_id: int | None = None
    channels: list[str] = field(default_factory=list)

    def summary(self, names: Names | None = None) -> str:
        people = [self.person_id] if self.person_id is not None else []
        return _("The page did not reach %(who)s") % {"who": _people(names, people)}


@dataclass(frozen=True, kw_only=True)
class PageLate(OncallEvent):
    """The auditor found that a page went out too late or not at all."""

    verb: ClassVar[str] = "page_late"
    finding: str
    due_at: Any = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def summary(self, names: Names | None = None) -> str:
        return _("The auditor found a page missing or late")


def _reason(reason: str) -> str:
    return {
        "resolved": _("the incident is resolved"),
        "cancelled": _("the incident is cancelled"),
        "closed": _("the incident is closed"),
        "merged": _("the incident is merged into another"),
        "replaced": _("priority or group changed"),
        "queue": _("this priority only queues"),
    }.get(reason, reason)
