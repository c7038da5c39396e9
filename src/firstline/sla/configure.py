"""Edits of agreements by administrators. An edit is a new version; clocks that ran under an old one say
so.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction

from firstline.catalog.editing import authorise, check_seen, found, unique
from firstline.core import config_log
from firstline.core.actor import Actor
from firstline.core.errors import Conflict, Invalid, NotFound
from firstline.core.event_log import plain
from firstline.sla.agreement import Agreement as Document
from firstline.sla.agreement import Conditions
from firstline.sla.models import Agreement, AgreementVersion

STEP = 10


def document_from(definition: Any) -> Document:
    """The agreement that this JSON is; `Invalid` says what is wrong with it."""
    try:
        return msgspec.convert(definition, Document)
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(f"This is not an agreement: {error}.", {"definition": str(error)}) from error


@transaction.atomic
def create_agreement(
    *, name: str, definition: Document, actor: Actor, now: datetime, kind: str = "SLA", active: bool = True
) -> Agreement:
    """Add an agreement. It is tried before those that ask no condition, which would win over it."""
    authorise(actor, "configuration.edit")
    agreement = Agreement(name=name.strip(), kind=kind, active=active, position=_place(definition))
    unique(Agreement, agreement, "name", "agreement")
    agreement.save()
    _add_version(agreement, definition, 1, actor, now)
    after = {"name": agreement.name, "kind": kind, "active": active, "definition": stored(definition)}
    config_log.changed("agreement", agreement.id, actor=actor, now=now, before=None, after=after)
    return agreement


@transaction.atomic
def edit_agreement(
    agreement_id: int,
    *,
    name: str,
    definition: Document,
    actor: Actor,
    now: datetime,
    kind: str = "SLA",
    active: bool = True,
    seen: str = "",
) -> Agreement:
    """Rename it, switch it, and where what it says differs put a new version in force from `now` on."""
    authorise(actor, "configuration.edit")
    agreement = found(Agreement, agreement_id, "agreement")
    current = AgreementVersion.objects.select_for_update().get(agreement=agreement, valid_to=None)
    before = facts(agreement, current.definition)
    check_seen(before, seen)
    agreement.name, agreement.kind, agreement.active = name.strip(), kind, active
    unique(Agreement, agreement, "name", "agreement")
    agreement.save()
    same = definition == document_from(current.definition)
    if not same:
        AgreementVersion.objects.filter(id=current.id).update(valid_to=now)
        _add_version(agreement, definition, current.number + 1, actor, now)
    after = facts(agreement, current.definition if same else stored(definition))
    config_log.changed("agreement", agreement.id, actor=actor, now=now, before=before, after=after)
    return agreement


@transaction.atomic
def reorder_agreements(agreement_ids: Sequence[int], *, actor: Actor, now: datetime) -> None:
    """Try agreements in this order. `Conflict` unless all that there are, and no others, are named."""
    authorise(actor, "configuration.edit")
    rows = {row.id: row for row in Agreement.objects.select_for_update().order_by("position", "id")}
    if sorted(rows) != sorted(agreement_ids):
        raise Conflict("Agreements were added or taken away meanwhile. Reload the page and order them again.")
    before = list(rows)
    for place, agreement_id in enumerate(agreement_ids, start=1):
        rows[agreement_id].position = place * STEP
    Agreement.objects.bulk_update(rows.values(), ["position"])
    config_log.changed(
        "agreements", 0, actor=actor, now=now, before={"order": before}, after={"order": list(agreement_ids)}
    )


def move_agreement(agreement_id: int, *, up: bool, actor: Actor, now: datetime) -> None:
    """Exchange an agreement with its neighbour; nothing at the end of the list."""
    order = list(Agreement.objects.order_by("position", "id").values_list("id", flat=True))
    if agreement_id not in order:
        raise NotFound("There is no such agreement.")
    at = order.index(agreement_id)
    other = at - 1 if up else at + 1
    if 0 <= other < len(order):
        order[at], order[other] = order[other], order[at]
        reorder_agreements(order, actor=actor, now=now)


def _place(definition: Document) -> int:
    """Before the first agreement that takes everything, so that a special one can win; else at the end."""
    rows = Agreement.objects.filter(versions__valid_to=None).order_by("position", "id")
    listed = list(rows.values_list("position", "versions__definition"))
    if definition.conditions != Conditions():
        for position, document in listed:
            if not document.get("conditions"):
                return position - 1
    return (listed[-1][0] if listed else 0) + STEP


def facts(agreement: Agreement, definition: Any) -> dict[str, Any]:
    """What an edit compares and the log keeps."""
    return {
        "name": agreement.name,
        "kind": agreement.kind,
        "active": agreement.active,
        "definition": definition,
    }


def stored(definition: Document) -> Any:
    return plain(msgspec.to_builtins(definition))


def _add_version(
    agreement: Agreement, definition: Document, number: int, actor: Actor, now: datetime
) -> None:
    AgreementVersion.objects.create(
        agreement=agreement,
        number=number,
        definition=stored(definition),
        valid_from=now,
        created_by_id=actor.id if actor.is_human else None,
    )
