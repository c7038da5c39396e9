"""Reads of people and groups."""

from django.db.models import Q, QuerySet

from firstline.accounts.models import Membership, OrganisationUnit, Person, SupportGroup, Token
from firstline.accounts.permissions import CALENDAR, Role
from firstline.accounts.viewer import Viewer
from firstline.core.errors import NotFound


def people(viewer: Viewer, text: str = "") -> QuerySet[Person]:
    """People by name or address, without synthetic ones."""
    viewer.require("people.read")
    found = Person.objects.filter(synthetic=False).select_related("unit").order_by("name", "id")
    for word in text.split()[:8]:
        found = found.filter(Q(name__icontains=word) | Q(email__icontains=word) | Q(phone__icontains=word))
    return found


def person(viewer: Viewer, person_id: int) -> Person:
    if viewer.person_id != person_id:
        viewer.require("people.read")
    found = Person.objects.select_related("unit").filter(id=person_id).first()
    if found is None:
        raise NotFound("There is no such person.")
    return found


def groups(viewer: Viewer, *, synthetic: bool = False, inactive: bool = False) -> QuerySet[SupportGroup]:
    viewer.require("people.read")
    found = SupportGroup.objects.order_by("line", "name")
    if not inactive:
        found = found.filter(active=True)
    return found if synthetic else found.filter(synthetic=False)


def group(viewer: Viewer, group_id: int) -> SupportGroup:
    viewer.require("people.read")
    found = SupportGroup.objects.filter(id=group_id).first()
    if found is None:
        raise NotFound("There is no such group.")
    return found


def members(viewer: Viewer, group_id: int) -> QuerySet[Membership]:
    viewer.require("people.read")
    return Membership.objects.filter(group_id=group_id).select_related("person").order_by("person__name")


def assignable(viewer: Viewer) -> QuerySet[Person]:
    """Everybody who works on incidents: the members of support groups."""
    viewer.require("people.read")
    return (
        Person.objects.filter(is_active=True, synthetic=False, memberships__group__active=True)
        .distinct()
        .order_by("name", "id")
    )


def units(viewer: Viewer) -> QuerySet[OrganisationUnit]:
    """Departments, customers, sites."""
    viewer.require("people.read")
    return OrganisationUnit.objects.order_by("name")


def staff(viewer: Viewer) -> QuerySet[Person]:
    """Everybody with a role beyond caller or a group: who may be put into groups, schedules and policies."""
    viewer.require("people.read")
    working = Q(roles__len__gt=0) | Q(memberships__isnull=False)
    return Person.objects.filter(working, is_active=True, synthetic=False).distinct().order_by("name", "id")


def tokens(viewer: Viewer) -> QuerySet[Token]:
    viewer.require("configuration.read")
    return Token.objects.filter(revoked_at=None).order_by("name")


def catch_all_group() -> SupportGroup | None:
    return SupportGroup.objects.filter(catch_all=True).first()


def administrators() -> QuerySet[Person]:
    return Person.objects.filter(roles__contains=[Role.ADMINISTRATOR.value], is_active=True).order_by("id")


def leads_of(group_id: int) -> QuerySet[Person]:
    return Person.objects.filter(memberships__group_id=group_id, memberships__lead=True, is_active=True)


def has_calendar_token(viewer: Viewer) -> bool:
    """Whether the viewer's calendar feeds are open."""
    own = Token.objects.filter(owner_id=viewer.person_id, scopes=[CALENDAR], revoked_at=None)
    return viewer.person_id is not None and own.exists()
