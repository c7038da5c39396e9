"""Zabbix's trigger severities, by number (0–5) and by the names that an installation has by default.

The table is the one that Zabbix's own media type for PagerDuty uses.
"""

from firstline.intake.signal import Severity

SEVERITIES = {
    "0": Severity.INFO,
    "1": Severity.INFO,
    "2": Severity.WARNING,
    "3": Severity.WARNING,
    "4": Severity.ERROR,
    "5": Severity.CRITICAL,
    "not classified": Severity.INFO,
    "information": Severity.INFO,
    "warning": Severity.WARNING,
    "average": Severity.WARNING,
    "high": Severity.ERROR,
    "disaster": Severity.CRITICAL,
}


def severity_of(number: str, name: str = "") -> Severity:
    """The severity of a number, else of a name; what neither knows (a renamed severity) counts as error."""
    return SEVERITIES.get(number.strip(), SEVERITIES.get(name.strip().lower(), Severity.ERROR))
