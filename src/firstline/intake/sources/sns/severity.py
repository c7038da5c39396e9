"""CloudWatch has states and no scale; services that speak through EventBridge have numbers or words."""

from firstline.intake.signal import Severity
from firstline.intake.sources.generic.severity import severity_of as by_word

STATES = {"ALARM": Severity.ERROR, "INSUFFICIENT_DATA": Severity.WARNING, "OK": Severity.INFO}
# lowest number of each band of GuardDuty's severity
GUARDDUTY = ((9.0, Severity.CRITICAL), (7.0, Severity.ERROR), (4.0, Severity.WARNING), (0.0, Severity.INFO))


def severity_of_state(state: str) -> Severity:
    """The severity of an alarm's state."""
    return STATES.get(state.strip().upper(), Severity.ERROR)


def severity_of(word: str) -> Severity:
    """The severity of a word, or of GuardDuty's number from 1 to 10."""
    try:
        number = float(word)
    except ValueError:
        return by_word(word)
    return next((severity for lowest, severity in GUARDDUTY if number >= lowest), Severity.INFO)
