"""Background jobs that need more than one app. Each calls one function."""

from collections.abc import Sequence

from procrastinate.contrib.django import app

from firstline.workflow import evidence


@app.task(name="diagnosis.gather", queue="evidence", retry=2)
def gather_evidence(incident_ids: Sequence[int]) -> None:
    """Look for evidence for these incidents."""
    evidence.gather(incident_ids)
