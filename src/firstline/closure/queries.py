"""Reads of what waits for a caller's word."""

from dataclasses import dataclass

from django.db.models import QuerySet

from firstline.accounts.models import Person
from firstline.accounts.viewer import Viewer
from firstline.closure.links import ClosureLink
from firstline.closure.models import Confirmation
from firstline.core.errors import NotFound
from firstline.incidents.lifecycle import State
from firstline.incidents.visibility import staff_filter


@dataclass(frozen=True, slots=True)
class LinkPage:
    """What the page behind a link needs. `is_caller`: the person's word closes and reopens."""

    confirmation: Confirmation
    person: Person
    is_caller: bool
    current: bool  # the link is of the latest resolution


def to_confirm(viewer: Viewer) -> QuerySet[Confirmation]:
    """Resolved incidents whose caller has not answered, the ones that close first at the top, those that only a
    person closes after them. With caller (phone, place, preferred channel), service, group and who resolved."""
    viewer.require("incident.read")
    return (
        Confirmation.objects.filter(staff_filter(viewer, "incident__"))
        .filter(
            answered_at=None,
            person__isnull=False,
            incident__state=State.RESOLVED.value,
            incident__synthetic=False,
        )
        .select_related(
            "person", "incident__caller", "incident__service", "incident__group", "incident__resolved_by"
        )
        .defer("incident__search", "incident__description")
        .order_by("close_at", "id")
    )


def latest(incident_id: int) -> Confirmation | None:
    """The confirmation of an incident's last resolution, answered or not. The caller of this has checked access."""
    return Confirmation.objects.filter(incident_id=incident_id).order_by("-resolution_number").first()


def waits_for(person_id: int, incident_ids: list[int]) -> dict[int, Confirmation]:
    """Which of these incidents wait for this person's word."""
    rows = Confirmation.objects.filter(
        incident_id__in=incident_ids,
        person_id=person_id,
        answered_at=None,
        incident__state=State.RESOLVED.value,
    )
    return {row.incident_id: row for row in rows}


def link_page(link: ClosureLink) -> LinkPage:
    """The page behind a signed link. `NotFound` when the incident or the person is gone."""
    row = (
        Confirmation.objects.select_related("incident__service", "incident__resolution_code", "person")
        .filter(id=link.confirmation_id)
        .first()
    )
    person = Person.objects.filter(id=link.person_id, is_active=True).first()
    if row is None or person is None:
        raise NotFound("What this link belonged to is gone.")
    newest = latest(row.incident_id)
    return LinkPage(row, person, row.person_id == person.id, newest is not None and newest.id == row.id)


def unrated(person_id: int, incident_id: int) -> Confirmation | None:
    """The closure of this incident that this person was asked to rate and has not rated."""
    row = latest(incident_id)
    if row is None or row.person_id != person_id or row.rating is not None or not row.ask_rating:
        return None
    return row
