"""Working through due rows in batches in which one bad row holds up only itself."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from django.db import transaction

from firstline.core import due
from firstline.core.due import DueItem

log = structlog.get_logger(__name__)


def run_due(
    kind: str, handle: Callable[[Sequence[DueItem]], None], *, now: datetime, limit: int, of: str = ""
) -> int:
    """Claim up to `limit` due rows of `kind`, handle and finish them in one transaction; returns how many.

    `of`: the table of their subjects, claimed with them (`due.claim`).

    1. The batch is handled as a whole.
    2. If that fails, it is undone and each row is handled alone.
    3. A row that fails alone is pushed back with its error; the others are done.

    A row that the handler schedules anew at another instant stays.
    """
    with transaction.atomic():
        items = due.claim(kind, now=now, limit=limit, of=of)
        if not items:
            return 0
        try:
            with transaction.atomic():
                handle(items)
                due.finish(items)
        except Exception as error:  # noqa: BLE001 - whatever it was, the rows are tried one by one
            log.warning("due.batch_failed", kind=kind, size=len(items), error=repr(error))
        else:
            return len(items)
        for item in items:
            _alone(kind, handle, item, now)
    return len(items)


def _alone(kind: str, handle: Callable[[Sequence[DueItem]], None], item: DueItem, now: datetime) -> None:
    try:
        with transaction.atomic():
            handle([item])
            due.finish([item])
    except Exception as error:
        log.exception("due.failed", kind=kind, subject=item.subject_id, attempts=item.attempts)
        due.push_back(item, repr(error), now=now)
