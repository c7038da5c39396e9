"""Evidence: gathered in the background, with what diagnosis can't see by itself (alerts)."""

from collections.abc import Sequence

from django.db.models import Count

from firstline.catalog.queries import upstream
from firstline.core import clock
from firstline.diagnosis import actions as diagnosis
from firstline.incidents.models import Incident
from firstline.intake.models import AlertSpan


def gather(incident_ids: Sequence[int]) -> None:
    """First what the database knows of each, then the checks: they may take seconds."""
    for incident_id in incident_ids:
        diagnosis.gather_evidence(incident_id, now=clock.now(), firing=firing_upstream(incident_id))
    for incident_id in incident_ids:
        diagnosis.run_checks(incident_id, now=clock.now())


def firing_upstream(incident_id: int) -> dict[int, int]:
    """Open, unmuted alerts per service that the incident's service needs; security ones are not counted."""
    service = Incident.objects.filter(id=incident_id).values_list("service_id", flat=True).first()
    needed = upstream(service) if service else {}
    spans = AlertSpan.objects.filter(
        service_id__in=needed, ended_at=None, security=False, state__in=["firing", "acknowledged"]
    )
    return dict(spans.values_list("service_id").annotate(n=Count("id")).order_by())
