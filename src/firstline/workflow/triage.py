"""Right after registration, by the engine: categorised → compared → prioritised → owned.

One batch is one transaction. If it fails, its incidents are taken one by one, so that one broken rule or row holds up
only itself; such a row is pushed back with its error and tried again.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import transaction

from firstline.classification import actions as classification
from firstline.classification.queries import Origin
from firstline.core import due
from firstline.incidents.actions import triage
from firstline.incidents.actions.writing import locked
from firstline.intake.models import Edge

BATCH = 200
log = structlog.get_logger(__name__)


def run(now: datetime) -> int:
    """Triage what is due; returns how many."""
    with transaction.atomic():
        items = due.claim("triage", now=now, limit=BATCH, of="incident")
        if not items:
            return 0
        try:
            with transaction.atomic():
                _triage([item.subject_id for item in items], now)
        except Exception as error:  # noqa: BLE001 - told one by one below
            log.warning("triage.batch_failed", error=repr(error), size=len(items))
        else:
            due.finish(items)
            return len(items)
    for item in items:
        _alone(item, now)
    return len(items)


def _alone(item: due.DueItem, now: datetime) -> None:
    try:
        with transaction.atomic():
            _triage([item.subject_id], now)
            due.finish([item])
    except Exception as error:
        log.exception("triage.failed", incident=item.subject_id)
        with transaction.atomic():
            due.push_back(item, repr(error), now=now)


def _triage(ids: Sequence[int], now: datetime) -> None:
    rows = [row for row in locked(ids) if row.is_open]
    chosen = classification.categorise_new(rows, now=now, origins=_origins([row.id for row in rows]))
    comparisons = triage.compare_new(rows, now=now)
    triage.prioritise([row.id for row in rows], now=now, comparisons=comparisons)
    triage.give_owner(locked([row.id for row in rows]), now=now, chosen=chosen)


def _origins(ids: Sequence[int]) -> dict[int, Origin]:
    """What the first alert of each incident adds: the kind and group of its source, its labels."""
    found: dict[int, Origin] = {}
    edges = Edge.objects.filter(incident_id__in=ids).order_by("-id")
    for incident_id, kind, group_id, labels in edges.values_list(
        "incident_id", "span__source__kind", "span__source__group_id", "span__labels"
    ):
        found[incident_id] = Origin(source_kind=kind, group_id=group_id, labels=labels)
    return found


def run_reassess(now: datetime) -> int:
    """Assess anew what changed: reports that add up, edited facts, a lifted override."""
    with transaction.atomic():
        items = due.claim("reassess", now=now, limit=BATCH, of="incident")
        for lower in (False, True):
            ids = [item.subject_id for item in items if bool(item.payload.get("lower")) is lower]
            if ids:
                triage.prioritise(ids, now=now, lower=lower)
        due.finish(items)
        return len(items)
