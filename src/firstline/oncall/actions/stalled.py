"""Functional escalation by rule: no progress for so many working minutes sends an incident to the next
line.
"""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from firstline.accounts.models import SupportGroup
from firstline.core import installation
from firstline.core.actor import Actor
from firstline.core.batch import run_due
from firstline.core.due import DueItem
from firstline.incidents.actions.working import escalate
from firstline.incidents.lifecycle import State
from firstline.incidents.models import Incident
from firstline.oncall.actions.looking import STALLED


def escalate_stalled(*, now: datetime, limit: int = 100) -> int:
    """Engine: hand on what its group has not touched in time. The last line keeps it; its targets go on
    warning.
    """
    return run_due(STALLED, lambda items: _hand_on(items, now), now=now, limit=limit, of="incident")


def _hand_on(items: Sequence[DueItem], now: datetime) -> None:
    minutes = installation.get("ola_stalled_minutes")
    waiting = Incident.objects.filter(
        id__in=[item.subject_id for item in items], state__in=(State.NEW.value, State.ASSIGNED.value)
    )
    following = dict(SupportGroup.objects.values_list("id", "escalates_to_id"))
    for incident in waiting.order_by("id"):
        if minutes and following.get(incident.group_id or 0) is not None:
            escalate(
                incident.id,
                reason=_("No progress for %(minutes)s working minutes") % {"minutes": minutes},
                actor=Actor.rule(None, "no progress"),
                now=now,
            )
