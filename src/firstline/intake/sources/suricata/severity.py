"""Suricata's priorities: 1 is the worst, from classification.config; rule sets that carry `signature_severity`
in their metadata (Emerging Threats) say it in words, which then count.
"""

from firstline.intake.signal import Severity

PRIORITIES = {"1": Severity.ERROR, "2": Severity.WARNING, "3": Severity.INFO, "4": Severity.INFO}
WORDS = {
    "critical": Severity.CRITICAL,
    "major": Severity.ERROR,
    "minor": Severity.WARNING,
    "informational": Severity.INFO,
}


def severity_of(priority: str, word: str = "") -> Severity:
    """By the word, else by the number; a warning where neither is known."""
    return WORDS.get(word.lower()) or PRIORITIES.get(priority, Severity.WARNING)
