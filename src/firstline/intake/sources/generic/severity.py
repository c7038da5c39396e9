"""Severity words and numbers of any tool, for payloads whose mapping names no table of its own.

A number from 1 to 5 is read as P1 to P5, 1 the worst; other numbers mean nothing without a table.
"""

from collections.abc import Mapping

from firstline.intake.signal import SEVERITY_ORDER, Severity
from firstline.intake.sources.alertmanager.severity import SEVERITIES as PROMETHEUS

SEVERITIES = PROMETHEUS | {
    "alert": Severity.CRITICAL,
    "alarm": Severity.CRITICAL,
    "panic": Severity.CRITICAL,
    "blocker": Severity.CRITICAL,
    "severe": Severity.CRITICAL,
    "urgent": Severity.CRITICAL,
    "red": Severity.CRITICAL,
    "highest": Severity.CRITICAL,
    "down": Severity.CRITICAL,
    "p0": Severity.CRITICAL,
    "sev0": Severity.CRITICAL,
    "very high": Severity.CRITICAL,
    "disaster": Severity.CRITICAL,
    "failure": Severity.ERROR,
    "failed": Severity.ERROR,
    "moderate": Severity.WARNING,
    "normal": Severity.WARNING,
    "yellow": Severity.WARNING,
    "degraded": Severity.WARNING,
    "unknown": Severity.WARNING,
    "trivial": Severity.INFO,
    "lowest": Severity.INFO,
    "ok": Severity.INFO,
    "good": Severity.INFO,
    "success": Severity.INFO,
    "up": Severity.INFO,
    "1": Severity.CRITICAL,
    "2": Severity.ERROR,
    "3": Severity.WARNING,
    "4": Severity.INFO,
    "5": Severity.INFO,
}


def severity_of(text: str, own: Mapping[str, str] | None = None) -> Severity:
    """The severity of `text` by the mapping's `own` table, else by the common one; error when neither knows it.

    An own word `>=7` is of every number from 7 on; of several such, the highest that fits counts.
    """
    name = text.strip().lower()
    if found := _by_number(name, own or {}):
        return found
    for written, severity in (own or {}).items():
        if written.strip().lower() == name and severity in SEVERITY_ORDER:
            return Severity(severity)
    return SEVERITIES.get(name, Severity.ERROR)


def _by_number(text: str, own: Mapping[str, str]) -> Severity | None:
    try:
        number = float(text)
        bands = [(float(word[2:]), severity) for word, severity in own.items() if word.startswith(">=")]
    except ValueError:
        return None
    fitting = [
        (lowest, severity) for lowest, severity in bands if number >= lowest and severity in SEVERITY_ORDER
    ]
    return Severity(max(fitting)[1]) if fitting else None
