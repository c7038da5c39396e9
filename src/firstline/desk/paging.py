"""What the page at three in the morning shows: the incident, why this person, what probably broke it."""

from dataclasses import dataclass
from datetime import datetime

from firstline.accounts.viewer import viewer_of
from firstline.core.errors import NotFound
from firstline.diagnosis.queries import Item, evidence_for
from firstline.incidents.models import Incident
from firstline.incidents.visibility import visible
from firstline.oncall.models import Page, Schedule
from firstline.sla.models import Clock


@dataclass(frozen=True, kw_only=True)
class PageCard:
    """`incident` is None where the person may know no more than number and priority before signing in."""

    page: Page
    number: str
    priority: int | None
    incident: Incident | None
    policy: str
    schedule: str
    silent: list[Page]
    others: list[Page]
    evidence: dict[str, list[Item]]
    clock: Clock | None


def page_card(page_id: int, *, now: datetime) -> PageCard:
    """The card behind a signed link. A security incident shows nothing but number and priority: the link has left
    Firstline, its holder may be anybody. `NotFound` when the page is gone or was not for a person."""
    page = (
        Page.objects.select_related("person", "escalation__policy", "incident__service", "incident__group")
        .filter(id=page_id, person__isnull=False)
        .first()
    )
    if page is None or page.person_id is None:
        raise NotFound("There is no such page.")
    incident = page.incident
    viewer = viewer_of(page.person_id)
    open_to_link = not incident.security
    known = open_to_link and visible(viewer).filter(id=incident.pk).exists()
    pages = _others(page)
    schedule_id = page.because.get("schedule")
    schedule = Schedule.objects.filter(id=schedule_id).first() if isinstance(schedule_id, int) else None
    return PageCard(
        page=page,
        number=incident.number,
        priority=incident.priority,
        incident=incident if open_to_link else None,
        policy=page.escalation.policy.name if page.escalation and page.escalation.policy else "",
        schedule=schedule.name if schedule is not None else "",
        silent=[
            p for p in pages if (p.cycle, p.step) < (page.cycle, page.step) and p.acknowledged_at is None
        ],
        others=[p for p in pages if p.acknowledged_at is not None],
        evidence=evidence_for(viewer, incident) if known else {},
        clock=Clock.objects.filter(incident=incident, state="running").order_by("due_at").first(),
    )


def _others(page: Page) -> list[Page]:
    """The other pages of the same escalation."""
    if page.escalation_id is None:
        return []
    rows = Page.objects.filter(escalation_id=page.escalation_id).exclude(id=page.pk)
    return list(rows.select_related("person").order_by("id")[:50])
