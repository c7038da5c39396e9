"""A small organisation for tests: a caller, two groups, a service, and an incident at any stage of its life."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from firstline.accounts.actions import create_group, create_person, set_members
from firstline.accounts.models import Person, SupportGroup
from firstline.catalog.models import Service
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.incidents import actions
from firstline.incidents.actions.register import Report
from firstline.incidents.models import Incident
from firstline.workflow.seed import ensure_defaults

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MAKER = Actor.system("test")


@dataclass
class Organisation:
    """Who there is. `agent` leads `first`; `guard` is of the security group; `outsider` is another group's agent."""

    caller: Person
    colleague: Person
    agent: Person
    outsider: Person
    guard: Person
    admin: Person
    auditor: Person
    first: SupportGroup
    other: SupportGroup
    security: SupportGroup
    mail: Service
    now: datetime

    def advance(self, **by: float) -> datetime:
        """Move the clock on and return where it stands."""
        self.now += timedelta(**by)
        clock.move_to(self.now)
        return self.now

    def by(self, person: Person, via: str = "console") -> Actor:
        return Actor.person(person.id, via=via)

    def incident(self, **fields: Any) -> Incident:
        """A registered incident of the caller, owned by the first group."""
        known: dict[str, Any] = {
            "title": "Mail hangs when I press send",
            "channel": "portal",
            "received_at": self.now,
            "caller_id": self.caller.id,
            "reporter_id": self.caller.id,
            "service_id": self.mail.id,
            "group_id": self.first.id,
        }
        made = actions.register([Report(**{**known, **fields})], actor=MAKER, now=self.now)[0]
        Incident.objects.filter(id=made.id).update(priority=3)
        return Incident.objects.get(id=made.id)

    def resolved(self, **fields: Any) -> Incident:
        made = self.incident(**fields)
        if made.security:
            actions.edit(made.id, {"verdict": "benign"}, actor=MAKER, now=self.now)
        row, _children = actions.resolve(
            made.id, code="fixed", notes="The mail server was restarted.", actor=MAKER, now=self.now
        )
        return row


def organisation(now: datetime = MONDAY) -> Organisation:
    """Make it, and stop the clock at `now`."""
    clock.move_to(now)
    ensure_defaults(now=now)

    def person(name: str, *roles: str) -> Person:
        address = f"{name.split(maxsplit=1)[0].lower()}@example.org"
        return create_person(email=address, name=name, roles=list(roles), phone="4711", actor=MAKER, now=now)

    people = {
        "caller": person("Rosa Caller"),
        "colleague": person("Kim Colleague"),
        "agent": person("Olena Agent", "agent"),
        "outsider": person("Otto Outsider", "agent"),
        "guard": person("Gina Guard", "agent"),
        "admin": person("Ada Admin", "administrator"),
        "auditor": person("Aldo Auditor", "auditor"),
    }
    first = create_group(name="Mail team", actor=MAKER, now=now)
    other = create_group(name="Printers", actor=MAKER, now=now)
    security = create_group(name="Security", security=True, actor=MAKER, now=now)
    set_members(first.id, {people["agent"].id: True}, actor=MAKER, now=now)
    set_members(other.id, {people["outsider"].id: False}, actor=MAKER, now=now)
    set_members(security.id, {people["guard"].id: True}, actor=MAKER, now=now)
    mail = Service.objects.create(name="Mail", slug="mail", group=first)
    return Organisation(first=first, other=other, security=security, mail=mail, now=now, **people)
