"""Which rules mute an alert, and why each: pure. What is muted stays an alert; it opens and joins nothing.

The kinds of rules: *suppression* (this is known, until then), *maintenance* (a window, once or recurring; a change
while it is being implemented, inside its planned window, is one for its items), *inhibition* (another alert that is
open says the same better), *dependency* (what the service needs is down), *flapping* (an alert that comes and goes is
held as one) and *threshold* (so many signals before it counts). The floor of a source is a reason as well. None of
them means a security signal unless it says so (`Match.security`); reports of people are no alerts and never muted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec

from firstline.intake.matching import Compiled, Facts, Index, Match, compile_match
from firstline.intake.signal import Severity
from firstline.intake.windows import Memory, Window

MOST_CHANGES = 60
FLOOR, CHANGE = "floor", "change"


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What every kind has: whom it means, why, and until when it is in force (None: until somebody ends it)."""

    match: Match = Match()
    reason: str = ""
    until: datetime | None = None


class Suppression(Rule, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What it means is muted."""


class Maintenance(Rule, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What it means is muted in the window."""

    window: Window


class Inhibition(Rule, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """While an alert that `cause` means is open, those of `match` with the same values of `equal` are muted.

    As Alertmanager does it: a label that both lack is equal, and what is cause and target at once is not inhibited by
    another such alert, so never by itself.
    """

    cause: Match
    equal: tuple[str, ...] = ()


class Dependency(Rule, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """While an alert of at least severity `down` is open on a service that it needs, directly or through others, an
    alert is muted."""

    down: Severity = Severity.CRITICAL


class Flapping(Rule, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An alert with `changes` starts and ends within `minutes` is held as one; it is let go when there are fewer than
    `calm` of them within the same time."""

    changes: int = 6
    minutes: int = 30
    calm: int = 2

    def __post_init__(self) -> None:
        if not (3 <= self.changes <= MOST_CHANGES and 1 <= self.calm < self.changes):
            raise ValueError(f"Between 3 and {MOST_CHANGES} changes, and fewer, at least one, to be let go.")
        if not 1 <= self.minutes <= 1440:
            raise ValueError("Within a minute to a day.")


class Threshold(Rule, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An alert counts from its `times`-th signal within `minutes`."""

    times: int = 3
    minutes: int = 10

    def __post_init__(self) -> None:
        if not 2 <= self.times <= 100:
            raise ValueError("Between 2 and 100 signals.")
        if not 1 <= self.minutes <= 1440:
            raise ValueError("Within a minute to a day.")


KINDS: dict[str, type[Rule]] = {
    "suppression": Suppression,
    "maintenance": Maintenance,
    "inhibition": Inhibition,
    "dependency": Dependency,
    "flapping": Flapping,
    "threshold": Threshold,
}


class Reason(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Why an alert is muted, as it is kept on its span. Ids, enums, numbers and instants only.

    `rule`: of which rule (a change: its id is in `by`). `by`: the span that inhibits, the change. `until`: when this
    is looked at again by itself. `at`: changes (flapping) or signals (threshold), in seconds since 1970. `ended`: what
    is held said so. `was`: the state before, where that was not firing.
    """

    kind: str
    rule: int = 0
    by: int = 0
    since: datetime | None = None
    until: datetime | None = None
    at: list[int] = []
    ended: datetime | None = None
    was: str = ""


def reasons_from(stored: Iterable[Mapping[str, Any]] | None) -> list[Reason]:
    """What is kept on a span, as values; what cannot be read is left out."""
    found = []
    for each in stored or ():
        try:
            found.append(msgspec.convert(each, Reason))
        except msgspec.ValidationError:
            continue
    return found


def stored(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    """As the span keeps them."""
    return [msgspec.to_builtins(reason) for reason in reasons]


def is_muted(kept: Sequence[Mapping[str, Any]] | None) -> bool:
    """Whether these reasons keep it from opening or joining an incident. What flaps is held as one, and told once."""
    return any(reason["kind"] != "flapping" for reason in kept or ())


@dataclass(frozen=True, slots=True)
class Known:
    """A rule as the database has it."""

    id: int
    rule: Rule


@dataclass(slots=True)
class Ready:
    """A rule that is in force, compiled. `memory`: of a window."""

    id: int
    kind: str
    rule: Rule
    match: Compiled
    cause: Compiled | None = None
    memory: Memory | None = None


@dataclass(frozen=True, slots=True, order=True)
class Underway:
    """A change that is being implemented, with the end of its planned window."""

    id: int
    ci_id: int
    start: datetime
    end: datetime


@dataclass(slots=True)
class Force:
    """All that is in force for a batch. `above`: the services that a service needs, directly or through others."""

    index: Index[Ready]
    causes: Index[Ready]
    rules: Sequence[Ready] = ()
    changes: Mapping[int, Sequence[Underway]] = field(default_factory=dict)
    above: Callable[[int], Iterable[int]] = lambda _service: ()

    @property
    def causing(self) -> list[Ready]:
        """The rules by which one alert mutes another."""
        return [each for each in self.rules if each.kind in ("inhibition", "dependency")]

    def has(self, *kinds: str) -> bool:
        return any(each.kind in kinds for each in self.rules)


def ready(known: Known, below: Callable[[int], Iterable[int]]) -> Ready:
    """`below`: the services that need one."""
    rule = known.rule
    kind = next(name for name, struct in KINDS.items() if type(rule) is struct)
    return Ready(
        id=known.id,
        kind=kind,
        rule=rule,
        match=compile_match(rule.match, below),
        cause=_cause(rule, below),
        memory=Memory(rule.window) if isinstance(rule, Maintenance) else None,
    )


def _cause(rule: Rule, below: Callable[[int], Iterable[int]]) -> Compiled | None:
    if isinstance(rule, Inhibition):
        return compile_match(rule.cause, below)
    if isinstance(rule, Dependency):
        limit, security = rule.down.rank, rule.match.security
        return Compiled(
            lambda facts: (
                facts.service_id is not None
                and facts.severity.rank <= limit
                and (security == "both" or facts.security is (security == "yes"))
            ),
            (),
        )
    return None


def windows_of(force: Force, facts: Facts, at: datetime) -> tuple[list[Reason], list[Ready]]:
    """What mutes it by itself at an instant, and the rules that need more to be known (other alerts, its past)."""
    reasons: list[Reason] = []
    further: list[Ready] = []
    for each in force.index.meaning(facts):
        until = each.rule.until
        if until is not None and until <= at:
            continue
        if each.kind == "suppression":
            reasons.append(Reason(kind=each.kind, rule=each.id, until=until))
        elif each.memory is not None:
            stretch = each.memory.at(at)
            if stretch is not None:
                end = stretch[1] if until is None else min(stretch[1], until)
                reasons.append(Reason(kind=each.kind, rule=each.id, until=end))
        else:
            further.append(each)
    if facts.ci_id is not None and not facts.security:
        for change in force.changes.get(facts.ci_id, ()):
            if change.start <= at < change.end:
                reasons.append(Reason(kind=CHANGE, by=change.id, until=change.end))
    return reasons, further


def floor_of(severity: Severity, floor: Severity) -> list[Reason]:
    """The source's floor as a reason."""
    return [Reason(kind=FLOOR)] if severity.rank > floor.rank else []


def values_as_cause(each: Ready, facts: Facts) -> list[str]:
    """By which values this alert, while it is open, mutes others through a rule; nothing when it is no cause of it."""
    if each.cause is None or not each.cause.holds(facts):
        return []
    if isinstance(each.rule, Inhibition):
        return [equal_value(each.rule.equal, facts)]
    return [str(facts.service_id)]


def values_as_target(each: Ready, facts: Facts, above: Callable[[int], Iterable[int]]) -> list[str]:
    """The values of causes that mute this alert, which the rule is known to mean."""
    if isinstance(each.rule, Inhibition):
        return [equal_value(each.rule.equal, facts)]
    if isinstance(each.rule, Dependency) and facts.service_id is not None:
        return [str(service) for service in above(facts.service_id)]
    return []


def equal_value(labels: Sequence[str], facts: Facts) -> str:
    """The values of these labels as one text of at most 512 characters; one that is missing counts as empty."""
    value = msgspec.json.encode([str(facts.labels.get(name, "")) for name in labels]).decode()
    return value if len(value) <= 512 else sha256(value.encode()).hexdigest()


def merged(before: Sequence[Reason], now_found: Sequence[Reason], at: datetime) -> list[Reason]:
    """What mutes it now; what did so before keeps its beginning."""
    since = {(each.kind, each.rule, each.by): each.since for each in before}
    for each in now_found:
        each.since = since.get((each.kind, each.rule, each.by)) or each.since or at
    return list(now_found)


def look_at(reasons: Iterable[Reason]) -> datetime | None:
    """When the first of these is over by itself; None: never."""
    return min((each.until for each in reasons if each.until is not None), default=None)


# --- flapping and thresholds: counted in instants


def within(instants: Iterable[int], at: datetime, minutes: int) -> list[int]:
    """Those not older than so many minutes, in order; at most the last hundred."""
    earliest = int((at - timedelta(minutes=minutes)).timestamp())
    return sorted(each for each in instants if each > earliest)[-100:]


def flaps(rule: Flapping, changes: Sequence[int], *, held: bool, at: datetime) -> datetime | None:
    """Until when it is held, if it is: the instant at which, should nothing change any more, it is let go."""
    recent = within(changes, at, rule.minutes)
    if len(recent) < (rule.calm if held else rule.changes):
        return None
    # with the oldest ones gone by then, fewer than `calm` are left
    leaving = recent[len(recent) - rule.calm]
    return datetime.fromtimestamp(leaving, tz=at.tzinfo) + timedelta(minutes=rule.minutes)
