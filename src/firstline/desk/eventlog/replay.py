"""Import a log: incident by incident through the ordinary actions, a few hundred a transaction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from firstline.core.actor import Actor
from firstline.core.errors import NotFound
from firstline.desk.eventlog import uci
from firstline.desk.eventlog.log import LogIncident, Row
from firstline.desk.eventlog.names import Names, ensure
from firstline.incidents.actions.importing import History, Replayed, Seen, replay
from firstline.incidents.actions.register import Report

MAPPINGS: Mapping[str, Callable[[Path], Iterator[LogIncident]]] = {uci.NAME: uci.read}
BATCH = 300
_LOOK_AGAIN = timedelta(minutes=1)


def read(path: Path, mapping: str, *, limit: int | None = None) -> list[LogIncident]:
    """The incidents of a file. `NotFound` for a mapping or a file that isn't there."""
    if mapping not in MAPPINGS:
        raise NotFound(f"There is no mapping {mapping}; there is: {', '.join(MAPPINGS)}.")
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    log: list[LogIncident] = []
    for incident in MAPPINGS[mapping](path):
        if limit is not None and len(log) >= limit:
            break
        log.append(incident)
    return log


def import_log(
    log: Sequence[LogIncident],
    *,
    mapping: str,
    now: datetime,
    done: Callable[[int, int], None] = lambda incidents, rows: None,
) -> list[Replayed]:
    """Import what isn't imported yet and return that. `done(incidents, rows)` is called after each transaction.

    Interrupted, it has imported whole incidents; started again, it goes on with the rest.
    """
    actor = Actor.system(f"import {mapping}")
    names = ensure(log, mapping=mapping, actor=actor, now=now)
    answers: list[Replayed] = []
    for start in range(0, len(log), BATCH):
        batch = log[start : start + BATCH]
        answers += replay([history(each, names, mapping) for each in batch], actor=actor, now=now)
        done(len(batch), sum(len(each.rows) for each in batch))
    return answers


def reference(mapping: str, number: str) -> str:
    """What `imported_from` says."""
    return f"{mapping}:{number}"


def history(incident: LogIncident, names: Names, mapping: str) -> History:
    """An incident of the log as the action takes it: names are ids, every wait has an end."""
    first = incident.rows[0]
    report = Report(
        title=incident.title,
        description=incident.description,
        channel=incident.channel,
        received_at=incident.opened_at,
        registered_at=incident.opened_at,
        caller_id=names.callers[incident.caller],
        caller_place=incident.place,
        category_id=names.categories.get(first.category),
        group_id=names.groups.get(first.group or ""),
        imported_from=reference(mapping, incident.number),
        why={"imported": mapping},
    )
    return History(
        report=report,
        seen=[_seen(incident, index, names) for index in range(len(incident.rows))],
        reopenings=incident.reopenings,
        reassignments=incident.reassignments,
        facts={} if incident.within_target is None else {"within_target": incident.within_target},
    )


def _seen(incident: LogIncident, index: int, names: Names) -> Seen:
    row = incident.rows[index]
    return Seen(
        at=row.at,
        state=row.state,
        words=row.words,
        hold_reason=row.hold_reason,
        hold_until=_until(incident.rows, index) if row.hold_reason else None,
        group_id=names.groups.get(row.group or ""),
        assignee_id=names.assignees.get(row.assignee or ""),
        category_id=names.categories.get(row.category),
        impact=row.impact,
        urgency=row.urgency,
        priority=row.priority,
        code_id=names.codes[incident.code],
        notes=f"Resolved in the other system with: {incident.code}.",
    )


def _until(rows: Sequence[Row], index: int) -> datetime:
    """A wait needs an instant to look again: when the log goes on, at least a minute later."""
    at = rows[index].at
    later = (row.at for row in rows[index + 1 :] if row.state is not rows[index].state)
    return max(next(later, at), at + _LOOK_AGAIN)
