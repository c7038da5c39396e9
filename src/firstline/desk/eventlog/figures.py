"""What an import came to, beside what the log itself says. Read from the database, not from the import's memory."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from firstline.core.models import Event
from firstline.desk.eventlog.log import LogIncident
from firstline.desk.eventlog.replay import reference
from firstline.incidents.events import Closed, StateImported
from firstline.incidents.models import Incident

_CHUNK = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one priority, or of all."""

    incidents: int = 0
    reopened: int = 0
    reassigned: int = 0
    within_target: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """An incident that did not get to the log's end by ordinary actions alone, and why."""

    number: str
    incident: str
    kind: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`alike`: end in the log's state, counters and group by ordinary actions alone. `wrong`: numbers of incidents
    that differ from the log although nothing was said about them; there must be none."""

    ours: Mapping[int, Figures]
    log: Mapping[int, Figures]
    alike: int
    others: Sequence[Other]
    wrong: Sequence[str]

    @property
    def kinds(self) -> dict[str, int]:
        return dict(sorted(Counter(other.kind for other in self.others).items()))


def compare(log: Sequence[LogIncident], *, mapping: str) -> Comparison:
    """Compare the incidents of a log with what is in the database now."""
    rows = _ends_of([reference(mapping, each.number) for each in log])
    finished = _events([row.id for row in rows.values()], StateImported.verb)
    closing = _events([row.id for row in rows.values()], Closed.verb)
    others: list[Other] = []
    wrong: list[str] = []
    for each in log:
        row = rows.get(reference(mapping, each.number))
        if row is None or row.ends != _log_ends(each):
            wrong.append(each.number)
        elif row.id in finished:
            event = finished[row.id]
            others.append(
                Other(
                    number=each.number,
                    incident=f"INC-{row.id:06d}",
                    kind=event.data["kind"],
                    detail=_detail(event),
                )
            )
    ours = [
        (row.priority, row.reopenings, row.reassignments, _within(row.id, closing, finished))
        for row in rows.values()
    ]
    theirs = [(e.last.priority, e.reopenings, e.reassignments, bool(e.within_target)) for e in log]
    return Comparison(
        ours=_figures(ours),
        log=_figures(theirs),
        alike=len(log) - len(others) - len(wrong),
        others=others,
        wrong=wrong,
    )


@dataclass(frozen=True, slots=True)
class _End:
    """How an incident stands in the database."""

    id: int
    state: str
    reopenings: int
    reassignments: int
    group: str | None
    priority: int

    @property
    def ends(self) -> tuple[object, ...]:
        state = "new" if self.state == "assigned" else self.state
        return state, self.reopenings, self.reassignments, self.group


def _ends_of(references: Sequence[str]) -> dict[str, _End]:
    found: dict[str, _End] = {}
    for start in range(0, len(references), _CHUNK):
        part = Incident.objects.filter(imported_from__in=references[start : start + _CHUNK])
        for row in part.select_related("group").defer("search", "description"):
            found[row.imported_from or ""] = _End(
                id=row.id,
                state=row.state,
                reopenings=row.reopenings,
                reassignments=row.reassignments,
                group=row.group.name if row.group else None,
                priority=row.priority or 0,
            )
    return found


def _events(ids: Sequence[int], verb: str) -> dict[int, Event]:
    """The last event of this verb of each of these incidents."""
    found: dict[int, Event] = {}
    for start in range(0, len(ids), _CHUNK):
        part = Event.objects.filter(
            subject_type="incident", subject_id__in=ids[start : start + _CHUNK], verb=verb
        )
        found |= {event.subject_id: event for event in part.order_by("occurred_at", "id")}
    return found


def _log_ends(each: LogIncident) -> tuple[object, ...]:
    return each.last.state.value, each.reopenings, each.reassignments, each.last.group


def _detail(event: Event) -> str:
    refused = event.why.get("refused")
    said = [f"{refused[0].replace('_', ' ')} → {refused[1]} refused"] if refused else []
    for name in ("reassignments", "reopenings"):
        if name in event.changes:
            before, after = event.changes[name]
            said.append(f"{name}: {before} by the rules, {after} in the log")
    return "; ".join(said)


def _within(incident: int, closing: Mapping[int, Event], finished: Mapping[int, Event]) -> bool:
    event = finished.get(incident) or closing.get(incident)
    return bool(event and event.why.get("within_target"))


def _figures(told: Iterable[tuple[int, int, int, bool]]) -> dict[int, Figures]:
    """By priority."""
    counted: dict[int, Counter[str]] = {}
    for priority, reopenings, reassignments, within in told:
        counter = counted.setdefault(priority, Counter())
        counter["incidents"] += 1
        counter["reopened"] += reopenings > 0
        counter["reassigned"] += reassignments > 0
        counter["within_target"] += within
    return {priority: Figures(**counter) for priority, counter in sorted(counted.items())}
