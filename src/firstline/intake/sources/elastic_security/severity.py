"""Elastic's severities and, where only a risk score is sent, the bands of its documentation: low up to 21, medium up
to 47, high up to 73, critical up to 100.
"""

from firstline.intake.signal import Severity
from firstline.intake.sources.security import banded

SEVERITIES = {
    "critical": Severity.CRITICAL,
    "high": Severity.ERROR,
    "medium": Severity.WARNING,
    "low": Severity.INFO,
}
RISK = ((74, Severity.CRITICAL), (48, Severity.ERROR), (22, Severity.WARNING))


def severity_of(word: str, risk: str) -> Severity:
    """By the word; without one by the risk score (0 to 100); without either a warning."""
    if (known := SEVERITIES.get(word.lower())) is not None:
        return known
    try:
        return banded(float(risk), RISK)
    except ValueError:
        return Severity.WARNING
