"""A small organisation for the desk: two groups, an agent in one of them, an agent of the security group."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from firstline.accounts.models import Membership, Person, SupportGroup
from firstline.accounts.viewer import Viewer, viewer_of
from firstline.catalog.models import Service
from firstline.core.actor import Actor
from firstline.incidents.actions.register import Report, register_one
from firstline.incidents.models import Incident

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@dataclass
class Office:
    agent: Person
    guard: Person
    caller: Person
    mail: SupportGroup
    guards: SupportGroup
    service: Service
    report: Callable[..., Incident]

    def viewer(self, person: Person | None = None) -> Viewer:
        return viewer_of((person or self.agent).pk)


def open_office() -> Office:
    def person(name: str, *roles: str) -> Person:
        address = f"{name.lower()}@example.org"
        return Person.objects.create(email=address, name=name, roles=list(roles), created_at=NOW)

    agent, guard, caller = person("Olena", "agent"), person("Hanna", "agent"), person("Roman")
    mail = SupportGroup.objects.create(name="Mail team", slug="mail-team")
    guards = SupportGroup.objects.create(name="Guards", slug="guards", security=True)
    Membership.objects.create(group=mail, person=agent)
    Membership.objects.create(group=guards, person=guard)
    service = Service.objects.create(name="Mail", slug="mail", group=mail)

    def report(title: str = "Mail hangs", *, age: timedelta = timedelta(), **fields: object) -> Incident:
        said = {
            "channel": "phone",
            "caller_id": caller.pk,
            "service_id": service.pk,
            "group_id": mail.pk,
            **fields,
        }
        at = NOW - age
        return register_one(Report(title=title, received_at=at, **said), actor=Actor.system("test"), now=at)

    return Office(agent, guard, caller, mail, guards, service, report)
