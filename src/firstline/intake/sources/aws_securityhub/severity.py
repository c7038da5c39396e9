"""Security Hub's labels (ASFF: `Severity.Label`, or `Normalized` from 0 to 100) and GuardDuty's scale, both by AWS'
documentation: https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html
"""

from firstline.intake.signal import Severity
from firstline.intake.sources.security import banded

LABELS = {
    "CRITICAL": Severity.CRITICAL,
    "HIGH": Severity.ERROR,
    "MEDIUM": Severity.WARNING,
    "LOW": Severity.INFO,
    "INFORMATIONAL": Severity.INFO,
}
NORMALIZED = ((90, Severity.CRITICAL), (70, Severity.ERROR), (40, Severity.WARNING))
GUARDDUTY = ((9, Severity.CRITICAL), (7, Severity.ERROR), (4, Severity.WARNING))


def of_finding(label: str, normalized: str) -> Severity:
    """The severity of a finding in ASFF: by its label, else by the number; a warning without either."""
    if (known := LABELS.get(label.upper())) is not None:
        return known
    return _by_number(normalized, NORMALIZED)


def of_guardduty(number: str) -> Severity:
    """The severity of one of GuardDuty's own findings (1.0 to 10.0)."""
    return _by_number(number, GUARDDUTY)


def _by_number(number: str, bands: tuple[tuple[float, Severity], ...]) -> Severity:
    try:
        return banded(float(number), bands)
    except ValueError:
        return Severity.WARNING
