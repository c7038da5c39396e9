"""Opsgenie's priorities P1 (critical) to P5 (informational)."""

from firstline.intake.signal import Severity

SEVERITIES = {
    "P1": Severity.CRITICAL,
    "P2": Severity.ERROR,
    "P3": Severity.WARNING,
    "P4": Severity.INFO,
    "P5": Severity.INFO,
}
PRIORITIES = {
    Severity.CRITICAL: "P1",
    Severity.ERROR: "P2",
    Severity.WARNING: "P3",
    Severity.INFO: "P5",
}
DEFAULT = Severity.WARNING  # Opsgenie takes an alert without a priority for a P3


def severity_of(priority: str) -> Severity:
    """The severity of a priority; an unknown one counts as P3, as an alert without one does."""
    return SEVERITIES.get(priority.strip().upper(), DEFAULT)
