"""Escalation policies: which step comes next, whom it reaches, when the one after it is due.

Pure: the caller says who a target reaches at an instant (`Reach`) and gets back what to page and when to come
again. A running escalation holds the document it was started with, so that editing a policy changes no page
that is under way.

One call of `advance` at a due instant:

1. Past the last step, the policy starts over as often as it repeats, then it is exhausted.
2. A step that is not for this priority is skipped. Outside its hours it waits for them or is skipped, as it
   says; hours don't bind the priorities they exempt (P1 and P2 by default).
3. A step that reaches nobody falls through to the next at once, and that is reported.
4. Otherwise its recipients are paged, and the next step is due after its delay.

A repetition in which nobody at all was reached waits as long as the steps would have taken: somebody may come
on call meanwhile, and asking again at once would only spin.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from firstline.catalog.calendar import Calendar, NeverOpens, is_open, next_opening
from firstline.oncall.rotation import Window, active, next_active

TargetKind = Literal["person", "group", "schedule", "lead", "webhook", "channel"]
LEAST_PAUSE = timedelta(minutes=5)


class Target(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Whom a step pages. `group` is its on-call people, `lead` its leads; without an id, the incident's own
    group.

    `webhook` and `channel` are sinks and have an `address`.
    """

    kind: TargetKind
    id: int | None = None
    address: str = ""

    def __post_init__(self) -> None:
        if self.kind in ("webhook", "channel"):
            if not self.address:
                raise ValueError("a sink has an address")
        elif self.id is None and self.kind not in ("group", "lead"):
            raise ValueError("name the person or schedule to page")


class Hours(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """When a step may page. `exempt` priorities are paged at any hour."""

    zone: str
    window: Window
    otherwise: Literal["wait", "skip"] = "wait"
    exempt: tuple[int, ...] = (1, 2)

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"unknown time zone {self.zone!r}") from error


