"""Stories on a movable clock: the real engine on the real database, and a recorder in place of each channel's
wire.

A story fails at its end when something was sent that it did not read with `told` or `all_told`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection

from firstline.accounts.actions import create_group, create_person, set_members
from firstline.accounts.models import Person, SupportGroup
from firstline.catalog.models import Service
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.core.models import Event
from firstline.engine.loop import Engine
from firstline.engine.modules import NEXT_DUE
from firstline.incidents import actions as incidents
from firstline.incidents.actions.register import Report
from firstline.incidents.models import Incident
from firstline.notifications.channels.base import Envelope, Outcome
from firstline.notifications.channels.registry import CHANNELS
from firstline.notifications.models import ContactMethod, NotificationRule
from firstline.oncall.models import Policy as PolicyRow
from firstline.oncall.models import PolicyAssignment, PolicyVersion, ScheduleVersion
from firstline.oncall.models import Schedule as ScheduleRow
from firstline.oncall.policy import Policy
from firstline.oncall.schedule import Schedule
from firstline.sla.agreement import Agreement as AgreementDocument
from firstline.sla.models import Agreement, AgreementVersion
from firstline.workflow.seed import ensure_defaults

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MAKER = Actor.system("story")
WIRES = ("email", "webhook", "apprise", "sms", "voice", "push")


@dataclass(frozen=True)
class Sent:
    """What left through a channel. `minutes` after the story's start."""

    minutes: float
    kind: str
    channel: str
    address: str
    to: str
    subject: str
    body: str


@dataclass
class Recorder:
    """Stands where the wire was: takes every envelope, or refuses those to `down` addresses."""

    kind: str
    story: "Story"
    timeout: int = 5

    def send(self, envelope: Envelope) -> Outcome:
        if envelope.address in self.story.down:
            self.story.refused.append((self.kind, envelope.address))
            return Outcome(False, "550 no such address", permanent=envelope.address in self.story.gone)
        names = self.story.names
        self.story.unread.append(
            Sent(
                (envelope.now - self.story.begin) / timedelta(minutes=1), envelope.kind, self.kind,
                envelope.address, names.get(envelope.person_id or 0, ""), envelope.subject, envelope.body,
            )
        )  # fmt: skip
        return Outcome(True, "recorded", message_id=f"<{envelope.idempotency_key}@test>")

    def check(self, address: str, settings: Mapping[str, object]) -> str:
        return ""


