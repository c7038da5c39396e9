"""Work next: a stored instant by which open incidents are ordered, and its explanation. Pure.

A score that depends on now can be neither indexed nor paged; an instant can:
`work_next_at = min(nearest running target, registered_at + patience[priority]) − boost[priority]`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Order:
    """`patience` and `boost` for P1…P5."""

    patience: tuple[timedelta, ...]
    boost: tuple[timedelta, ...]

    @classmethod
    def from_settings(cls, patience_hours: Sequence[float], boost_minutes: Sequence[float]) -> "Order":
        return cls(
            tuple(timedelta(hours=h) for h in patience_hours),
            tuple(timedelta(minutes=m) for m in boost_minutes),
        )


@dataclass(frozen=True, slots=True)
class Position:
    """The instant and its terms: `by` is `target` or `patience`."""

    at: datetime
    by: str
    base: datetime
    boost: timedelta


def position(
    order: Order, *, priority: int | None, registered_at: datetime, targets: Sequence[datetime]
) -> Position:
    """Where an incident stands. `targets` are the due instants of its running clocks; unknown priority counts as P3."""
    index = min(max(priority or 3, 1), len(order.patience)) - 1
    patience = registered_at + order.patience[index]
    nearest = min(targets, default=None)
    by, base = ("target", nearest) if nearest is not None and nearest <= patience else ("patience", patience)
    assert base is not None
    boost = order.boost[min(index, len(order.boost) - 1)]
    return Position(base - boost, by, base, boost)
