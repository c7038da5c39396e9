"""What other rules would make of the same alerts: pure, for dry runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from firstline.intake.correlation import Arrival, Decision, correlate
from firstline.intake.grounds import Key, Rule


@dataclass(frozen=True, slots=True)
class Moved:
    """An alert that would be with others than now: with how many, and by which reason it would be there."""

    place: int
    before: Decision
    after: Decision
    left: int
    met: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Incidents by the rules in force and by the others; alerts that would move, in the order of their arrival."""

    before: int
    after: int
    largest_before: int
    largest_after: int
    moved: tuple[Moved, ...]
    decided: tuple[Decision, ...]


def difference(
    arrivals: Sequence[Arrival], present: Sequence[Rule], other: Sequence[Rule], frequency: Mapping[Key, int]
) -> Difference:
    """Both lists of rules over the same alerts, each from nothing. An alert moves when its companions differ."""
    before = correlate(arrivals, [], present, frequency=frequency)
    after = correlate(arrivals, [], other, frequency=frequency)
    old, new = companions(before), companions(after)
    moved = []
    counted: dict[tuple[int, int], tuple[int, int]] = {}
    for place, (was, would) in enumerate(zip(before, after, strict=True)):
        pair = was.incident, would.incident
        if pair not in counted:
            there, here = old[was.incident], new[would.incident]
            counted[pair] = len(there - here), len(here - there)
        if any(counted[pair]):
            moved.append(Moved(place, was, would, *counted[pair]))
    return Difference(
        before=len(old),
        after=len(new),
        largest_before=max(map(len, old.values()), default=0),
        largest_after=max(map(len, new.values()), default=0),
        moved=tuple(moved),
        decided=tuple(after),
    )


def companions(decisions: Iterable[Decision]) -> dict[int, frozenset[int]]:
    """The places of the alerts of each incident."""
    found: dict[int, set[int]] = {}
    for place, decision in enumerate(decisions):
        found.setdefault(decision.incident, set()).add(place)
    return {incident: frozenset(places) for incident, places in found.items()}
