"""Splunk's words and numbers: `urgency` and `severity` of Enterprise Security, and a saved search's 1 (debug) to 6."""

from firstline.intake.signal import Severity

SEVERITIES = {
    "fatal": Severity.CRITICAL,
    "critical": Severity.CRITICAL,
    "severe": Severity.CRITICAL,
    "high": Severity.ERROR,
    "error": Severity.ERROR,
    "medium": Severity.WARNING,
    "warn": Severity.WARNING,
    "warning": Severity.WARNING,
    "low": Severity.INFO,
    "info": Severity.INFO,
    "informational": Severity.INFO,
    "debug": Severity.INFO,
    "6": Severity.CRITICAL,
    "5": Severity.CRITICAL,
    "4": Severity.ERROR,
    "3": Severity.WARNING,
    "2": Severity.INFO,
    "1": Severity.INFO,
}


def severity_of(word: str) -> Severity:
    """The severity of a field `severity` or `urgency` in the result; error without one."""
    return SEVERITIES.get(word.strip().lower(), Severity.ERROR)
