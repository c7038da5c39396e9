"""Who is on call: layers, overrides, swaps, and the versions of a schedule.

At each instant:

1. The highest layer with anybody on wins (layers are given low to high); two people of one layer are both on.
2. Overrides apply by ascending rank, then in the order they were made: `replace` puts one person for another
   or, naming none, for everyone; `add` joins; `remove` takes away.
3. A swap that was taken replaces its giver by its taker.

Every answer says because of what it is so.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from firstline.catalog.calendar import wall_instant
from firstline.core.errors import Conflict, Invalid
from firstline.oncall.rotation import Rotation, Window, openings, turns

Kind = Literal["replace", "add", "remove"]


class Shift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch that somebody has by name, in local time: from a calendar file, or written by hand."""

    person: int
    start: datetime
    end: datetime


class Layer(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A rotation or fixed shifts; with windows, only inside them."""

    name: str
    rotation: Rotation | None = None
    shifts: tuple[Shift, ...] = ()
    windows: tuple[Window, ...] = ()


class Schedule(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The document of a `ScheduleVersion`. `layers` from low to high."""

    zone: str
    layers: tuple[Layer, ...] = ()

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"unknown time zone {self.zone!r}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A row of the schedule's overrides. `person` None replaces everyone."""

    id: int
    kind: Kind
    person: int | None
    by: int | None
    start: datetime
    end: datetime
    rank: int = 0

    @property
    def people(self) -> frozenset[int]:
        return frozenset(person for person in (self.person, self.by) if person is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """`giver` asks that somebody has their shifts from `start` to `end`; untaken it changes nothing."""

    id: int
    giver: int
    start: datetime
    end: datetime
    taker: int | None = None


@dataclass(frozen=True, slots=True)
class Because:
    """What puts somebody on call: a layer by name, an override or a swap by id."""

    kind: Literal["layer", "override", "swap"]
    name: str = ""
    id: int | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class OnDuty:
    """`person` is on call in `[start, end)`. `goes_on`: the end is that of the question, not of the duty."""

    person: int
    start: datetime
    end: datetime
    because: Because
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class VersionInForce:
    """A version of a schedule and from when it holds, until the next one."""

    number: int
    valid_from: datetime
    document: Schedule


@dataclass(frozen=True, slots=True)
class Changes:
    """What is laid over the layers."""

    overrides: Sequence[Override] = field(default=())
    swaps: Sequence[Swap] = field(default=())


NO_CHANGES = Changes()
_JUST_AFTER = timedelta(microseconds=1)


def who(schedule: Schedule, start: datetime, end: datetime, changes: Changes = NO_CHANGES) -> list[OnDuty]:
    """Everybody on call in `[start, end)`, clipped to it, in the order of their start, then person."""
    horizon = end + _JUST_AFTER
    zone = ZoneInfo(schedule.zone)
    shifts = [list(_layer_shifts(layer, zone, start, horizon)) for layer in schedule.layers]
    bounds = sorted({start, end, horizon, *_bounds(shifts, changes, start, horizon)})
    pieces = [(a, b, _at(shifts, changes, a)) for a, b in pairwise(bounds)]
    return _join(pieces, end)


def who_at(schedule: Schedule, instant: datetime, changes: Changes = NO_CHANGES) -> list[OnDuty]:
    """Who is on call at one instant; `start` and `end` are those of the smallest answer around it."""
    return who(schedule, instant, instant + _JUST_AFTER, changes)


def who_in_versions(
    versions: Sequence[VersionInForce], start: datetime, end: datetime, changes: Changes = NO_CHANGES
) -> list[OnDuty]:
    """As `who`, each stretch answered by the version that was (or will be) in force then."""
    ordered = sorted(versions, key=lambda version: version.valid_from)
    found: list[OnDuty] = []
    for version, following in zip(ordered, [*ordered[1:], None], strict=True):
        low = max(start, version.valid_from)
        high = min(end, following.valid_from) if following else end
        if low < high:
            for duty in who(version.document, low, high, changes):
                found.append(replace(duty, because=replace(duty.because, version=version.number)))
    return sorted(found, key=lambda duty: (duty.start, duty.person))


def gaps(duties: Iterable[OnDuty], start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """The stretches of `[start, end)` in which nobody is on."""
    found: list[tuple[datetime, datetime]] = []
    reached = start
    for duty in sorted(duties, key=lambda duty: duty.start):
        if duty.start > reached:
            found.append((reached, duty.start))
        reached = max(reached, duty.end)
    return [*found, (reached, end)] if reached < end else found


def check_override(new: Override, existing: Iterable[Override]) -> None:
    """Refuse an override that no order would make sense of.

    Raises `Invalid` for one that ends before it starts or names nobody, and `Conflict`, naming the first,
    when one of the same rank already says something about the same person (or about everyone) at an
    overlapping time.
    """
    if new.end <= new.start:
        raise Invalid("an override ends after it starts", {"end": "must be after the start"})
    if (new.kind == "remove" and new.person is None) or (new.kind != "remove" and new.by is None):
        raise Invalid("an override says who", {"by": "missing"})
    for other in existing:
        if (
            other.id != new.id
            and other.rank == new.rank
            and _overlap(new, other)
            and _same_subject(new, other)
        ):
            raise Conflict(
                f"override {other.id} already changes this from {other.start:%Y-%m-%d %H:%M} "
                f"to {other.end:%Y-%m-%d %H:%M} UTC",
                {"override": other.id},
            )


def take(swap: Swap, taker: int) -> Swap:
    """The swap taken by somebody. Raises `Invalid` for one's own and `Conflict` for one already taken."""
    if taker == swap.giver:
        raise Invalid("nobody can take a swap of their own")
    if swap.taker is not None and swap.taker != taker:
        raise Conflict("somebody else has taken this swap", {"taker": swap.taker})
    return replace(swap, taker=taker)


def _overlap(a: Override, b: Override) -> bool:
    return a.start < b.end and b.start < a.end


def _same_subject(a: Override, b: Override) -> bool:
    everyone = [other.kind == "replace" and other.person is None for other in (a, b)]
    return all(everyone) or not a.people.isdisjoint(b.people)


@dataclass(frozen=True, slots=True)
class _Stretch:
    person: int
    start: datetime
    end: datetime
    because: Because


def _layer_shifts(layer: Layer, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[_Stretch]:
    """A layer's shifts touching `[start, end)`, cut to its windows."""
    because = Because("layer", layer.name)
    windows = [span for window in layer.windows for span in openings(window, zone, start, end)]
    for person, opening, closing in _plain_shifts(layer, zone, start, end):
        if not layer.windows:
            yield _Stretch(person, opening, closing, because)
        for low, high in windows:
            if max(low, opening) < min(high, closing):
                yield _Stretch(person, max(low, opening), min(high, closing), because)


def _plain_shifts(
    layer: Layer, zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[tuple[int, datetime, datetime]]:
    if layer.rotation is not None:
        for turn in turns(layer.rotation, zone, start, end):
            if turn.person is not None and turn.start < end and turn.end > start:
                yield turn.person, turn.start, turn.end
    for shift in layer.shifts:
        opening, closing = _instant(zone, shift.start), _instant(zone, shift.end)
        if opening < end and closing > start:
            yield shift.person, opening, closing


def _instant(zone: ZoneInfo, at: datetime) -> datetime:
    return at if at.tzinfo is not None else wall_instant(zone, at)


def _bounds(
    shifts: list[list[_Stretch]], changes: Changes, start: datetime, end: datetime
) -> Iterator[datetime]:
    spans = [(part.start, part.end) for layer in shifts for part in layer]
    spans += [(override.start, override.end) for override in changes.overrides]
    spans += [(swap.start, swap.end) for swap in changes.swaps]
    for opening, closing in spans:
        for instant in (opening, closing):
            if start < instant < end:
                yield instant


def _at(shifts: list[list[_Stretch]], changes: Changes, instant: datetime) -> dict[int, Because]:
    """Who is on at an instant and because of what."""
    on: dict[int, Because] = {}
    for layer in reversed(shifts):
        on = {part.person: part.because for part in layer if part.start <= instant < part.end}
        if on:
            break
    for override in sorted(changes.overrides, key=lambda override: (override.rank, override.id)):
        if override.start <= instant < override.end:
            on = _overridden(on, override)
    for swap in changes.swaps:
        if swap.taker is not None and swap.start <= instant < swap.end and swap.giver in on:
            on = {person: why for person, why in on.items() if person != swap.giver}
            on[swap.taker] = Because("swap", id=swap.id)
    return on


def _overridden(on: dict[int, Because], override: Override) -> dict[int, Because]:
    because = Because("override", id=override.id)
    everyone = override.kind == "replace" and override.person is None
    if override.kind == "replace" and not everyone and override.person not in on:
        return on
    left = {} if everyone else {person: why for person, why in on.items() if person != override.person}
    if override.kind == "remove" or override.by is None:
        return left
    if override.kind == "add" and override.by in on:
        return on
    return {**left, override.by: because}


def _join(pieces: list[tuple[datetime, datetime, dict[int, Because]]], end: datetime) -> list[OnDuty]:
    """Adjacent stretches of the same person and reason made one; the piece after `end` only says who goes
    on.
    """
    found: list[OnDuty] = []
    current: dict[tuple[int, Because], OnDuty] = {}
    for start, stop, on in pieces:
        following: dict[tuple[int, Because], OnDuty] = {}
        for person, because in on.items():
            before = current.get((person, because))
            if start >= end:
                if before is not None:
                    following[person, because] = replace(before, goes_on=True)
                continue
            opened = before.start if before is not None else start
            following[person, because] = OnDuty(person, opened, stop, because)
        found.extend(duty for key, duty in current.items() if key not in following)
        current = following
    found.extend(current.values())
    return sorted(found, key=lambda duty: (duty.start, duty.person))
