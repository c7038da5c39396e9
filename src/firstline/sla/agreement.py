"""Agreements: which one an incident falls under, and what it promises.

The document of an `AgreementVersion`. Agreements are tried in their order; the first whose conditions all
match wins, and the match says by which of them, so that the incident's log can.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from firstline.catalog.calendar import Calendar, add_working_days, working_time

Target = Literal["response", "resolution", "next_update", "group"]
PAUSES_BY_DEFAULT = ("caller", "scheduled")
WARN_BY_DEFAULT = (75, 90)


class Duration(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Working minutes or working days, explicitly one or the other: a day of an 8-hour calendar is not 24
    hours.
    """

    minutes: int | None = None
    days: int | None = None

    def __post_init__(self) -> None:
        given = [amount for amount in (self.minutes, self.days) if amount is not None]
        if len(given) != 1 or given[0] <= 0:
            raise ValueError("a duration is a positive number of working minutes or of working days")


class Promise(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Targets for one priority; None promises nothing. `group`: how long one group may hold it (OLA)."""

    response: Duration | None = None
    resolution: Duration | None = None
    next_update: Duration | None = None
    group: Duration | None = None


class Conditions(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """All that are given must hold; an empty list or None asks nothing. Lists hold ids or names."""

    services: tuple[int, ...] = ()
    priorities: tuple[int, ...] = ()
    categories: tuple[int, ...] = ()
    units: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    channels: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    vip: bool | None = None
    major: bool | None = None


class Agreement(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is promised, in which hours, and what may stop the clock.

    `promises` by priority ("1" … "5"; "*" for any other). `calendar` is a business calendar's id, None is
    24×7. `pauses`: the reasons of a hold during which resolution stands still. `warn`: per cent of the
    target.
    """

    promises: dict[str, Promise]
    conditions: Conditions = Conditions()
    calendar: int | None = None
    pauses: tuple[str, ...] = PAUSES_BY_DEFAULT
    warn: tuple[int, ...] = WARN_BY_DEFAULT
    on_change: Literal["retroactive", "from_now"] = "retroactive"

    def __post_init__(self) -> None:
        for priority in self.promises:
            if priority != "*" and not (priority.isdigit() and int(priority) >= 1):
                raise ValueError(f"{priority!r} is neither a priority nor '*'")
        if any(not 0 < share < 100 for share in self.warn):
            raise ValueError("warn points lie between 0 and 100 per cent")

    def promise(self, priority: int | None) -> Promise:
        """What holds for a priority."""
        return self.promises.get(str(priority)) or self.promises.get("*") or Promise()

    def target(self, target: Target, priority: int | None) -> Duration | None:
        duration: Duration | None = getattr(self.promise(priority), target)
        return duration

    def shares(self) -> tuple[float, ...]:
        """Warn points as shares of the target."""
        return tuple(share / 100 for share in sorted(self.warn))


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What agreements look at. `categories`: the category's id and those of its ancestors."""

    service: int | None = None
    priority: int | None = None
    categories: tuple[int, ...] = ()
    unit: int | None = None
    group: int | None = None
    channel: str = ""
    kind: str = "incident"
    vip: bool = False
    major: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version of an agreement, in the order in which they are tried."""

    agreement_id: int
    version_id: int
    document: Agreement


@dataclass(frozen=True, slots=True)
class Match:
    """The agreement that won and the names of the conditions that it asked."""

    candidate: Candidate
    conditions: tuple[str, ...]


def choose(candidates: Iterable[Candidate], facts: Facts) -> Match | None:
    """The first candidate whose conditions match; None when none does."""
    for candidate in candidates:
        asked = matched(candidate.document.conditions, facts)
        if asked is not None:
            return Match(candidate, asked)
    return None


def matched(conditions: Conditions, facts: Facts) -> tuple[str, ...] | None:
    """The conditions that were asked, if all of them hold; None as soon as one does not."""
    checks: tuple[tuple[str, bool, bool], ...] = (
        ("services", bool(conditions.services), facts.service in conditions.services),
        ("priorities", bool(conditions.priorities), facts.priority in conditions.priorities),
        (
            "categories",
            bool(conditions.categories),
            not set(conditions.categories).isdisjoint(facts.categories),
        ),
        ("units", bool(conditions.units), facts.unit in conditions.units),
        ("groups", bool(conditions.groups), facts.group in conditions.groups),
        ("channels", bool(conditions.channels), facts.channel in conditions.channels),
        ("kinds", bool(conditions.kinds), facts.kind in conditions.kinds),
        ("vip", conditions.vip is not None, facts.vip is conditions.vip),
        ("major", conditions.major is not None, facts.major is conditions.major),
    )
    asked = [(name, holds) for name, given, holds in checks if given]
    return tuple(name for name, _ in asked) if all(holds for _, holds in asked) else None


def working_amount(duration: Duration, calendar: Calendar, start: datetime) -> timedelta:
    """A duration as working time from `start`, which is how it is kept: days become what they amount to
    there.

    Raises `NeverOpens` when the calendar runs out of openings.
    """
    if duration.minutes is not None:
        return timedelta(minutes=duration.minutes)
    assert duration.days is not None
    return working_time(calendar, start, add_working_days(calendar, start, duration.days))


DEFAULT = Agreement(
    promises={
        "1": Promise(response=Duration(minutes=15), resolution=Duration(minutes=4 * 60)),
        "2": Promise(response=Duration(minutes=30), resolution=Duration(minutes=8 * 60)),
        "3": Promise(response=Duration(minutes=4 * 60), resolution=Duration(minutes=24 * 60)),
        "4": Promise(response=Duration(minutes=8 * 60), resolution=Duration(minutes=3 * 24 * 60)),
        "5": Promise(response=Duration(minutes=24 * 60), resolution=Duration(minutes=5 * 24 * 60)),
    }
)
"""What an installation promises until somebody says otherwise: 24×7, because it knows no office hours yet."""
