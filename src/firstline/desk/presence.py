"""Who else looks at an incident now: those whose page has asked for it within a minute."""

from datetime import datetime, timedelta

from firstline.accounts.models import Person
from firstline.desk.models import Seen

FRESH = timedelta(seconds=75)


def here(person_id: int, incident_id: int, *, now: datetime) -> None:
    """This person's page is still open; what they have read of it stays as it was."""
    Seen.objects.filter(person_id=person_id, incident_id=incident_id).update(at=now)


def viewers(incident_id: int, *, but: int, now: datetime) -> list[Person]:
    """The others who have it open."""
    fresh = Seen.objects.filter(incident_id=incident_id, at__gt=now - FRESH).exclude(person_id=but)
    rows = fresh.select_related("person").order_by("-at")[:8]
    return [row.person for row in rows]
