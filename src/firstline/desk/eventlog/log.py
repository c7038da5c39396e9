"""What a log of another system says, in the words of this one. Pure; the shapes of files are read beside this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firstline.incidents.lifecycle import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One update: the incident after it. Names are the log's; None where it says nothing."""

    at: datetime
    words: str
    state: State
    hold_reason: str = ""
    group: str | None = None
    assignee: str | None = None
    category: tuple[str, ...] = ()
    impact: int
    urgency: int
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIncident:
    """One incident with its rows in the order of the log and the log's counters at its end."""

    number: str
    title: str
    description: str
    channel: str
    caller: str
    place: str
    opened_at: datetime
    code: str
    rows: Sequence[Row]
    reopenings: int
    reassignments: int
    within_target: bool | None = None
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def last(self) -> Row:
        return self.rows[-1]
