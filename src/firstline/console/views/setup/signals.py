"""What the set-up pages read of intake: sources, their kinds, and the last signals as subjects of rules."""

from datetime import datetime

from firstline.accounts.viewer import Viewer
from firstline.classification.rules import Subject
from firstline.intake.models import AlertSpan, Source
from firstline.intake.sources.registry import FRONTS


def kinds() -> list[str]:
    """The kinds of sources that there can be."""
    return sorted({*FRONTS, "mail"})


def sources(viewer: Viewer) -> list[Source]:
    """Those of this installation, without the selftest's own."""
    if not viewer.may("source.read"):
        return []
    return list(Source.objects.filter(synthetic=False).order_by("name"))


def subjects(viewer: Viewer, last: int) -> list[tuple[Subject, datetime]]:
    """The last signals, one for each stretch of an alert, as rules would have seen them."""
    if not viewer.may("alert.read"):
        return []
    spans = AlertSpan.objects.filter(source__synthetic=False, security=False).select_related("source")
    return [
        (
            Subject(
                title=span.title,
                description=span.description,
                channel="SIEM" if span.security else "monitoring",
                source_id=span.source_id,
                source_kind=span.source.kind,
                service_id=span.service_id,
                labels=span.labels,
            ),
            span.last_seen_at,
        )
        for span in spans.order_by("-last_seen_at", "-id")[: min(last, 500)]
    ]
