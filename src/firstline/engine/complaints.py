"""A due row that fails again and again is kept and tried, and after a minute the administrators are told."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from firstline.accounts.queries import administrators
from firstline.core.models import Due
from firstline.notifications.telling import tell_people

PATIENCE = timedelta(minutes=1)
MOST = 20


def run(now: datetime) -> int:
    """Tell of each row that has been failing for a minute, once per row and failure."""
    failing = Due.objects.filter(failing_since__lte=now - PATIENCE).order_by("failing_since")[:MOST]
    with transaction.atomic():
        told = 0
        people = list(administrators()) if failing else []
        for row in failing:
            assert row.failing_since is not None
            tell_people(
                people,
                kind="engine",
                subject=_("Firstline can't do “%(kind)s” for %(id)s")
                % {"kind": row.kind, "id": row.subject_id},
                body=_(
                    "It has failed since %(since)s, %(attempts)s times, and is tried again by itself.\n\n%(error)s\n\n"
                    "What depends on it waits. Look at the incident, and at the log of the engine."
                )
                % {"since": row.failing_since.isoformat(), "attempts": row.attempts, "error": row.error},
                key=f"complaint-{row.id}-{row.failing_since.isoformat()}",
                now=now,
                urgency="high",
            )
            told += 1
        return told
