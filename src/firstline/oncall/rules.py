"""How one person is paged: through which of their contact methods, when, and not in their quiet hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from firstline.oncall.rotation import Window, active, openings

Urgency = Literal["high", "low"]


@dataclass(frozen=True, slots=True)
class Method:
    """A verified way to reach a person. `id` None: the address of their account."""

    id: int | None
    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class Rule:
    """For this urgency, through this method, so many minutes after the page."""

    urgency: Urgency
    method: Method
    delay: int


@dataclass(frozen=True, slots=True)
class Quiet:
    """Local times between which low urgency waits."""

    zone: str
    window: Window


@dataclass(frozen=True, slots=True)
class Notice:
    """One planned delivery. `fallback`: the methods to try at once, in order, if this one fails."""

    at: datetime
    method: Method
    fallback: tuple[Method, ...] = ()


def urgency_of(priority: int | None) -> Urgency:
    """P1 to P3 are urgent to who is paged; the rest can wait for the morning."""
    return "high" if priority is not None and priority <= 3 else "low"


def plan(
    rules: Sequence[Rule],
    methods: Sequence[Method],
    *,
    urgency: Urgency,
    at: datetime,
    quiet: Quiet | None = None,
) -> list[Notice]:
    """The deliveries of a page made at `at`, in order; empty when the person has no verified method.

    1. The person's rules of this urgency count; without any, high urgency uses all methods at once and low
       urgency the first.
    2. Low urgency in quiet hours starts when they end.
    3. The other methods, in the order of the rules and then of the person, are each delivery's fallback.
    """
    usable = [rule for rule in rules if rule.urgency == urgency and rule.method in methods]
    if not usable:
        chosen = list(methods) if urgency == "high" else list(methods[:1])
        usable = [Rule(urgency, method, 0) for method in chosen]
    if not usable:
        return []
    start = _after_quiet(quiet, at) if urgency == "low" and quiet is not None else at
    usable.sort(key=lambda rule: rule.delay)
    order = list(dict.fromkeys([*(rule.method for rule in usable), *methods]))
    return [
        Notice(
            start + timedelta(minutes=rule.delay),
            rule.method,
            tuple(method for method in order if method != rule.method),
        )
        for rule in usable
    ]


def _after_quiet(quiet: Quiet, at: datetime) -> datetime:
    zone = ZoneInfo(quiet.zone)
    if not active(quiet.window, zone, at):
        return at
    return max(end for start, end in openings(quiet.window, zone, at, at) if start <= at < end)
