"""Healthchecks knows up and down; a tag `severity:…` or one of the four words alone says how bad a check is."""

from firstline.intake.signal import Severity

WORDS = {severity.value: severity for severity in Severity}


def severity_of(tags: str) -> Severity:
    """The severity that the check's tags name; error without one."""
    for word in tags.lower().split():
        if found := WORDS.get(word.removeprefix("severity:").removeprefix("severity=")):
            return found
    return Severity.ERROR
