"""OCSF's `severity_id`: https://schema.ocsf.io/ (dictionary attribute severity_id). Unknown and other are warnings."""

from firstline.intake.signal import Severity
from firstline.intake.sources.security import by_word

SEVERITIES = {
    "1": Severity.INFO,  # informational
    "2": Severity.INFO,  # low
    "3": Severity.WARNING,  # medium
    "4": Severity.ERROR,  # high
    "5": Severity.CRITICAL,
    "6": Severity.CRITICAL,  # fatal
}


def severity_of(number: str, word: str) -> Severity:
    """By the number; by the word where a producer sends no number."""
    return SEVERITIES.get(number) or (by_word(word) if not number else Severity.WARNING)
