"""One action on many incidents: each through the ordinary action, each with its own result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from firstline.core.actor import Actor
from firstline.core.errors import DomainError, Invalid
from firstline.incidents.actions.talking import comment
from firstline.incidents.actions.working import assign, take

MOST = 200


@dataclass(frozen=True, slots=True)
class Result:
    id: int
    ok: bool
    message: str = ""

    @property
    def number(self) -> str:
        return f"INC-{self.id:06d}"


def _take(incident_id: int, value: str, actor: Actor, now: datetime) -> None:
    take(incident_id, actor=actor, now=now)


def _group(incident_id: int, value: str, actor: Actor, now: datetime) -> None:
    assign(incident_id, group_id=_id(value), actor=actor, now=now)


def _person(incident_id: int, value: str, actor: Actor, now: datetime) -> None:
    assign(incident_id, assignee_id=_id(value), actor=actor, now=now)


def _note(incident_id: int, value: str, actor: Actor, now: datetime) -> None:
    comment(incident_id, value, public=False, actor=actor, now=now)


VERBS: dict[str, Callable[[int, str, Actor, datetime], None]] = {
    "take": _take,
    "group": _group,
    "person": _person,
    "note": _note,
}


def act(incident_ids: Sequence[int], *, verb: str, value: str, actor: Actor, now: datetime) -> list[Result]:
    """Do `verb` on each, in the order given;

    a refusal of one does not stop the others. `Invalid` for an unknown verb,
    an empty choice or more than 200."""
    do = VERBS.get(verb)
    if do is None:
        raise Invalid("Choose what to do with them.", {"verb": "unknown"})
    if not incident_ids:
        raise Invalid("Choose at least one incident.", {"row": "none chosen"})
    if len(incident_ids) > MOST:
        raise Invalid(f"At most {MOST} incidents at once.", {"row": "too many"})
    results = []
    for incident_id in incident_ids:
        try:
            do(incident_id, value, actor, now)
        except DomainError as error:
            results.append(Result(incident_id, ok=False, message=str(error)))
        else:
            results.append(Result(incident_id, ok=True))
    return results


def _id(value: str) -> int:
    if not value.isdecimal():
        raise Invalid("Choose to whom.", {"value": "needed"})
    return int(value)
