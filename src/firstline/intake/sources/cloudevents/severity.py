"""The severity extension of CloudEvents (OpenTelemetry's numbers 1–24 and their texts), else the data's own word."""

from firstline.intake.signal import Severity
from firstline.intake.sources.generic.severity import severity_of as by_word

# highest number of each band of OpenTelemetry: trace, debug and info, warn, error, fatal
BANDS = ((12, Severity.INFO), (16, Severity.WARNING), (20, Severity.ERROR), (24, Severity.CRITICAL))


def severity_of(number: str, text: str, word: str) -> Severity:
    """The severity by number, else by text, else by what the data says; error where nothing does."""
    if number.isascii() and number.isdigit():
        return next((severity for highest, severity in BANDS if int(number) <= highest), Severity.ERROR)
    return by_word(text or word)
