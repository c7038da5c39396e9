"""The `severity` label of the Prometheus world; nobody owns that scale, so what people write is
collected here.
"""

from firstline.intake.signal import Severity

SEVERITIES = {
    "critical": Severity.CRITICAL,
    "crit": Severity.CRITICAL,
    "emergency": Severity.CRITICAL,
    "disaster": Severity.CRITICAL,
    "fatal": Severity.CRITICAL,
    "page": Severity.CRITICAL,
    "p1": Severity.CRITICAL,
    "sev1": Severity.CRITICAL,
    "error": Severity.ERROR,
    "err": Severity.ERROR,
    "major": Severity.ERROR,
    "high": Severity.ERROR,
    "p2": Severity.ERROR,
    "sev2": Severity.ERROR,
    "warning": Severity.WARNING,
    "warn": Severity.WARNING,
    "minor": Severity.WARNING,
    "average": Severity.WARNING,
    "medium": Severity.WARNING,
    "ticket": Severity.WARNING,
    "p3": Severity.WARNING,
    "sev3": Severity.WARNING,
    "info": Severity.INFO,
    "informational": Severity.INFO,
    "information": Severity.INFO,
    "notice": Severity.INFO,
    "low": Severity.INFO,
    "none": Severity.INFO,
    "debug": Severity.INFO,
    "p4": Severity.INFO,
    "p5": Severity.INFO,
}


def severity_of(label: str) -> Severity:
    """The severity of a `severity` label; no label or an unknown one counts as error."""
    return SEVERITIES.get(label.strip().lower(), Severity.ERROR)
