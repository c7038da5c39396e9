"""What the pages of rules read of intake: sources, their kinds, and the last signals as subjects of rules."""

from datetime import datetime

from firstline.accounts.viewer import Viewer
from firstline.classification.rules import Subject
from firstline.intake import queries
from firstline.intake.helping import TITLES
from firstline.intake.models import Source
from firstline.intake.sources.registry import SECURITY_KINDS


def kinds() -> list[tuple[str, str]]:
    """The kinds of sources that there can be, with what they are called."""
    return [(kind, str(title)) for kind, title in TITLES.items()]


def sources(viewer: Viewer) -> list[Source]:
    """Those of this installation, without the selftest's own."""
    return list(queries.sources(viewer)) if viewer.may("source.read") else []


def subjects(viewer: Viewer, last: int) -> list[tuple[Subject, datetime]]:
    """The last signals that the viewer may see, one for each stretch of an alert, as rules would have seen them."""
    if not viewer.may("alert.read"):
        return []
    return [
        (
            Subject(
                title=signal.title,
                description=signal.description,
                channel="SIEM" if signal.kind in SECURITY_KINDS else "monitoring",
                source_id=signal.source_id,
                source_kind=signal.kind,
                service_id=signal.service_id,
                labels=signal.labels,
            ),
            signal.at,
        )
        for signal in queries.recent_signals(viewer, limit=min(last, 500))
    ]
