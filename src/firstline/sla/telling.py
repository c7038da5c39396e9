"""Warn and breach: the engine's verbs over clocks that are due, and whom they tell."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from firstline.accounts.models import Membership, Person, SupportGroup
from firstline.core import bulk, event_log
from firstline.core.actor import Actor
from firstline.incidents.models import Incident
from firstline.notifications.actions import ANSWER_LANE, DIGEST_LANE, Outgoing, To, send
from firstline.notifications.wording import About, Text, about_incident, incident_url
from firstline.sla.evaluation import next_look
from firstline.sla.events import TargetBreached, TargetWarned, target_name
from firstline.sla.hierarchy import Chain, told
from firstline.sla.models import Clock

CLOCKWORK = Actor.clock("agreement")
BATCH = 2000
ROUNDS = 10
MANY = 20  # targets of one person in a batch, from which they are told in one message
NAMED = 100  # of them, by their incident; the others are counted


@dataclass(frozen=True, slots=True)
class _Passed:
    """A clock that passed a share of its target; 1.0 is the target itself."""

    clock: Clock
    share: float
    at: datetime


def tick(*, now: datetime, limit: int = BATCH) -> int:
    """Engine: warn and breach what has come due, a batch a transaction; returns how many clocks."""
    total = 0
    for _round in range(ROUNDS):
        done = _batch(now, limit)
        total += done
        if done < limit:
            break
    return total


@transaction.atomic
def _batch(now: datetime, limit: int) -> int:
    rows = list(
        Clock.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(next_at__lte=now)
        .order_by("next_at", "id")[:limit]
    )
    if rows:
        passed = [one for row in rows for one in _move(row, now)]
        bulk.update(rows, ["warned", "breached_at", "next_at", "elapsed_seconds"])
        _record(passed, now)
    return len(rows)


def _move(row: Clock, now: datetime) -> list[_Passed]:
    """Bring one row up to `now`. Several warn points at once are one; a breach needs no warning any more."""
    points = [(float(share), datetime.fromisoformat(at)) for share, at in row.flags.get("warn", [])]
    found: list[_Passed] = []
    if row.due_at is not None and row.due_at < now and row.breached_at is None:
        row.breached_at = row.due_at
        row.elapsed_seconds = row.target_seconds
        found.append(_Passed(row, 1.0, row.due_at))
    else:
        reached = [(share, at) for share, at in points if at <= now and share not in row.warned]
        if reached:
            share, at = max(reached)
            row.elapsed_seconds = row.target_seconds * share
            found.append(_Passed(row, share, at))
    row.warned = sorted({*row.warned, *(share for share, at in points if at <= now)})
    row.next_at = next_look(
        running=row.state == "running",
        due_at=row.due_at,
        breached=row.breached_at is not None,
        warn=points,
        warned=row.warned,
    )
    return found


def tell_breaches(rows: Sequence[Clock], *, now: datetime) -> None:
    """Tell of breaches that an evaluation found; their events are recorded already."""
    passed = [_Passed(row, 1.0, row.breached_at or now) for row in rows if row.state == "running"]
    _tell(passed, _chains(passed), now)


def _record(passed: Sequence[_Passed], now: datetime) -> None:
    chains = _chains(passed)
    people = _tell(passed, chains, now)
    event_log.record(
        [
            TargetBreached(
                subject_id=one.clock.incident_id, actor=CLOCKWORK, occurred_at=one.at, target=one.clock.target,
                due_at=one.clock.due_at, told=people.get(id(one), []),
            )
            if one.share >= 1
            else TargetWarned(
                subject_id=one.clock.incident_id, actor=CLOCKWORK, occurred_at=one.at, target=one.clock.target,
                share=one.share, due_at=one.clock.due_at, told=people.get(id(one), []),
            )
            for one in passed
        ],
        now=now,
    )  # fmt: skip


def _chains(passed: Sequence[_Passed]) -> Mapping[int, tuple[Incident, Chain]]:
    """Per incident whom it has above it: three queries for all of them."""
    ids = {one.clock.incident_id for one in passed}
    incidents = Incident.objects.defer("search", "description").filter(id__in=ids)
    groups = {incident.group_id for incident in incidents if incident.group_id is not None}
    leads: dict[int, list[int]] = {}
    rows = Membership.objects.filter(group_id__in=groups, lead=True, person__is_active=True).order_by("id")
    for group_id, person_id in rows.values_list("group_id", "person_id"):
        leads.setdefault(group_id, []).append(person_id)
    managers = dict(SupportGroup.objects.filter(id__in=groups).values_list("id", "manager_id"))
    return {
        incident.id: (
            incident,
            Chain(
                incident.assignee_id,
                tuple(leads.get(incident.group_id or 0, ())),
                managers.get(incident.group_id or 0),
            ),
        )
        for incident in incidents
    }


def _tell(
    passed: Sequence[_Passed], chains: Mapping[int, tuple[Incident, Chain]], now: datetime
) -> dict[int, list[int]]:
    """Send the messages; returns who is told of which (by the identity of the passed point)."""
    wanted: dict[int, tuple[int, ...]] = {}
    for one in passed:
        incident, chain = chains[one.clock.incident_id]
        if incident.imported_from is None:  # what came from another system's log is history
            wanted[id(one)] = told(
                chain, target=one.clock.target, share=one.share, priority=incident.priority
            )
    people = {
        person.id: person for person in Person.objects.filter(id__in=_flat(wanted.values()), is_active=True)
    }
    each: dict[int, list[_Passed]] = {}
    for one in passed:
        for person_id in wanted.get(id(one), ()):
            if person_id in people:
                each.setdefault(person_id, []).append(one)
    send(
        [
            message
            for person_id, points in each.items()
            for message in _messages(people[person_id], points, chains)
        ],
        now=now,
    )
    return {key: [person for person in found if person in people] for key, found in wanted.items()}


def _flat(groups: Iterable[tuple[int, ...]]) -> set[int]:
    return {person for group in groups for person in group}


def _messages(
    person: Person, points: Sequence[_Passed], chains: Mapping[int, tuple[Incident, Chain]]
) -> list[Outgoing]:
    """What one person is told: each target by itself, or many of them in one."""
    incidents = [chains[one.clock.incident_id][0] for one in points]
    with override(person.language):
        if len(points) > MANY:
            return [_together(person, points, incidents)]
        return [_alone(person, one, incident) for one, incident in zip(points, incidents, strict=True)]


def _alone(person: Person, one: _Passed, incident: Incident) -> Outgoing:
    text = _text(one, incident)
    return Outgoing(
        kind=_kind(one),
        subject=text.subject,
        body=text.body,
        key=_key(one, person),
        to=[To(person_id=person.id, address=person.email, may_wait=True)],
        subject_id=incident.id,
        lane=ANSWER_LANE if _urgent(incident) else DIGEST_LANE,
        urgency="high" if one.share >= 1 and _urgent(incident) else "low",
        synthetic=incident.synthetic,
    )


def _together(person: Person, points: Sequence[_Passed], incidents: Sequence[Incident]) -> Outgoing:
    """The worst first."""
    pairs = sorted(
        zip(points, incidents, strict=True),
        key=lambda pair: (pair[1].priority or 5, -pair[0].share, pair[0].at),
    )
    missed = sum(one.share >= 1 for one in points)
    lines = [
        _text(one, incident).subject + "\n" + incident_url(incident.id) for one, incident in pairs[:NAMED]
    ]
    if len(pairs) > NAMED:
        lines.append(_("and %(count)s more") % {"count": len(pairs) - NAMED})
    urgent = any(one.share >= 1 and _urgent(incident) for one, incident in pairs)
    keys = "\n".join(sorted(_key(one, person) for one in points))
    return Outgoing(
        kind=_kind(pairs[0][0]),
        subject=_("%(missed)s targets missed, %(near)s near their end")
        % {"missed": missed, "near": len(points) - missed},
        body="\n\n".join(lines) + "\n",
        key="clocks:" + hashlib.sha256(keys.encode()).hexdigest()[:40],
        to=[To(person_id=person.id, address=person.email, may_wait=True)],
        subject_type="person",
        subject_id=person.id,
        lane=ANSWER_LANE if urgent else DIGEST_LANE,
        urgency="high" if urgent else "low",
        synthetic=all(incident.synthetic for incident in incidents),
    )


def _text(one: _Passed, incident: Incident) -> Text:
    name = target_name(one.clock.target)
    if one.share >= 1:
        sentence = _("the target for %(target)s was missed") % {"target": name}
    else:
        sentence = _("%(share)s %% of the target for %(target)s is used up") % {
            "share": round(one.share * 100),
            "target": name,
        }
    about = About(
        incident_id=incident.id,
        number=incident.number,
        priority=incident.priority,
        title=incident.title,
        security=incident.security,
    )
    return about_incident(about, sentence, detail=_due(one.clock.due_at))


def _kind(one: _Passed) -> str:
    return "target_missed" if one.share >= 1 else "target_warned"


def _urgent(incident: Incident) -> bool:
    return (incident.priority or 5) <= 2


def _key(one: _Passed, person: Person) -> str:
    return f"clock:{one.clock.id}:{round(one.share * 100)}:{one.at:%Y%m%d%H%M%S}:{person.id}"


def _due(due_at: datetime | None) -> str:
    return "" if due_at is None else _("Due: %(at)s UTC") % {"at": f"{due_at:%Y-%m-%d %H:%M}"}
