"""Syslog's severities, RFC 5424 table 2."""

from firstline.intake.signal import Severity

SEVERITIES = (
    Severity.CRITICAL,  # 0 emergency
    Severity.CRITICAL,  # 1 alert
    Severity.CRITICAL,  # 2 critical
    Severity.ERROR,
    Severity.WARNING,
    Severity.INFO,  # 5 notice
    Severity.INFO,
    Severity.INFO,  # 7 debug
)
THRESHOLD = Severity.WARNING


def severity_of(number: int) -> Severity:
    return SEVERITIES[number & 7]


def threshold_of(value: object) -> Severity:
    """The least severity that makes an alert, from the source's `threshold`."""
    return Severity(value) if isinstance(value, str) and value in set(Severity) else THRESHOLD
