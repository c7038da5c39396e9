"""The severities of CEF (0 to 10, or the words of its specification: Low 0–3, Medium 4–6, High 7–8, Very-High 9–10)
and LEEF (`sev`, 1 to 10, the same bands).
"""

import re

from firstline.intake.signal import Severity
from firstline.intake.sources.security import banded, by_word

BANDS = ((9, Severity.CRITICAL), (7, Severity.ERROR), (4, Severity.WARNING))
WORDS = {"very-high": Severity.CRITICAL, "veryhigh": Severity.CRITICAL, "unknown": Severity.WARNING}
NUMBER = re.compile(r"\d{1,3}")


def severity_of(text: str) -> Severity:
    """The severity of a header's field; what is neither number nor word is a warning."""
    if (match := NUMBER.search(text)) is not None:
        return banded(int(match[0]), BANDS)
    word = text.strip().lower()
    return WORDS.get(word) or by_word(word)
