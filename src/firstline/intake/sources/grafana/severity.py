"""Grafana has no scale: people write a `severity` label or tag. A legacy alert without data is a warning."""

from firstline.intake.signal import Severity
from firstline.intake.sources.alertmanager.severity import severity_of as by_label

NO_DATA = Severity.WARNING


def severity_of(label: str, state: str = "") -> Severity:
    """The severity of a label or tag; by the legacy `state` where there is none."""
    if not label and state in ("no_data", "nodata"):
        return NO_DATA
    return by_label(label)
