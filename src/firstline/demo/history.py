"""Tells the company's past: every step an ordinary action by somebody who may, at its moved instant.

What is over sets nothing off any more (`event_log.past_only`); what is still open now is left to the engine.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import structlog
from django.db import transaction

from firstline.closure import actions as closure
from firstline.closure import asking
from firstline.closure.reactions import ASK
from firstline.core import due, event_log
from firstline.core.actor import Actor
from firstline.core.errors import DomainError
from firstline.demo import stories
from firstline.demo.lives import Life, Step
from firstline.demo.past import words
from firstline.demo.setup import World
from firstline.incidents import actions
from firstline.incidents.lifecycle import ClosedHow
from firstline.incidents.models import Incident
from firstline.notifications.models import Delivery
from firstline.sla.actions import evaluate
from firstline.workflow import triage

PAUSE = timedelta(hours=3)
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Running:
    """A life under way."""

    life: Life
    over: bool
    incident_id: int = 0
    words: dict[str, str] = field(default_factory=dict)
    ended: bool = False


class Teller:
    """Carries out steps. The methods named by `Step.do` take the running life, the step's data and its instant."""

    def __init__(self, world: World, rng: Random) -> None:
        self.world = world
        self._rng = rng
        self._turn: dict[int, int] = {}

    def tell(self, lives: Sequence[Life], *, until: datetime, said: Callable[[datetime], None]) -> list[int]:
        """Carry out the steps of all lives in the order of their instants, up to `until`; the incidents' ids.

        One transaction: nobody sees a past that is half told.
        """
        steps: list[tuple[datetime, int, int]] = []
        running = [_Running(life, over=is_over(life, until)) for life in lives]
        for number, each in enumerate(running):
            steps += [(step.at, number, k) for k, step in enumerate(each.life.steps) if step.at < until]
        heapq.heapify(steps)
        with transaction.atomic():
            silence = steps[0][0] if steps else until
            while steps:
                at, number, index = heapq.heappop(steps)
                while silence < at:
                    self._let_time_pass(silence)
                    silence += PAUSE
                    said(silence)
                self._do(running[number], running[number].life.steps[index])
            self._let_time_pass(until)
            self._settle([each.incident_id for each in running if each.over and each.incident_id], until)
        return [each.incident_id for each in running if each.incident_id]

    def tell_open(self, life: Life) -> int:
        """Carry out one life that isn't over, step by step; the incident's id."""
        running = _Running(life, over=False)
        for step in life.steps:
            self._do(running, step)
        return running.incident_id

    def _do(self, running: _Running, step: Step) -> None:
        if running.ended:
            return
        try:
            with transaction.atomic():
                if running.over:
                    with event_log.past_only():
                        getattr(self, step.do)(running, step.data, step.at)
                else:
                    getattr(self, step.do)(running, step.data, step.at)
        except DomainError as error:
            log.info("demo.step_left_out", step=step.do, incident=running.incident_id, why=str(error))
            running.ended = True

    def _let_time_pass(self, now: datetime) -> None:
        """What the engine would have done meanwhile for what is over: remind, close by silence."""
        with event_log.past_only():
            asking.remind_due(now=now)
            asking.close_due(now=now)

    def _settle(self, ids: Sequence[int], until: datetime) -> None:
        """Clocks of the past, all at once; nobody is told of it now."""
        with event_log.past_only():
            for start in range(0, len(ids), 200):
                evaluate(ids[start : start + 200], now=until)
        Delivery.objects.filter(state="due").update(state="dropped", reason="happened before the demo began")

    # What happens to an incident

    def register(self, running: _Running, _data: dict[str, Any], now: datetime) -> None:
        story = running.life.story
        machine = story.channel in ("monitoring", "SIEM")
        caller = None if machine else self._rng.choice(self.world.callers)
        running.words = words(self.world, self._rng, caller)
        reporter = self._agent(self.world.groups["first"]) if story.channel == "phone" else None
        report = actions.Report(
            title=story.title.format(**running.words),
            description=story.said.format(**running.words),
            channel=story.channel,
            received_at=now,
            detected_at=now - timedelta(minutes=self._rng.randint(1, 25)),
            caller_id=caller,
            caller_place=self.world.places.get(caller or 0, ""),
            reporter_id=reporter,
            source_id=self.world.sources.get(story.source),
            service_id=self.world.services[story.service],
            degradation=story.degradation,
            extent=story.extent,
            can_work=story.can_work,
            severity=story.severity,
            security=story.security,
        )
        incident = actions.register_one(report, actor=self._reporter(story, caller, reporter), now=now)
        running.incident_id = incident.id
        due.schedule("triage", [(incident.id, now)])
        triage.run(now)

    def _reporter(self, story: stories.Story, caller: int | None, reporter: int | None) -> Actor:
        if story.channel in ("monitoring", "SIEM"):
            return Actor.source(self.world.sources.get(story.source, 0), via=story.source)
        if reporter is not None:
            return Actor.person(reporter)
        assert caller is not None
        return Actor.person(caller, via="mail" if story.channel == "e-mail" else "portal")

    def take(self, running: _Running, _data: dict[str, Any], now: datetime) -> None:
        incident = Incident.objects.get(id=running.incident_id)
        agent = self._agent(incident.group_id or self.world.groups["first"])
        actions.take(running.incident_id, actor=Actor.person(agent), now=now)

    def comment(self, running: _Running, _data: dict[str, Any], now: datetime) -> None:
        text = self._rng.choice(stories.UPDATES)
        actions.comment(running.incident_id, text, actor=self._owner(running), now=now)

    def note(self, running: _Running, _data: dict[str, Any], now: datetime) -> None:
        text = self._rng.choice(stories.NOTES)
        actions.comment(running.incident_id, text, actor=self._owner(running), now=now, public=False)

    def ask(self, running: _Running, _data: dict[str, Any], now: datetime) -> None:
        actions.hold(
            running.incident_id,
            reason="caller",
            look_again_at=now + timedelta(days=3),
            comment=running.life.story.ask.format(**running.words),
            actor=self._owner(running),
            now=now,
        )

    def reply(self, running: _Running, _data: dict[str, Any], now: datetime) -> None:
        caller = self._caller(running)
        text = running.life.story.reply.format(**running.words)
        actions.comment_as_caller(running.incident_id, text, actor=caller, now=now)

    def escalate(self, running: _Running, _data: dict[str, Any], now: datetime) -> None:
        group = Incident.objects.values_list("group_id", flat=True).get(id=running.incident_id)
        actions.escalate(
            running.incident_id,
            reason="Needs somebody who knows the innards.",
            group_id=self.world.next_line.get(group or 0, self.world.groups["platform"]),
            actor=self._owner(running),
            now=now,
        )

    def cancel(self, running: _Running, _data: dict[str, Any], now: datetime) -> None:
        reason = "withdrawn" if running.life.story.channel != "monitoring" else "false_alarm"
        first = Actor.person(self._agent(self.world.groups["first"]))
        actions.cancel(running.incident_id, reason=reason, actor=first, now=now)
        running.ended = True

    def resolve(self, running: _Running, _data: dict[str, Any], now: datetime) -> None:
        story, owner = running.life.story, self._owner(running)
        incident = Incident.objects.get(id=running.incident_id)
        if story.security:
            actions.edit(incident.id, {"verdict": story.verdict}, actor=owner, now=now)
        if (incident.priority or 5) <= 2:
            actions.diagnose(
                incident.id,
                cause=story.cause or "Not found.",
                confirmed=True,
                steps_taken=story.fix.format(**running.words),
                affected_from=incident.detected_at,
                affected_to=now,
                actor=owner,
                now=now,
            )
        actions.resolve(
            incident.id,
            code=story.code,
            notes=story.fix.format(**running.words),
            cause=story.cause,
            actor=owner,
            now=now,
        )
        if running.over:  # otherwise the reaction has said so
            due.schedule(ASK, [(incident.id, now)])
        asking.ask_due(now=now)

    def confirm(self, running: _Running, _data: dict[str, Any], now: datetime) -> None:
        closure.confirm(running.incident_id, actor=self._caller(running, via="link"), now=now)

    def on_behalf(self, running: _Running, _data: dict[str, Any], now: datetime) -> None:
        first = Actor.person(self._agent(self.world.groups["first"]))
        closure.confirm_on_behalf(running.incident_id, actor=first, now=now)

    def rate(self, running: _Running, data: dict[str, Any], now: datetime) -> None:
        rating = data["rating"]
        words = stories.THANKS if rating >= 4 else stories.GRUMBLES
        text = self._rng.choice(words) if self._rng.random() < 0.6 else ""
        caller = self._caller(running, via="link")
        closure.rate(running.incident_id, rating, text=text, actor=caller, now=now)

    def broken(self, running: _Running, _data: dict[str, Any], now: datetime) -> None:
        text = self._rng.choice(stories.STILL_BROKEN)
        closure.still_broken(running.incident_id, text, actor=self._caller(running, via="link"), now=now)

    def close_security(self, running: _Running, _data: dict[str, Any], now: datetime) -> None:
        """Only its group closes it, with a verdict."""
        actions.close([running.incident_id], how=ClosedHow.NO_CALLER, actor=self._owner(running), now=now)

    # Who does it

    def _agent(self, group_id: int) -> int:
        """The members of a group take turns; security has no stand-ins."""
        members = self.world.members[group_id]
        self._turn[group_id] = self._turn.get(group_id, -1) + 1
        return members[self._turn[group_id] % len(members)]

    def _owner(self, running: _Running) -> Actor:
        incident = Incident.objects.only("assignee_id", "group_id", "state").get(id=running.incident_id)
        if incident.assignee_id is not None:
            return Actor.person(incident.assignee_id)
        return Actor.person(self._agent(incident.group_id or self.world.groups["first"]))

    def _caller(self, running: _Running, via: str = "portal") -> Actor:
        caller = Incident.objects.values_list("caller_id", flat=True).get(id=running.incident_id)
        assert caller is not None
        return Actor.person(caller, via=via)


def is_over(life: Life, until: datetime) -> bool:
    """Whether all of it lies well behind `until`, silence included."""
    last = life.steps[-1]
    silent = last.do in ("resolve",)
    return last.at < until - (timedelta(days=9) if silent else timedelta(0))
