"""Alerts as staff see them: permission-filtered, paged, counted."""

from django.db.models import Q, QuerySet

from firstline.accounts.viewer import Viewer
from firstline.core.pagination import Page, paginate
from firstline.incidents.visibility import staff_filter
from firstline.intake.models import AlertSpan

PAGE = 50
COUNTED_TO = 999
STATES: dict[str, Q] = {
    "open": Q(ended_at=None) & ~Q(state="suppressed"),
    "muted": Q(ended_at=None, state="suppressed"),
    "ended": Q(ended_at__isnull=False),
    "all": Q(),
}


def visible_spans(viewer: Viewer) -> QuerySet[AlertSpan]:
    """Alert spans that the viewer may see: like their incident; one without, unless it is a security signal of a source
    whose group is not the viewer's."""
    viewer.require("alert.read")
    with_incident = Q(incident__isnull=False) & staff_filter(viewer, "incident__")
    loose = Q(incident=None, security=False)
    if viewer.security_groups:
        loose |= Q(incident=None, security=True, source__group_id__in=viewer.security_groups)
    if viewer.everything or viewer.break_glass:
        loose = Q(incident=None)
    return AlertSpan.objects.filter(with_incident | loose, source__synthetic=False)


def alerts(
    viewer: Viewer, *, state: str = "open", text: str = "", cursor: str | None = None
) -> Page[AlertSpan]:
    """A page of spans, the latest signal first."""
    found = (
        visible_spans(viewer).filter(STATES.get(state, Q())).select_related("source", "service", "incident")
    )
    for word in text.split()[:8]:
        found = found.filter(title__icontains=word)
    return paginate(found.defer("incident__search"), ("-last_seen_at", "-id"), cursor=cursor, size=PAGE)


def counts(viewer: Viewer) -> dict[str, int]:
    """How many fire and how many are muted, exact to 999."""
    return {
        key: visible_spans(viewer).filter(STATES[key]).order_by()[: COUNTED_TO + 1].count()
        for key in ("open", "muted")
    }
