"""Every read of agreements and clocks."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from firstline.accounts.viewer import Viewer
from firstline.core.errors import NotFound
from firstline.incidents.models import Incident
from firstline.incidents.visibility import own, visible
from firstline.sla.clock import fold
from firstline.sla.facts import Documents, histories
from firstline.sla.ledger import Ledger
from firstline.sla.ledger import why_due as ledger_of
from firstline.sla.models import Agreement, AgreementVersion, Clock
from firstline.sla.reading import clock_events


def clocks(viewer: Viewer, incident_id: int) -> list[Clock]:
    """The clocks of an incident that the viewer may see."""
    _incident(viewer, incident_id)
    found = Clock.objects.filter(incident_id=incident_id).select_related("agreement_version__agreement")
    return list(found.order_by("target"))


def clocks_of(viewer: Viewer, incident_ids: Sequence[int]) -> dict[int, list[Clock]]:
    """The clocks of incidents of a list: two queries, however many."""
    seen = visible(viewer).filter(id__in=incident_ids).values_list("id", flat=True)
    found: dict[int, list[Clock]] = {incident_id: [] for incident_id in seen}
    for clock in Clock.objects.filter(incident_id__in=found).order_by("due_at", "target"):
        found[clock.incident_id].append(clock)
    return found


def why_due(viewer: Viewer, incident_id: int, target: str, now: datetime) -> Ledger:
    """The ledger of one clock: each stretch, what of it counts and why; the sum is the elapsed time."""
    incident = _incident(viewer, incident_id)
    history = histories([incident])[incident.id]
    events = clock_events(history, target, Documents().terms(history.entries))
    if events is None:
        raise NotFound("There is no such clock on this incident.")
    return ledger_of(fold(events), now)


def agreements(viewer: Viewer) -> QuerySet[Agreement]:
    """Agreements in the order in which they are tried."""
    viewer.require("configuration.read")
    return Agreement.objects.order_by("position", "id")


def agreement_in_force(viewer: Viewer, agreement_id: int) -> AgreementVersion:
    viewer.require("configuration.read")
    version = AgreementVersion.objects.filter(agreement_id=agreement_id, valid_to=None).first()
    if version is None:
        raise NotFound("There is no such agreement.")
    return version


def _incident(viewer: Viewer, incident_id: int) -> Incident:
    reachable = visible(viewer) if viewer.everything or viewer.may("incident.read") else own(viewer)
    incident = reachable.filter(id=incident_id).first()
    if incident is None:
        raise NotFound("There is no such incident.")
    return incident