class Step(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One step; `delay` is the number of minutes until the next one."""

    targets: tuple[Target, ...]
    delay: int = 15
    priorities: tuple[int, ...] = ()
    hours: Hours | None = None
    round_robin: bool = False
    must_acknowledge: Literal["any", "all"] = "any"

    def __post_init__(self) -> None:
        if self.delay < 1:
            raise ValueError("the next step comes at least a minute later")


class Policy(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The document of a `PolicyVersion`, and the snapshot that an escalation runs.

    `repeat`: how often all steps are gone through again. `ack_timeout`: minutes after which an
    acknowledgement that no work followed counts no more; None is never. `calendar`: set in a snapshot whose
    assignment pages in the group's hours only; steps wait for them.
    """

    steps: tuple[Step, ...]
    repeat: int = 0
    ack_timeout: int | None = None
    calendar: Calendar | None = None

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("a policy has at least one step")
        if not 0 <= self.repeat <= 100:
            raise ValueError("a policy repeats 0 to 100 times")


DEFAULT = Policy(
    steps=(Step(targets=(Target("group"),), delay=15), Step(targets=(Target("lead"),), delay=15)), repeat=1
)
"""Where an installation assigned none: the group's on-call people, then its leads, twice."""


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an escalation stands: the step that comes next, the repetition, whether this one reached anybody.

    `resumes`: how often it went on after an acknowledgement or a snooze.
    """

    step: int = 0
    cycle: int = 0
    reached: bool = False
    resumes: int = 0


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person, or a sink with its address, and because of what (layer, override, group …)."""

    person: int | None
    sink: str = ""
    because: Mapping[str, object] = field(default_factory=dict, hash=False)


Reach = Callable[[Target], Sequence[Recipient]]


@dataclass(frozen=True, slots=True)
class Passed:
    """A step that paged nobody, and why: it reached nobody, or is not for this priority or hour."""

    step: int
    cycle: int
    why: Literal["nobody", "priority", "hours"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What an escalation does now. `next_at` None: it is exhausted."""

    cursor: Cursor
    next_at: datetime | None
    step: int | None = None
    cycle: int = 0
    recipients: tuple[Recipient, ...] = ()
    passed: tuple[Passed, ...] = ()
    turns: Mapping[int, int] = field(default_factory=dict)

    @property
    def exhausted(self) -> bool:
        return self.next_at is None


def advance(
    policy: Policy,
    cursor: Cursor,
    *,
    now: datetime,
    priority: int,
    reach: Reach,
    turns: Mapping[int, int] | None = None,
) -> Advance:
    """What is to be done at `now`, a due instant. `turns`: how often each round-robin step has paged so
    far.
    """
    passed: list[Passed] = []
    while True:
        if cursor.step >= len(policy.steps):
            if cursor.cycle >= policy.repeat:
                return Advance(cursor=cursor, next_at=None, passed=tuple(passed))
            again = Cursor(0, cursor.cycle + 1, resumes=cursor.resumes)
            if not cursor.reached and passed:
                return Advance(cursor=again, next_at=now + _pause(policy), passed=tuple(passed))
            cursor = again
            continue
        opens = _hours(policy, policy.steps[cursor.step], now, priority)
        if isinstance(opens, datetime):
            return Advance(cursor=cursor, next_at=opens, passed=tuple(passed))
        step = policy.steps[cursor.step]
        why: Literal["nobody", "priority", "hours"] | None = opens
        recipients: tuple[Recipient, ...] = ()
        moved: Mapping[int, int] = {}
        if why is None:
            recipients, moved = _recipients(step, cursor.step, reach, turns or {})
            why = None if recipients else "nobody"
        reached = cursor.reached or bool(recipients)
        following = Cursor(cursor.step + 1, cursor.cycle, reached, cursor.resumes)
        if why is None:
            return Advance(
                cursor=following,
                next_at=now + timedelta(minutes=step.delay),
                step=cursor.step,
                cycle=cursor.cycle,
                recipients=recipients,
                passed=tuple(passed),
                turns=moved,
            )
        passed.append(Passed(cursor.step, cursor.cycle, why))
        cursor = following


def all_acknowledged(step: Step, owed: Sequence[int], acknowledged: Sequence[int]) -> bool:
    """Whether what the people paged have answered ends the step: one of them, or each where all must."""
    answered = set(acknowledged)
    if step.must_acknowledge == "all" and owed:
        return set(owed) <= answered
    return bool(answered)


def resumed(cursor: Cursor) -> Cursor:
    """Where an escalation goes on after an acknowledgement that no work followed: the step last paged,
    again.
    """
    return Cursor(max(cursor.step - 1, 0), cursor.cycle, cursor.reached, cursor.resumes + 1)


def _pause(policy: Policy) -> timedelta:
    return max(LEAST_PAUSE, timedelta(minutes=sum(step.delay for step in policy.steps)))


def _hours(
    policy: Policy, step: Step, now: datetime, priority: int
) -> datetime | Literal["priority", "hours"] | None:
    """None: the step may page now. An instant: it waits until then. Otherwise why it is skipped."""
    if step.priorities and priority not in step.priorities:
        return "priority"
    if policy.calendar is not None and not is_open(policy.calendar, now):
        try:
            return next_opening(policy.calendar, now)
        except NeverOpens:
            return None  # hours that never come must not silence a page
    hours = step.hours
    if hours is None or priority in hours.exempt:
        return None
    zone = ZoneInfo(hours.zone)
    if active(hours.window, zone, now):
        return None
    return "hours" if hours.otherwise == "skip" else next_active(hours.window, zone, now)


def _recipients(
    step: Step, number: int, reach: Reach, turns: Mapping[int, int]
) -> tuple[tuple[Recipient, ...], Mapping[int, int]]:
    """Whom the step pages; in a round robin the first in turn that reaches anybody."""
    if not step.round_robin:
        return _once([found for target in step.targets for found in reach(target)]), {}
    done = turns.get(number, 0)
    for k in range(len(step.targets)):
        found = _once(list(reach(step.targets[(done + k) % len(step.targets)])))
        if found:
            return found, {number: done + k + 1}
    return (), {}


def _once(recipients: list[Recipient]) -> tuple[Recipient, ...]:
    """Nobody is paged twice by one step; the first reason stays."""
    seen: dict[tuple[int | None, str], Recipient] = {}
    for recipient in recipients:
        seen.setdefault((recipient.person, recipient.sink), recipient)
    return tuple(seen.values())
