"""What the auditor finds becomes an incident of its own, one at a time."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from firstline.accounts.queries import catch_all_group
from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.core.batch import run_due
from firstline.core.due import DueItem
from firstline.incidents.actions.register import Report, register
from firstline.incidents.lifecycle import OPEN
from firstline.incidents.models import Incident
from firstline.oncall.auditor import FINDING
from firstline.oncall.events import PageLate

AUDITOR = Actor.system("auditor")


def raise_findings(*, now: datetime, limit: int = 100) -> int:
    """Engine: register an incident for what the auditor found, unless one is open, and say it on those
    concerned.
    """
    return run_due(FINDING, lambda items: _raise(items, now), now=now, limit=limit)


def _raise(items: Sequence[DueItem], now: datetime) -> None:
    concerned = Incident.objects.filter(id__in=[item.subject_id for item in items]).values_list(
        "id", flat=True
    )
    event_log.record(
        [
            PageLate(subject_id=incident_id, actor=AUDITOR, occurred_at=now, finding="late")
            for incident_id in concerned
        ],
        now=now,
    )
    title = _("Pages are late or missing: the auditor found what the engine did not do")
    if Incident.objects.filter(title=title, state__in=[state.value for state in OPEN]).exists():
        return
    group = catch_all_group()
    report = Report(
        title=title,
        description="\n".join(str(item.payload.get("finding", "")) for item in items),
        channel="monitoring",
        received_at=now,
        degradation="down",
        extent="all",
        can_work="no",
        group_id=group.id if group is not None else None,
        why={"auditor": len(items)},
    )
    register([report], actor=AUDITOR, now=now)
