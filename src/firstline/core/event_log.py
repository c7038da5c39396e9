"""The one event log, and the one way that anything flows upward.

A verb is a frozen dataclass derived from `DomainEvent` in an app's `events.py`. Its own fields go to `event.data`;
`changes` is {field: (from, to)}; `why` says what decided it. Values are ids, enums, numbers and instants: text goes
to `core.content` and is pointed to by `content_id` or by `TextRef`.

`record` stores events in the action's transaction and then calls the reactions installed for their class, with the
list of all events of that class in this call (reactions are set-based and may only insert rows).
"""

import dataclasses
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, TypeVar

from django.db import connection, transaction

from firstline.core.actor import Actor, ActorKind
from firstline.core.models import Event


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """What every event has. `id` and `recorded_at` are set when it is read back from the log."""

    subject_type: ClassVar[str] = ""
    verb: ClassVar[str] = ""

    subject_id: int
    actor: Actor
    occurred_at: datetime
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    why: Mapping[str, Any] = field(default_factory=dict)
    content_id: int | None = None
    id: int | None = None
    recorded_at: datetime | None = None

    def summary(self, names: "Names | None" = None) -> str:
        """One line for people, in the language in force. `names(kind, id)` gives what an id is called."""
        raise NotImplementedError


Names = Callable[[str, int], str]
E = TypeVar("E", bound=DomainEvent)
Reaction = Callable[[Sequence[Any]], None]

_COMMON = {f.name for f in dataclasses.fields(DomainEvent)}
_reactions: dict[type[DomainEvent], list[Reaction]] = {}
_reacting: ContextVar[bool] = ContextVar("reacting", default=True)


def install(reactions: Mapping[type[DomainEvent], Sequence[Reaction]]) -> None:
    """Make this the table of reactions. Called once, by `workflow`."""
    _reactions.clear()
    _reactions.update({event: list(called) for event, called in reactions.items()})


@contextmanager
def past_only() -> Iterator[None]:
    """Inside, events are recorded and nothing follows from them: no clock, no page, no message, no due row.

    For histories that are over elsewhere (an import): what they would have set off has happened or never will.
    """
    token = _reacting.set(False)
    try:
        yield
    finally:
        _reacting.reset(token)


def record(events: Sequence[DomainEvent], *, now: datetime) -> list[int]:
    """Append events, then react to them. Must run inside the action's transaction; returns the new ids.

    `now` becomes `recorded_at`; an event's own `occurred_at` may be earlier.
    """
    if not events:
        return []
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("record() belongs inside the action's transaction")
    ids = _insert([_row(event, now) for event in events])
    if not _reacting.get():
        return ids
    by_class: dict[type[DomainEvent], list[DomainEvent]] = defaultdict(list)
    for event, id in zip(events, ids, strict=True):
        by_class[type(event)].append(dataclasses.replace(event, id=id, recorded_at=now))
    for cls, same in by_class.items():
        for reaction in _reactions.get(cls, ()):
            reaction(same)
    return ids


_INSERT = """
INSERT INTO event (subject_type, subject_id, verb, occurred_at, recorded_at, actor_kind, actor_id, actor_via, changes,
                   why, data, content_id)
SELECT a, b, c, d, e, f, g, h, i::jsonb, j::jsonb, k::jsonb, l
FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::bigint[],
            %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[])
     WITH ORDINALITY AS t(a, b, c, d, e, f, g, h, i, j, k, l, n)
ORDER BY n RETURNING id
"""


def _insert(rows: Sequence[tuple[Any, ...]]) -> list[int]:
    """All rows by one statement of constant size; their ids in the same order."""
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [list(column) for column in zip(*rows, strict=True)])
        return [id for (id,) in cursor.fetchall()]


def _row(event: DomainEvent, now: datetime) -> tuple[Any, ...]:
    own = {f.name: plain(getattr(event, f.name)) for f in dataclasses.fields(event) if f.name not in _COMMON}
    changes = {name: [plain(a), plain(b)] for name, (a, b) in event.changes.items()}
    return (
        event.subject_type,
        event.subject_id,
        event.verb,
        event.occurred_at,
        now,
        event.actor.kind.value,
        event.actor.id,
        event.actor.via,
        json.dumps(changes),
        json.dumps(plain(dict(event.why))),
        json.dumps(own),
        event.content_id,
    )


def plain(value: Any) -> Any:
    """JSON-able form of a value: enums by value, instants as ISO 8601 UTC, durations as seconds."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def event_classes() -> dict[tuple[str, str], type[DomainEvent]]:
    """Every verb that the imported apps declare, by (subject type, verb)."""
    found: dict[tuple[str, str], type[DomainEvent]] = {}

    def walk(cls: type[DomainEvent]) -> None:
        for child in cls.__subclasses__():
            if child.verb:
                found[child.subject_type, child.verb] = child
            walk(child)

    walk(DomainEvent)
    return found


def read(subject_type: str, subject_id: int) -> Iterator[DomainEvent]:
    """The events of one subject in the order of (occurred_at, id), as their classes."""
    classes = event_classes()
    rows = Event.objects.filter(subject_type=subject_type, subject_id=subject_id)
    for row in rows.order_by("occurred_at", "id").iterator(chunk_size=500):
        yield load(row, classes)


def load(row: Event, classes: Mapping[tuple[str, str], type[DomainEvent]] | None = None) -> DomainEvent:
    """The event object of a row. Fields that the class no longer has are dropped, missing ones keep their default."""
    cls = (classes or event_classes()).get((row.subject_type, row.verb), DomainEvent)
    own = {f.name for f in dataclasses.fields(cls)} - _COMMON
    return cls(
        subject_id=row.subject_id,
        actor=Actor(ActorKind(row.actor_kind), row.actor_id, row.actor_via),
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        changes={name: (pair[0], pair[1]) for name, pair in row.changes.items()},
        why=row.why,
        content_id=row.content_id,
        id=row.id,
        **{name: value for name, value in row.data.items() if name in own},
    )
