"""Beats → signals: a beat resolves the alert *missing*, a reported failure triggers it.

Addresses as cron people know them from Healthchecks: `/beat/<token>`, `…/fail`, `…/<exit status>`,
`…/start`, `…/log`.
"""

from collections.abc import Mapping
from typing import Any

from firstline.intake.signal import Severity, Signal, SignalKind
from firstline.intake.sources.parsing import Received

KEY = "beat"
NO_BEAT = ("start", "log")


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """At most one signal; announcing a start or sending a log line says nothing about the outcome."""
    suffix = row.headers.get("path", "").strip("/").lower()
    if suffix in NO_BEAT:
        return []
    failed = suffix == "fail" or (suffix.isdigit() and suffix.strip("0") != "")
    said = row.body.decode("utf-8", "replace").replace("\x00", "").strip()
    reason = f"exit status {suffix}" if suffix.isdigit() else "failure"
    return [
        Signal(
            kind=SignalKind.TRIGGER if failed else SignalKind.RESOLVE,
            key=KEY,
            title=f"The job reported {reason}" if failed else "Beat received",
            description=said,
            severity=Severity.ERROR,
            occurred_at=row.received_at,
            row=row.id,
        )
    ]
