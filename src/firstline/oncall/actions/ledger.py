"""The ledger of pages: what came of their deliveries.

Whoever writes pages or escalations locks the incident first. So nobody ever waits for somebody who waits for
them.
"""

from collections.abc import Sequence
from datetime import datetime

from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.incidents.actions.writing import locked
from firstline.notifications.deliver import Hooks, Settled
from firstline.notifications.models import Delivery
from firstline.oncall.actions.answering import hurry, same_step
from firstline.oncall.events import PageFailed
from firstline.oncall.models import Page

CLOCKWORK = Actor.clock("escalation")


def lock_incidents(page_ids: Sequence[int]) -> None:
    """Lock the incidents of these pages, in the order of their ids."""
    if page_ids:
        locked(Page.objects.filter(id__in=page_ids).values_list("incident_id", flat=True))


def note(settled: Sequence[Settled], now: datetime) -> None:
    """Write attempts into the ledger, in the transaction that settles them and under the locks of their
    incidents.

    A page that no channel took is said, and the next step comes at once.
    """
    about_pages = [one for one in settled if one.page_id is not None]
    if not about_pages:
        return
    ids = {one.page_id for one in about_pages if one.page_id is not None}
    delivered = {one.page_id for one in about_pages if one.ok and one.page_id is not None}
    Page.objects.filter(id__in=ids, attempted_at=None).update(attempted_at=now)
    Page.objects.filter(id__in=delivered, delivered_at=None).update(delivered_at=now)
    lost = [one.page_id for one in about_pages if one.final and not one.ok and not one.next_channel]
    _failed([page_id for page_id in lost if page_id is not None], now)


def _failed(page_ids: Sequence[int], now: datetime) -> None:
    """Of these pages, those of which nothing is delivered and nothing is left to try."""
    alive = Delivery.objects.filter(
        page_id__in=page_ids, state__in=("due", "sending", "delivered", "dropped")
    )
    hopeless = set(page_ids) - set(alive.values_list("page_id", flat=True))
    for page in Page.objects.filter(id__in=hopeless, ended_at=None).order_by("id"):
        Page.objects.filter(id=page.id).update(ended_at=now)
        channels = Delivery.objects.filter(page_id=page.id).order_by("id").values_list("channel", flat=True)
        event_log.record(
            [
                PageFailed(
                    subject_id=page.incident_id, actor=CLOCKWORK, occurred_at=now, page_id=page.id,
                    person_id=page.person_id, channels=list(channels),
                )
            ],
            now=now,
        )  # fmt: skip
        if not same_step(page).filter(ended_at=None).exists():
            hurry(page, now)


LEDGER = Hooks(lock_incidents, note)
"""What the engine's sender keeps together with the deliveries."""
