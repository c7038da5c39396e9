"""The priority matrix as data: a save is a new row, checked to be monotone in both directions."""

from datetime import datetime

from django.db import transaction

from firstline.accounts.viewer import viewer_for
from firstline.core import config_log
from firstline.core.actor import Actor, ActorKind
from firstline.incidents.models import Matrix
from firstline.incidents.priority import Matrix as MatrixValue
from firstline.incidents.priority import check_matrix


@transaction.atomic
def save_matrix(matrix: MatrixValue, *, actor: Actor, now: datetime) -> Matrix:
    """Put this matrix in force. `Invalid` names the cell that breaks the order; incidents keep their priority."""
    if actor.kind in (ActorKind.PERSON, ActorKind.MACHINE):
        viewer_for(actor).require("configuration.edit")
    check_matrix(matrix)
    before = Matrix.objects.order_by("-valid_from", "-id").first()
    cells = [list(row) for row in matrix.cells]
    row = Matrix.objects.create(
        impacts=list(matrix.impacts),
        urgencies=list(matrix.urgencies),
        cells=cells,
        valid_from=now,
        created_by_id=actor.id if actor.is_human else None,
    )
    config_log.changed(
        "matrix",
        0,
        actor=actor,
        now=now,
        before=None if before is None else _facts(before),
        after=_facts(row),
    )
    return row


def _facts(row: Matrix) -> dict[str, object]:
    return {"impacts": row.impacts, "urgencies": row.urgencies, "cells": row.cells}
