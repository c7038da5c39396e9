"""Who is looking: the first argument of every query, and what every action is checked against."""

from dataclasses import dataclass, field

from django.db import connection

from firstline.accounts.models import Membership, Person, Token
from firstline.accounts.permissions import Role, allows, refuse
from firstline.core import installation
from firstline.core.actor import Actor, ActorKind
from firstline.core.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Viewer:
    """`groups`: support groups the viewer belongs to; `security_groups`: those of them that are security groups."""

    person_id: int | None = None
    token_id: int | None = None
    roles: frozenset[Role] = frozenset({Role.CALLER})
    groups: frozenset[int] = frozenset()
    leads: frozenset[int] = frozenset()
    security_groups: frozenset[int] = frozenset()
    unit_id: int | None = None
    unit_shared: bool = False
    scopes: frozenset[str] | None = None
    reads_all: bool = False
    break_glass: bool = False
    everything: bool = field(default=False)  # Firstline itself

    def may(self, verb: str) -> bool:
        return self.everything or allows(self.roles, verb, self.scopes)

    def require(self, verb: str) -> None:
        """`NotAllowed`, naming the roles that may, unless this viewer may."""
        if not self.may(verb):
            raise refuse(verb)

    @property
    def is_staff(self) -> bool:
        return self.may("console.use")


SYSTEM = Viewer(everything=True, reads_all=True)
ANONYMOUS = Viewer(roles=frozenset())


def viewer_of(person_id: int) -> Viewer:
    """The viewer that a person is now: three queries. `NotAllowed` for somebody who is gone."""
    person = Person.objects.select_related("unit").filter(id=person_id, is_active=True).first()
    if person is None:
        raise NotAllowed("This account is not active.")
    memberships = list(
        Membership.objects.filter(person_id=person_id, group__active=True).values_list(
            "group_id", "lead", "group__security"
        )
    )
    roles = {Role.CALLER} | {Role(name) for name in person.roles if name in set(Role)}
    leads = frozenset(group for group, lead, _ in memberships if lead)
    if leads:
        roles |= {Role.LEAD, Role.AGENT}
    return Viewer(
        person_id=person.id,
        roles=frozenset(roles),
        groups=frozenset(group for group, _, _ in memberships),
        leads=leads,
        security_groups=frozenset(group for group, _, security in memberships if security),
        unit_id=person.unit_id,
        unit_shared=bool(person.unit and person.unit.shared),
        reads_all=_reads_all(roles),
        break_glass=_broke_glass(person.id) if roles & {Role.ADMINISTRATOR, Role.AUDITOR} else False,
    )


def viewer_of_token(token_id: int) -> Viewer:
    """The viewer that an API token is. A machine sees its groups' incidents, or all if agents do; never security
    ones unless one of its groups is a security group."""
    token = Token.objects.filter(id=token_id, revoked_at=None).first()
    if token is None:
        raise NotAllowed("This token is not valid.")
    groups = list(token.groups.filter(active=True).values_list("id", "security"))
    return Viewer(
        person_id=None,
        token_id=token.id,
        roles=frozenset({Role.MACHINE}),
        groups=frozenset(group for group, _ in groups),
        security_groups=frozenset(group for group, security in groups if security),
        scopes=frozenset(token.scopes),
        reads_all=_reads_all({Role.MACHINE}),
    )


def viewer_for(actor: Actor) -> Viewer:
    """Whose rights an actor has: a person's, a token's; rules, clocks and sources act for Firstline itself."""
    if actor.kind is ActorKind.PERSON:
        assert actor.id is not None
        return viewer_of(actor.id)
    if actor.kind is ActorKind.MACHINE:
        assert actor.id is not None
        return viewer_of_token(actor.id)
    return SYSTEM


def _reads_all(roles: set[Role]) -> bool:
    if roles & {Role.AUDITOR, Role.ADMINISTRATOR, Role.MAJOR_MANAGER}:
        return True
    staff = roles & {Role.AGENT, Role.LEAD, Role.SERVICE_OWNER, Role.MACHINE}
    return bool(staff) and bool(installation.get("agents_read_all"))


def _broke_glass(person_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM break_glass WHERE person_id = %s AND ends_at > firstline_now()"
            " AND started_at <= firstline_now())",
            [person_id],
        )
        return bool(cursor.fetchone()[0])
