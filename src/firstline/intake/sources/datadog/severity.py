"""Datadog's scales: a monitor's priority P1–P5, the event's alert type, and the transition; the first that is given."""

from firstline.intake.signal import Severity

PRIORITIES = {
    "p1": Severity.CRITICAL,
    "p2": Severity.ERROR,
    "p3": Severity.WARNING,
    "p4": Severity.INFO,
    "p5": Severity.INFO,
}
TYPES = {
    "error": Severity.ERROR,
    "warning": Severity.WARNING,
    "info": Severity.INFO,
    "success": Severity.INFO,
    "user_update": Severity.INFO,
}
TRANSITIONS = {
    "warn": Severity.WARNING,
    "re-warn": Severity.WARNING,
    "no data": Severity.WARNING,
    "re-no data": Severity.WARNING,
}


def severity_of(priority: str, alert_type: str = "", transition: str = "") -> Severity:
    """The severity of what a webhook says; error where it says nothing."""
    for table, word in ((PRIORITIES, priority), (TRANSITIONS, transition), (TYPES, alert_type)):
        if found := table.get(word.strip().lower()):
            return found
    return Severity.ERROR
