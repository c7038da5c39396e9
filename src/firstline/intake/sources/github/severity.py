"""GitHub's scales: advisories (critical … low), code scanning (error, warning, note), and ours for failures."""

from firstline.intake.signal import Severity

SEVERITIES = {
    "critical": Severity.CRITICAL,
    "high": Severity.ERROR,
    "error": Severity.ERROR,
    "medium": Severity.WARNING,
    "moderate": Severity.WARNING,
    "warning": Severity.WARNING,
    "low": Severity.INFO,
    "note": Severity.INFO,
    "none": Severity.INFO,
}
FAILED_RUN = Severity.WARNING
FAILED_DEPLOYMENT = Severity.ERROR
LEAKED_SECRET = Severity.CRITICAL


def severity_of(word: str) -> Severity:
    """The severity of an advisory or a rule; error where it says none."""
    return SEVERITIES.get(word.strip().lower(), Severity.ERROR)
