"""What two runs over one stretch of the inbox differ in: alerts, incidents, pages. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

Identity = tuple[str, str, datetime]  # source, key, first signal of the stretch


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch of an alert as a run left it; `incident`: the run's own number, None where it has none."""

    identity: Identity
    title: str
    count: int
    severity: str
    muted: bool
    incident: int | None


@dataclass(frozen=True, slots=True)
class Paged:
    """Somebody who is paged at once for an incident, if nobody answers."""

    incident: int
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. `titles`: of incidents, by their number in the run."""

    rows: int
    failed: int
    stretches: tuple[Stretch, ...]
    titles: Mapping[int, str]
    priorities: Mapping[int, int | None]
    pages: tuple[Paged, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """An alert that is with others after than before."""

    stretch: Stretch
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference. Incidents are the same when they hold the same alerts."""

    alerts: tuple[int, int]
    muted: tuple[int, int]
    incidents: tuple[int, int]
    pages: tuple[int, int]
    failed: tuple[int, int]
    only_before: tuple[Stretch, ...]
    only_after: tuple[Stretch, ...]
    moved: tuple[Moved, ...]
    newly_muted: tuple[Stretch, ...]
    no_longer_muted: tuple[Stretch, ...]
    pages_gone: tuple[tuple[str, str], ...]
    pages_new: tuple[tuple[str, str], ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        lists = (
            self.only_before, self.only_after, self.moved, self.newly_muted, self.no_longer_muted,
            self.pages_gone, self.pages_new,
        )  # fmt: skip
        return not any(lists) and self.failed[0] == self.failed[1]


def compare(before: Outcome, after: Outcome) -> Comparison:
    """What differs between two runs over the same rows."""
    old = {each.identity: each for each in before.stretches}
    new = {each.identity: each for each in after.stretches}
    both = [(each, new[identity]) for identity, each in old.items() if identity in new]
    was, would = _companions(before.stretches), _companions(after.stretches)
    gone, more = _pages(before, was), _pages(after, would)
    return Comparison(
        alerts=(len(old), len(new)),
        muted=(_muted(before), _muted(after)),
        incidents=(len(was), len(would)),
        pages=(len(before.pages), len(after.pages)),
        failed=(before.failed, after.failed),
        only_before=tuple(each for identity, each in old.items() if identity not in new),
        only_after=tuple(each for identity, each in new.items() if identity not in old),
        moved=tuple(
            Moved(b, _title(before, a), _title(after, b))
            for a, b in both
            if was.get(a.incident, frozenset()) != would.get(b.incident, frozenset())
        ),
        newly_muted=tuple(b for a, b in both if b.muted and not a.muted),
        no_longer_muted=tuple(b for a, b in both if a.muted and not b.muted),
        pages_gone=tuple(sorted(text for key, text in gone.items() if key not in more)),
        pages_new=tuple(sorted(text for key, text in more.items() if key not in gone)),
    )


def _companions(stretches: Iterable[Stretch]) -> dict[int | None, frozenset[Identity]]:
    found: dict[int | None, set[Identity]] = {}
    for each in stretches:
        if each.incident is not None:
            found.setdefault(each.incident, set()).add(each.identity)
    return {incident: frozenset(members) for incident, members in found.items()}


def _muted(outcome: Outcome) -> int:
    return sum(1 for each in outcome.stretches if each.muted)


def _title(outcome: Outcome, stretch: Stretch) -> str:
    return outcome.titles.get(stretch.incident, "") if stretch.incident is not None else ""


def _pages(
    outcome: Outcome, companions: Mapping[int | None, frozenset[Identity]]
) -> dict[tuple[str, Identity | None], tuple[str, str]]:
    """Pages by who and the first alert of the incident: an incident that merely grew pages nobody anew."""
    found = {}
    for page in outcome.pages:
        members = companions.get(page.incident, frozenset())
        first = min(members, key=lambda identity: (identity[2], identity[:2]), default=None)
        found[page.who, first] = (page.who, outcome.titles.get(page.incident, ""))
    return found
