"""PagerDuty's scale is ours."""

from firstline.intake.signal import Severity

SEVERITIES = {severity.value: severity for severity in Severity}


def severity_of(name: str) -> Severity:
    """The severity of an event; what PagerDuty's API would have refused counts as error."""
    return SEVERITIES.get(name.strip().lower(), Severity.ERROR)
