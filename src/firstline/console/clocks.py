"""From a target's row to what a clock shows."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from firstline.console.components import Clock, ClockState
from firstline.sla.models import Clock as Target

RISK = 0.75


def label_of(target: str) -> str:
    return {
        "response": _("First response"),
        "resolution": _("Resolution"),
        "next_update": _("Next update"),
    }.get(target, target)


def face_of(target: Target | None) -> Clock:
    """The clock of a target.

    A running one carries the instants between which its bar fills: it is as full as the
    share of working time used when it last changed, and full when it is due."""
    if target is None or target.state == "cancelled":
        return Clock()
    length, used = timedelta(seconds=target.target_seconds), timedelta(seconds=target.elapsed_seconds)
    share = used / length if length else 1.0
    label = label_of(target.target)
    if target.state == "running" and target.due_at is not None:
        start = _start(target.changed_at, target.due_at, share)
        return Clock(
            state=ClockState.RUNNING,
            label=label,
            from_at=start,
            due_at=target.due_at,
            risk_at=_risk(target, start),
        )
    if target.state == "paused":
        return Clock(state=ClockState.PAUSED, label=label, length=max(length - used, timedelta()), used=share)
    if target.state == "met":
        return Clock(state=ClockState.MET, label=label, length=used, used=share)
    if target.state == "missed":
        return Clock(state=ClockState.MISSED, label=label, length=max(used - length, timedelta()), used=1.0)
    return Clock(label=label)


def _start(changed: datetime, due: datetime, share: float) -> datetime:
    """Where a bar that is `share` full at `changed` and full at `due` begins."""
    if share >= 1 or due <= changed:
        return changed
    return due - (due - changed) / (1 - share)


def _risk(target: Target, start: datetime) -> datetime:
    """From when the target is in danger:

    its next warning while none was given, else since it last changed.
    """
    assert target.due_at is not None
    if target.warned:
        return target.changed_at
    if target.next_at is not None and target.next_at < target.due_at:
        return target.next_at
    return start + (target.due_at - start) * RISK
