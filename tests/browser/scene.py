"""What the console's browser tests stand on: people, a group, incidents. Called through `site.do`."""

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from firstline.accounts.models import Membership, Person, SupportGroup
from firstline.catalog.models import ResolutionCode, Service
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.incidents.actions import talking, working
from firstline.incidents.actions.register import Report, register_one
from firstline.incidents.models import Incident

_numbers = itertools.count(1)


@dataclass
class Scene:
    agent: Person
    colleague: Person
    caller: Person
    group: SupportGroup
    next_group: SupportGroup
    service: Service


def open_scene() -> Scene:
    """A fresh set of people and groups, named so that scenes in one database don't meet."""
    n, now = next(_numbers), clock.now()

    def person(name: str, *roles: str) -> Person:
        address = f"{name.split(maxsplit=1)[0].lower()}{n}@example.org"
        return Person.objects.create(
            email=address, name=f"{name} {n}", roles=list(roles), created_at=now, place="Lviv"
        )

    agent, colleague = person("Olena Kovalenko", "agent"), person("Andrii Melnyk", "agent")
    further = SupportGroup.objects.create(name=f"Network {n}", slug=f"network-{n}", line=2)
    group = SupportGroup.objects.create(name=f"First line {n}", slug=f"first-{n}", escalates_to=further)
    for member in (agent, colleague):
        Membership.objects.create(group=group, person=member)
    Membership.objects.create(group=further, person=colleague)
    service = Service.objects.create(name=f"Remote access {n}", slug=f"remote-{n}", group=group)
    ResolutionCode.objects.get_or_create(code="fixed", defaults={"name": "Fixed"})
    return Scene(agent, colleague, person("Roman Shevchuk"), group, further, service)


def report(scene: Scene, title: str = "VPN drops every ten minutes", **fields: Any) -> Incident:
    now = clock.now()
    said = {
        "channel": "e-mail",
        "caller_id": scene.caller.pk,
        "service_id": scene.service.pk,
        "group_id": scene.group.pk,
        "description": "Since this morning the VPN disconnects about every ten minutes.",
        **fields,
    }
    made = register_one(
        Report(title=title, received_at=now - timedelta(minutes=20), **said),
        actor=Actor.system("test"),
        now=now,
    )
    Incident.objects.filter(pk=made.pk).update(priority=3, impact=2, urgency=2)
    return made


def talk(scene: Scene, incident: Incident) -> None:
    """A note, an answer, a reply."""
    now = clock.now()
    working.take(incident.pk, actor=Actor.person(scene.agent.pk), now=now)
    actor = Actor.person(scene.agent.pk)
    talking.comment(incident.pk, "Only the **Lviv** concentrator.", public=False, actor=actor, now=now)
    talking.comment(incident.pk, "We see it and work on it.", public=True, actor=actor, now=now)
    talking.comment_as_caller(
        incident.pk, "Thank you.", actor=Actor.person(scene.caller.pk, via="mail"), now=now
    )


def reload(incident: Incident) -> Incident:
    return Incident.objects.get(pk=incident.pk)
