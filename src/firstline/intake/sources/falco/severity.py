"""Falco's priorities, which are those of syslog: https://falco.org/docs/concepts/rules/basic-elements/#priority"""

from firstline.intake.signal import Severity

SEVERITIES = {
    "emergency": Severity.CRITICAL,
    "alert": Severity.CRITICAL,
    "critical": Severity.CRITICAL,
    "error": Severity.ERROR,
    "warning": Severity.WARNING,
    "notice": Severity.INFO,
    "informational": Severity.INFO,
    "info": Severity.INFO,
    "debug": Severity.INFO,
}


def severity_of(priority: str) -> Severity:
    """A priority that nobody knows counts as a warning."""
    return SEVERITIES.get(priority.strip().lower(), Severity.WARNING)
