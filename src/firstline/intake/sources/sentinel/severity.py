"""Microsoft's severities, the same in Sentinel and Defender: High, Medium, Low, Informational."""

from firstline.intake.signal import Severity

SEVERITIES = {
    "high": Severity.ERROR,
    "medium": Severity.WARNING,
    "low": Severity.INFO,
    "informational": Severity.INFO,
    "critical": Severity.CRITICAL,  # Defender XDR grades some incidents so
}


def severity_of(word: str) -> Severity:
    """What is unspecified or unknown is a warning."""
    return SEVERITIES.get(word.strip().lower(), Severity.WARNING)
