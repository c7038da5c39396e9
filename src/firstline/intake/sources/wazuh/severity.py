"""Wazuh's rule levels (0–15 and above for own rules), by the bands of its documentation and dashboard."""

from firstline.intake.signal import Severity
from firstline.intake.sources.alertmanager.severity import severity_of as by_name

# lowest level of each band
LEVELS = ((15, Severity.CRITICAL), (12, Severity.ERROR), (7, Severity.WARNING), (0, Severity.INFO))


def severity_of(level: str) -> Severity:
    """The severity of a numeric level; integrations that send a word instead are understood too."""
    try:
        number = float(level)
    except ValueError:
        return by_name(level)
    return next((severity for lowest, severity in LEVELS if number >= lowest), Severity.INFO)
