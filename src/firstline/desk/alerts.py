"""Alerts as staff see them: permission-filtered, paged, counted."""

from django.db.models import Q, QuerySet

from firstline.accounts.viewer import Viewer
from firstline.core.pagination import Page, paginate
from firstline.intake.models import AlertSpan
from firstline.intake.queries import alert_spans

PAGE = 50
COUNTED_TO = 999
STATES: dict[str, Q] = {
    "open": Q(ended_at=None) & ~Q(state="suppressed"),
    "muted": Q(ended_at=None, state="suppressed"),
    "ended": Q(ended_at__isnull=False),
    "all": Q(),
}


def visible_spans(viewer: Viewer) -> QuerySet[AlertSpan]:
    """Alert spans that the viewer may see, without the synthetic ones."""
    return alert_spans(viewer)


def alerts(
    viewer: Viewer, *, state: str = "open", text: str = "", cursor: str | None = None
) -> Page[AlertSpan]:
    """A page of spans, the latest signal first."""
    found = (
        visible_spans(viewer).filter(STATES.get(state, Q())).select_related("source", "service", "incident")
    )
    for word in text.split()[:8]:
        found = found.filter(title__icontains=word)
    return paginate(found.defer("incident__search"), ("-id",), cursor=cursor, size=PAGE)


def counts(viewer: Viewer) -> dict[str, int]:
    """How many fire and how many are muted, exact to 999."""
    return {
        key: visible_spans(viewer).filter(STATES[key]).order_by()[: COUNTED_TO + 1].count()
        for key in ("open", "muted")
    }