@dataclass
class Story:
    """An organisation that grows as the test needs it, an engine, and what it sent."""

    begin: datetime
    engine: Engine = field(default_factory=Engine)
    unread: list[Sent] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    now: datetime = MONDAY

    # --- time

    def at(self, minutes: float) -> "Story":
        """Let time pass until so many minutes after the start, waking the engine at each due instant on the
        way.
        """
        return self.until(self.begin + timedelta(minutes=minutes))

    def until(self, target: datetime) -> "Story":
        assert target >= self.now, "time does not run backwards"
        for _ in range(1000):
            due = self._next_due()
            if due is None or due > target:
                break
            self._go(max(due, self.now))
        else:
            raise AssertionError(f"the engine never comes to rest: {self._waiting()}")
        self._go(target)
        return self

    def _go(self, instant: datetime) -> None:
        self.now = instant
        clock.move_to(instant)
        for cycle in self.engine.settle():
            assert not cycle.failed, cycle.failed

    def _next_due(self) -> datetime | None:
        with connection.cursor() as cursor:
            cursor.execute(NEXT_DUE)
            found: datetime | None = cursor.fetchone()[0]
        return found

    def _waiting(self) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT kind, subject_id, due_at, error FROM due ORDER BY due_at LIMIT 3")
            rows = cursor.fetchall()
            cursor.execute("SELECT id, state, next_at, error FROM escalation ORDER BY next_at LIMIT 3")
            return f"{rows} {cursor.fetchall()}"

    # --- what was sent

    def told(self, *kinds: str) -> list[Sent]:
        """Read what was sent of these kinds since the last reading."""
        found = [sent for sent in self.unread if not kinds or sent.kind in kinds]
        self.unread = [sent for sent in self.unread if sent not in found]
        return found

    def pages(self) -> list[tuple[float, str, str]]:
        """Read the pages: (minutes, to, channel)."""
        return sorted((sent.minutes, sent.to, sent.channel) for sent in self.told("page"))

    # --- who and what there is

    def person(
        self, name: str, *ways: str, rules: Sequence[tuple[int, str]] = (), roles: Sequence[str] | None = None
    ) -> Person:
        """Somebody reachable through verified `ways`; `rules` (minutes, way) for high urgency. An agent by
        default.
        """
        if name in self.people:
            return self.people[name]
        made = create_person(
            email=f"{name.lower().replace(' ', '.')}@example.org", name=name,
            roles=list(["agent"] if roles is None else roles), actor=MAKER, now=self.now,
        )  # fmt: skip
        Person.objects.filter(id=made.id).update(email_verified_at=None)
        methods = {}
        for way in dict.fromkeys([*ways, *(way for _, way in rules)]):
            methods[way] = ContactMethod.objects.create(
                person=made, channel=way, address=f"{way}:{name}", verified_at=self.now
            )
        for minutes, way in rules:
            NotificationRule.objects.create(
                person=made, urgency="high", method=methods[way], delay_minutes=minutes
            )
        self.people[name], self.names[made.id] = made, name
        return made

    def group(self, name: str, *members: str, leads: Sequence[str] = (), **fields: Any) -> SupportGroup:
        made = create_group(name=name, actor=MAKER, now=self.now, **fields)
        everybody = {self.person(who, "email").id: who in leads for who in dict.fromkeys([*members, *leads])}
        set_members(made.id, everybody, actor=MAKER, now=self.now)
        return made

    def schedule(self, name: str, document: Schedule, group: SupportGroup | None = None) -> ScheduleRow:
        row = ScheduleRow.objects.create(
            name=name, slug=name.lower().replace(" ", "-"), group=group, zone=document.zone
        )
        ScheduleVersion.objects.create(
            schedule=row,
            definition=msgspec.to_builtins(document),
            valid_from=self.begin - timedelta(days=365),
        )
        return row

    def policy(self, document: Policy, *, owner: str = "", name: str = "Policy") -> PolicyRow:
        """A policy that pages for everything."""
        row = PolicyRow.objects.create(name=name, owner=self.person(owner, "email") if owner else None)
        PolicyVersion.objects.create(
            policy=row, definition=msgspec.to_builtins(document), valid_from=self.now
        )
        PolicyAssignment.objects.create(policy=row)
        return row

    def agreement(self, document: AgreementDocument) -> Agreement:
        """The one agreement that there is."""
        Agreement.objects.update(active=False)
        row = Agreement.objects.create(name="Of the story", position=1)
        AgreementVersion.objects.create(
            agreement=row, definition=msgspec.to_builtins(document), valid_from=self.now
        )
        return row

    def incident(self, *, priority: int = 1, group: SupportGroup | None = None, **fields: Any) -> Incident:
        """Registered now by a monitor, at a priority that somebody fixed."""
        report = {"title": "Mail is down", "channel": "monitoring", "received_at": self.now, **fields}
        owner = group or self.catch_all()
        made = incidents.register([Report(group_id=owner.id, **report)], actor=MAKER, now=self.now)[0]
        incidents.override_priority(made.id, priority, reason="management", actor=MAKER, now=self.now)
        return made

    def catch_all(self) -> SupportGroup:
        return SupportGroup.objects.get(catch_all=True)

    def service(self, name: str = "Mail") -> Service:
        return Service.objects.get_or_create(name=name, slug=name.lower())[0]

    def by(self, name: str, via: str = "console") -> Actor:
        return Actor.person(self.people[name].id, via=via)

    # --- what the incident says

    def log(self, incident: Incident, *verbs: str) -> list[tuple[float, str, dict[str, Any]]]:
        """(minutes, verb, data) of an incident's events of these verbs."""
        rows = Event.objects.filter(subject_type="incident", subject_id=incident.id, verb__in=verbs)
        return [
            ((row.occurred_at - self.begin) / timedelta(minutes=1), row.verb, row.data)
            for row in rows.order_by("occurred_at", "id")
        ]

    def fresh(self, incident: Incident) -> Incident:
        return Incident.objects.get(id=incident.id)


@contextmanager
def told_story(patch: pytest.MonkeyPatch, begin: datetime = MONDAY) -> Iterator[Story]:
    """A story that ends by checking that nothing unexpected was sent."""
    story = Story(begin=begin, now=begin)
    for wire in WIRES:
        patch.setitem(CHANNELS, wire, Recorder(wire, story))
    clock.move_to(begin)
    ensure_defaults(now=begin)
    try:
        yield story
    finally:
        story.engine.close()
    assert not story.unread, f"sent and not expected: {story.unread}"
