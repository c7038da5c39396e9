"""States of hosts and services in Nagios, Icinga and their kin.

https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/pluginapi.html
"""

from firstline.intake.signal import Severity

GOOD = frozenset({"OK", "UP", "PENDING"})
SEVERITIES = {
    "DOWN": Severity.CRITICAL,
    "CRITICAL": Severity.CRITICAL,
    "UNREACHABLE": Severity.ERROR,  # something before it is down: a symptom
    "WARNING": Severity.WARNING,
    "UNKNOWN": Severity.WARNING,  # the check itself could not tell
    "OK": Severity.INFO,
    "UP": Severity.INFO,
    "PENDING": Severity.INFO,
}
NUMBERS = {"0": "OK", "1": "WARNING", "2": "CRITICAL", "3": "UNKNOWN"}


def severity_of(state: str) -> Severity:
    """The severity of a state; an unknown word counts as error."""
    return SEVERITIES.get(state, Severity.ERROR)
