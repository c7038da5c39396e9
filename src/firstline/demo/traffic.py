"""Live traffic: monitors send, callers report and answer, agents work. Gentle: something every few seconds."""

import contextlib
import json
import smtplib
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from email.message import EmailMessage
from random import Random
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections

from firstline.closure import actions as closure
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.core.errors import DomainError
from firstline.demo import company, setup, signals, stories
from firstline.demo.mailbox import Mailbox
from firstline.demo.past import words
from firstline.demo.setup import World
from firstline.demo.stories import Story
from firstline.incidents import actions
from firstline.incidents.models import Diagnosis, Incident

log = structlog.get_logger(__name__)
MOST_OPEN = 90
"""Above so many open incidents monitors and callers pause and agents catch up."""


class Traffic:
    """One thread. Each turn does one thing, chosen by weight; what fails is logged and the next turn comes."""

    def __init__(self, world: World, tokens: Mapping[str, str], rng: Random) -> None:
        self.world = world
        self._tokens = tokens
        self._rng = rng
        self._firing: list[dict[str, Any]] = []

    def run(self, stop: threading.Event) -> None:
        with Mailbox.listening():
            self.beat()
            for _ in range(6):
                self.fire()
            while not stop.wait(self._rng.uniform(4, 14)):
                self.turn()
                close_old_connections()

    def turn(self) -> None:
        """One thing that happens."""
        do = self._rng.choices(
            [each for each, _ in self._choices()], [weight for _, weight in self._choices()]
        )[0]
        try:
            do()
        except (DomainError, OSError, urllib.error.URLError, OperationalError, InterfaceError) as error:
            log.info("demo.turn_failed", did=getattr(do, "__name__", ""), error=str(error))

    def _choices(self) -> Sequence[tuple[Callable[[], None], float]]:
        busy = (
            Incident.objects.filter(state__in=("new", "assigned", "in_progress", "on_hold")).count()
            > MOST_OPEN
        )
        arriving = 0.2 if busy else 1.0
        return (
            (self.fire, 2 * arriving),
            (self.recover, 3),
            (self.report, 2 * arriving),
            (self.mail, 1 * arriving),
            (self.attack, 0.3 * arriving),
            (self.deploy, 0.4),
            (self.beat, 0.6),
            (self.take, 3),
            (self.say, 2),
            (self.resolve, 2.5),
            (self.answer, 2),
        )

    # Machines, through the gateway

    def _send(self, path: str, document: object) -> None:
        request = urllib.request.Request(  # noqa: S310 - our own address
            self._base() + path,
            data=json.dumps(document).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310
            pass

    @staticmethod
    def _base() -> str:
        """The gateway on this machine, whatever the public address is."""
        environment = settings.ENVIRONMENT
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(environment.host, environment.host)  # noqa: S104
        return f"http://{host}:{environment.port}"

    def fire(self) -> None:
        """A monitor finds something; it goes on until it has recovered."""
        story = self._rng.choice(signals.MACHINES)
        item = next(service for service in company.SERVICES if service.key == story.service)
        alert = {
            "status": "firing",
            "labels": {
                "alertname": story.title.split(":")[0].format(**words(self.world, self._rng, None)),
                "service": item.name,
                "severity": story.severity,
                "instance": (item.items or ("main",))[0],
            },
            "annotations": {
                "summary": story.title.format(**words(self.world, self._rng, None)),
                "description": story.said.format(**words(self.world, self._rng, None)),
            },
            "startsAt": clock.now().isoformat(),
            "endsAt": "0001-01-01T00:00:00Z",
        }
        self._firing.append(alert)
        self._prometheus([alert])

    def recover(self) -> None:
        """The oldest alert ends, and says so; meanwhile the others are sent again, as Prometheus does."""
        if len(self._firing) < 4:
            return
        alert = self._firing.pop(0)
        self._prometheus([{**alert, "status": "resolved", "endsAt": clock.now().isoformat()}])
        for other in self._firing[:3]:
            self._prometheus([other])

    def _prometheus(self, alerts: list[dict[str, Any]]) -> None:
        group = {"service": alerts[0]["labels"]["service"]}
        envelope = {
            "version": "4",
            "groupKey": f"{{}}:{json.dumps(group, sort_keys=True)}",
            "truncatedAlerts": 0,
            "status": alerts[0]["status"],
            "receiver": "firstline",
            "groupLabels": group,
            "commonLabels": alerts[0]["labels"],
            "commonAnnotations": alerts[0]["annotations"],
            "externalURL": f"http://prometheus.{company.DOMAIN}:9093",
            "alerts": alerts,
        }
        self._send(f"/intake/{self._tokens['alertmanager']}", envelope)

    def attack(self) -> None:
        """Wazuh sees something; most of it is noise."""
        number, level, about = self._rng.choice(
            (
                (5710, 5, "sshd: attempt to log in with a user that does not exist"),
                (5712, 10, "sshd: brute force, many tries with unknown users"),
                (60122, 5, "Logon failure: unknown user or wrong password"),
                (92213, 12, "Executable dropped in a folder that malware uses"),
            )
        )
        device = f"HB-L-1{self._rng.randint(2, 48)}"
        document = {
            "timestamp": clock.now().isoformat(),
            "rule": {
                "id": str(number),
                "level": level,
                "description": about,
                "groups": ["authentication_failed"],
            },
            "agent": {"id": "014", "name": device, "ip": "10.20.4.18"},
            "manager": {"name": "wazuh-cph"},
            "id": f"{clock.now().timestamp():.3f}",
            "data": {"srcip": f"203.0.113.{self._rng.randint(1, 254)}", "srcuser": "admin"},
            "location": "EventChannel",
        }
        self._send(f"/intake/{self._tokens['wazuh']}", document)

    def deploy(self) -> None:
        """A deployment tells that it happened: a change event of PagerDuty's shape."""
        service = self._rng.choice(
            ("Web shop", "Checkout and payments", "Product search", "Order management")
        )
        now = clock.now()
        document = {
            "routing_key": self._tokens["pagerduty"],
            "payload": {
                "summary": f"{service} {now:%Y.%j.%H%M} deployed",
                "timestamp": now.isoformat(),
                "source": "pipeline",
                "custom_details": {"service": service},
            },
        }
        self._send("/v2/change/enqueue", document)

    def beat(self) -> None:
        """The nightly backup says that it lives."""
        self._send(f"/beat/{self._tokens['backup']}", {})

    # People

    def report(self) -> None:
        """Somebody reports in the portal."""
        story, caller = self._rng.choice(stories.PEOPLE), self._rng.choice(self.world.callers)
        text, now = words(self.world, self._rng, caller), clock.now()
        actions.register_one(
            actions.Report(
                title=story.title.format(**text),
                description=story.said.format(**text),
                channel="portal",
                received_at=now,
                caller_id=caller,
                caller_place=self.world.places[caller],
                service_id=self.world.services[story.service],
                extent=story.extent,
                can_work=story.can_work,
                degradation=story.degradation,
            ),
            actor=Actor.person(caller, via="portal"),
            now=now,
        )

    def mail(self) -> None:
        """Somebody writes a mail, to the SMTP listener if there is one."""
        port = settings.ENVIRONMENT.smtp_port
        if not port:
            self.report()
            return
        story = self._rng.choice(stories.PEOPLE)
        name, _unit = self._rng.choice(company.CALLERS)
        text = words(self.world, self._rng, self.world.people[name])
        letter = EmailMessage()
        letter["From"] = f"{name} <{setup.address(name)}>"
        letter["To"] = f"help@{company.DOMAIN}"
        letter["Subject"] = story.title.format(**text)
        letter["Message-ID"] = f"<{clock.now().timestamp()}@{company.DOMAIN}>"
        letter.set_content(f"Hello,\n\n{story.said.format(**text)}\n\nBest regards\n{name}\n")
        with smtplib.SMTP(settings.ENVIRONMENT.smtp_host, port, timeout=10) as server:
            server.send_message(letter)

    def _some(self, **conditions: Any) -> Incident | None:
        """One of the older incidents of this kind that no agent of security must handle."""
        found = Incident.objects.filter(synthetic=False, security=False, **conditions).order_by(
            "work_next_at", "id"
        )
        rows = list(found.defer("search")[:12])
        return self._rng.choice(rows) if rows else None

    def _agent(self, incident: Incident) -> Actor:
        if incident.assignee_id is not None:
            return Actor.person(incident.assignee_id)
        members = self.world.members[incident.group_id or self.world.groups["first"]]
        return Actor.person(self._rng.choice(members))

    def take(self) -> None:
        before = clock.now() - timedelta(minutes=3)
        incident = self._some(state__in=("new", "assigned"), assignee=None, registered_at__lt=before)
        if incident is not None:
            actions.take(incident.id, actor=self._agent(incident), now=clock.now())

    def say(self) -> None:
        incident = self._some(state="in_progress")
        if incident is not None:
            public = incident.caller_id is not None and self._rng.random() < 0.5
            text = self._rng.choice(stories.UPDATES if public else stories.NOTES)
            actions.comment(incident.id, text, actor=self._agent(incident), now=clock.now(), public=public)

    def resolve(self) -> None:
        """What has been worked on for a while is resolved, in the words of its story."""
        now = clock.now()
        incident = self._some(state="in_progress", registered_at__lt=now - timedelta(minutes=12), major="")
        if incident is None:
            return
        story, actor = _story_of(incident), self._agent(incident)
        text = words(self.world, self._rng, incident.caller_id)
        if (incident.priority or 5) <= 2 and not Diagnosis.objects.filter(incident=incident).exists():
            actions.diagnose(
                incident.id,
                cause=story.cause,
                confirmed=True,
                steps_taken=story.fix.format(**text),
                actor=actor,
                now=now,
            )
        actions.resolve(
            incident.id,
            code=story.code,
            notes=story.fix.format(**text),
            cause=story.cause,
            actor=actor,
            now=now,
        )

    def answer(self) -> None:
        """A caller says that it is fixed, mostly, and rates it."""
        now = clock.now()
        incident = self._some(
            state="resolved", caller__isnull=False, resolved_at__lt=now - timedelta(minutes=2)
        )
        if incident is None or incident.caller_id is None:
            return
        voice = Actor.person(incident.caller_id, via="link")
        with contextlib.suppress(DomainError):
            if self._rng.random() < 0.1:
                closure.still_broken(
                    incident.id, self._rng.choice(stories.STILL_BROKEN), actor=voice, now=now
                )
            elif self._rng.random() < 0.6:
                closure.rate(incident.id, self._rng.choice((5, 5, 5, 4, 4, 3)), actor=voice, now=now)
            else:
                closure.confirm(incident.id, actor=voice, now=now)


def _story_of(incident: Incident) -> Story:
    """The story whose title this one most likely came from."""
    everything = (*stories.PEOPLE, *signals.MACHINES)
    start = incident.title[:9].lower()
    return next((story for story in everything if story.title.lower().startswith(start)), stories.PEOPLE[0])
