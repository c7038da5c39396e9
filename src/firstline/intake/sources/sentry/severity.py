"""Sentry's levels, and the actions of metric alerts."""

from firstline.intake.signal import Severity

LEVELS = {
    "fatal": Severity.CRITICAL,
    "critical": Severity.CRITICAL,
    "error": Severity.ERROR,
    "warning": Severity.WARNING,
    "log": Severity.INFO,
    "info": Severity.INFO,
    "debug": Severity.INFO,
    "sample": Severity.INFO,
}


def severity_of(level: str) -> Severity:
    """The severity of a level; error, which is Sentry's own default, where there is none."""
    return LEVELS.get(level.strip().lower(), Severity.ERROR)
