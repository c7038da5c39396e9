"""Changes laid over a schedule: overrides, and swaps between two people."""

from datetime import datetime

from django.db import transaction

from firstline.accounts.models import Membership, Person
from firstline.accounts.viewer import viewer_for
from firstline.catalog.editing import authorise, found
from firstline.core import config_log
from firstline.core.actor import Actor
from firstline.core.errors import Conflict, Invalid, NotAllowed
from firstline.oncall.directory import override_from, swap_from
from firstline.oncall.models import Override, Schedule, SwapRequest
from firstline.oncall.schedule import check_override, take


@transaction.atomic
def add_override(
    schedule_id: int,
    *,
    kind: str,
    start: datetime,
    end: datetime,
    actor: Actor,
    now: datetime,
    person_id: int | None = None,
    by_id: int | None = None,
    rank: int = 0,
) -> Override:
    """Replace (`person_id` None: everyone), add or remove somebody for a stretch of time.

    `Conflict` names the override that already says something about the same person then.
    """
    authorise(actor, "oncall.override")
    schedule = found(Schedule, schedule_id, "schedule")
    if kind not in ("replace", "add", "remove"):
        raise Invalid("An override replaces, adds or removes.", {"kind": "unknown"})
    if end <= now:
        raise Invalid("The past stays as it was.", {"end": "must be in the future"})
    people = {person for person in (person_id, by_id) if person is not None}
    if Person.objects.filter(id__in=people, is_active=True).count() != len(people):
        raise Invalid("There is no such person.", {"by": "unknown"})
    row = Override(
        schedule=schedule, kind=kind, person_id=person_id, by_id=by_id, start=start, end=end, rank=rank,
        created_at=now, created_by_id=actor.id if actor.is_human else None,
    )  # fmt: skip
    standing = Override.objects.filter(schedule=schedule, cancelled_at=None).order_by("id")
    check_override(override_from(row), [override_from(other) for other in standing])
    row.save()
    config_log.changed("override", row.id, actor=actor, now=now, before=None, after=_facts(row))
    return row


@transaction.atomic
def cancel_override(override_id: int, *, actor: Actor, now: datetime) -> None:
    """It no longer counts, from its start where that lies ahead, else from now: what has been stays."""
    authorise(actor, "oncall.override")
    row = found(Override, override_id, "override")
    if row.cancelled_at is not None or row.end <= now:
        return
    before = _facts(row)
    if row.start < now:
        row.end = now
    else:
        row.cancelled_at = now
    row.save(update_fields=["end", "cancelled_at"])
    config_log.changed("override", row.id, actor=actor, now=now, before=before, after=_facts(row))


@transaction.atomic
def ask_swap(
    schedule_id: int,
    *,
    start: datetime,
    end: datetime,
    actor: Actor,
    now: datetime,
    giver_id: int | None = None,
) -> SwapRequest:
    """Ask that somebody else takes one's shifts of a stretch of time. Until somebody does, nothing
    changes.
    """
    giver = giver_id if giver_id is not None else actor.id
    if giver is None or (actor.is_human and giver != actor.id and not viewer_for(actor).may("oncall.edit")):
        raise NotAllowed("Only your own shifts can be offered.")
    if end <= start or end <= now:
        raise Invalid("A swap ends after it starts, and not in the past.", {"end": "too early"})
    return SwapRequest.objects.create(
        schedule=found(Schedule, schedule_id, "schedule"),
        giver_id=giver,
        start=start,
        end=end,
        created_at=now,
    )


@transaction.atomic
def take_swap(swap_id: int, *, actor: Actor, now: datetime) -> SwapRequest:
    """Take somebody's shifts. `Invalid` for one's own, `Conflict` when somebody else was faster or it is
    over.
    """
    row = found(SwapRequest, swap_id, "swap")
    if not actor.is_human or actor.id is None:
        raise NotAllowed("People swap shifts, programs don't.")
    if row.cancelled_at is not None or row.end <= now:
        raise Conflict("This swap is no longer offered.")
    groups = Membership.objects.filter(person_id=row.giver_id).values_list("group_id", flat=True)
    if not Membership.objects.filter(person_id=actor.id, group_id__in=list(groups)).exists():
        authorise(actor, "oncall.edit")
    taken = take(swap_from(row), actor.id)
    row.taker_id, row.taken_at = taken.taker, now
    row.start = max(row.start, now)
    row.save(update_fields=["taker", "taken_at", "start"])
    config_log.changed(
        "swap", row.id, actor=actor, now=now, before={"taker_id": None}, after={"taker_id": row.taker_id}
    )
    return row


@transaction.atomic
def cancel_swap(swap_id: int, *, actor: Actor, now: datetime) -> None:
    """Take an offer back, as long as nobody has taken it."""
    row = found(SwapRequest, swap_id, "swap")
    if actor.is_human and row.giver_id != actor.id:
        authorise(actor, "oncall.edit")
    if row.taker_id is not None:
        raise Conflict("Somebody has taken this swap; ask them to swap back.")
    row.cancelled_at = now
    row.save(update_fields=["cancelled_at"])


def _facts(row: Override) -> dict[str, object]:
    return {
        "schedule_id": row.schedule_id,
        "kind": row.kind,
        "person_id": row.person_id,
        "by_id": row.by_id,
        "start": row.start,
        "end": row.end,
        "rank": row.rank,
        "cancelled_at": row.cancelled_at,
    }
