"""The company's older past, told set by set: lives become histories that are replayed through the verbs' rules."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from firstline.catalog.actions import SEPARATOR
from firstline.catalog.models import ResolutionCode, Service
from firstline.closure import importing as closure
from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.demo import company, stories
from firstline.demo.lives import Life, Step
from firstline.demo.setup import World
from firstline.incidents.actions.importing import History, Said, Seen, replay
from firstline.incidents.actions.register import Report
from firstline.incidents.lifecycle import ClosedHow, State
from firstline.incidents.priority import DEFAULT_MATRIX, Facts, assess
from firstline.sla.actions import evaluate

BATCH = 200
SILENCE = timedelta(days=5)


@dataclass(slots=True)
class _Told:
    """A history with what the caller said at its end."""

    history: History
    caller: int | None
    resolved_at: datetime
    resolutions: int = 1
    answered_at: datetime | None = None
    on_behalf_by: int | None = None
    rating: int | None = None
    text: str = ""


@dataclass(slots=True)
class _Pen:
    """Where a life stands while it is written down."""

    life: Life
    caller: int | None
    group: int
    words: dict[str, str]
    seen: list[Seen] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    assignee: int | None = None
    reassigned: int = 0
    reopened: int = 0
    resolved_at: datetime | None = None
    answered_at: datetime | None = None
    on_behalf_by: int | None = None
    rating: int | None = None
    text: str = ""


class Past:
    """Writes lives that are over. Methods named by `Step.do` take the pen, the step's data and its instant."""

    def __init__(self, world: World, rng: Random) -> None:
        self.world = world
        self._rng = rng
        self._turn: dict[int, int] = {}
        self._services = {service.id: service for service in Service.objects.all()}
        self._codes = dict(ResolutionCode.objects.values_list("code", "id"))
        self._group_of = {
            f"{root}{SEPARATOR}{name}": group
            for root, children in company.CATEGORIES
            for name, group in children
        }

    def tell(self, lives: Sequence[Life], *, now: datetime) -> list[int]:
        """Replay these lives, in the order of their beginnings; ids of the incidents."""
        ids: list[int] = []
        for start in range(0, len(lives), BATCH):
            told = [self._write(life) for life in lives[start : start + BATCH]]
            done = replay([each.history for each in told], actor=Actor.system("demo"), now=now)
            here = [each.incident_id for each in done]
            closure.record(
                [_answer(each, id) for each, id in zip(told, here, strict=True) if _asked(each)], now=now
            )
            with event_log.past_only():
                evaluate(here, now=now)
            ids += here
        return ids

    def _write(self, life: Life) -> _Told:
        story = life.story
        machine = story.channel in ("monitoring", "SIEM")
        caller = None if machine else self._rng.choice(self.world.callers)
        pen = _Pen(life, caller, self._first_group(life), words(self.world, self._rng, caller))
        for step in life.steps:
            getattr(self, step.do)(pen, step.data, step.at)
        if pen.seen[-1].state is State.RESOLVED:
            how = ClosedHow.NO_CALLER if caller is None else ClosedHow.NO_ANSWER
            self._see(pen, pen.seen[-1].at + SILENCE, State.CLOSED, Actor.clock("closure"), how=how)
        return _Told(
            history=History(
                report=self._report(pen, life.steps[0]),
                seen=pen.seen,
                said=pen.said,
                reopenings=pen.reopened,
                reassignments=pen.reassigned,
            ),
            caller=caller,
            resolved_at=pen.resolved_at or pen.seen[-1].at,
            resolutions=1 + pen.reopened,
            answered_at=pen.answered_at,
            on_behalf_by=pen.on_behalf_by,
            rating=pen.rating,
            text=pen.text,
        )

    def _report(self, pen: _Pen, step: Step) -> Report:
        story = pen.life.story
        return Report(
            title=story.title.format(**pen.words),
            description=story.said.format(**pen.words),
            channel=story.channel,
            received_at=step.at,
            registered_at=step.at,
            detected_at=step.at - timedelta(minutes=self._rng.randint(1, 25)),
            caller_id=pen.caller,
            caller_place=self.world.places.get(pen.caller or 0, ""),
            source_id=self.world.sources.get(story.source),
            service_id=self.world.services[story.service],
            category_id=self.world.categories[story.category],
            group_id=pen.seen[0].group_id,
            degradation=story.degradation,
            extent=story.extent,
            can_work=story.can_work,
            severity=story.severity,
            security=story.security,
        )

    def _first_group(self, life: Life) -> int:
        return self.world.groups[self._group_of[life.story.category]]

    def _see(self, pen: _Pen, at: datetime, state: State, actor: Actor | None = None, **more: Any) -> None:
        """The incident after a step."""
        story = pen.life.story
        service = self._services[self.world.services[story.service]]
        facts = Facts(
            extent=story.extent,
            degradation=story.degradation,
            can_work=story.can_work,
            severity=story.severity,
            security=story.security,
            criticality=service.criticality,
            cost_per_hour=float(service.cost_per_hour),
            public_facing=service.public_facing,
            from_machine=pen.caller is None,
        )
        assessed = assess(facts, DEFAULT_MATRIX, now=at)
        pen.seen.append(
            Seen(
                at=at,
                state=state,
                words=state.value.replace("_", " "),
                group_id=pen.group,
                assignee_id=pen.assignee,
                category_id=self.world.categories[story.category],
                impact=assessed.impact,
                urgency=assessed.urgency,
                priority=assessed.priority,
                reasons={"priority": assessed.why()},
                code_id=self._codes[story.code],
                notes=story.fix.format(**pen.words),
                cause=story.cause,
                actor=actor,
                **more,
            )
        )

    def register(self, pen: _Pen, _data: dict[str, Any], now: datetime) -> None:
        self._see(pen, now, State.NEW, Actor.system("triage"))

    def take(self, pen: _Pen, _data: dict[str, Any], now: datetime) -> None:
        pen.assignee = self._agent(pen.group)
        self._see(pen, now, State.IN_PROGRESS, Actor.person(pen.assignee))

    def comment(self, pen: _Pen, _data: dict[str, Any], now: datetime) -> None:
        pen.said.append(Said(at=now, body=self._rng.choice(stories.UPDATES), author_id=pen.assignee))

    def note(self, pen: _Pen, _data: dict[str, Any], now: datetime) -> None:
        text = self._rng.choice(stories.NOTES)
        pen.said.append(Said(at=now, body=text, author_id=pen.assignee, public=False))

    def ask(self, pen: _Pen, _data: dict[str, Any], now: datetime) -> None:
        text = pen.life.story.ask.format(**pen.words)
        pen.said.append(Said(at=now, body=text, author_id=pen.assignee))
        until = now + timedelta(days=3)
        actor = Actor.person(pen.assignee or 0)
        self._see(pen, now, State.ON_HOLD, actor, hold_reason="caller", hold_until=until)

    def reply(self, pen: _Pen, _data: dict[str, Any], now: datetime) -> None:
        text = pen.life.story.reply.format(**pen.words)
        pen.said.append(Said(at=now, body=text, author_id=pen.caller, by_caller=True))
        self._see(pen, now, State.IN_PROGRESS, Actor.person(pen.caller or 0, via="portal"))

    def escalate(self, pen: _Pen, _data: dict[str, Any], now: datetime) -> None:
        by = pen.assignee
        pen.group, pen.assignee = self._next(pen.group), None
        pen.reassigned += 1
        self._see(pen, now, State.ASSIGNED, Actor.person(by or 0))

    def cancel(self, pen: _Pen, _data: dict[str, Any], now: datetime) -> None:
        first = Actor.person(self._agent(self.world.groups["first"]))
        self._see(pen, now, State.RESOLVED, first)
        pen.resolved_at = now

    def resolve(self, pen: _Pen, _data: dict[str, Any], now: datetime) -> None:
        pen.resolved_at = now
        self._see(pen, now, State.RESOLVED, Actor.person(pen.assignee or 0))

    def confirm(self, pen: _Pen, _data: dict[str, Any], now: datetime) -> None:
        pen.answered_at = now
        actor = Actor.person(pen.caller or 0, via="link")
        self._see(pen, now, State.CLOSED, actor, how=ClosedHow.CALLER)

    def on_behalf(self, pen: _Pen, _data: dict[str, Any], now: datetime) -> None:
        pen.answered_at, pen.on_behalf_by = now, self._agent(self.world.groups["first"])
        self._see(pen, now, State.CLOSED, Actor.person(pen.on_behalf_by), how=ClosedHow.ON_BEHALF)

    def rate(self, pen: _Pen, data: dict[str, Any], _now: datetime) -> None:
        pen.rating = data["rating"]
        words = stories.THANKS if data["rating"] >= 4 else stories.GRUMBLES
        pen.text = self._rng.choice(words) if self._rng.random() < 0.6 else ""

    def broken(self, pen: _Pen, _data: dict[str, Any], now: datetime) -> None:
        pen.reopened += 1
        text = self._rng.choice(stories.STILL_BROKEN)
        pen.said.append(Said(at=now, body=text, author_id=pen.caller, by_caller=True))
        self._see(pen, now, State.ASSIGNED, Actor.person(pen.caller or 0, via="link"))

    def close_security(self, pen: _Pen, _data: dict[str, Any], now: datetime) -> None:
        self._see(pen, now, State.CLOSED, Actor.person(pen.assignee or 0), how=ClosedHow.NO_CALLER)

    def _agent(self, group_id: int) -> int:
        """The members of a group take turns."""
        members = self.world.members[group_id]
        self._turn[group_id] = self._turn.get(group_id, -1) + 1
        return members[self._turn[group_id] % len(members)]

    def _next(self, group_id: int) -> int:
        return self.world.next_line.get(group_id, self.world.groups["platform"])


def words(world: World, rng: Random, caller: int | None) -> dict[str, str]:
    """What the texts of a story may hold."""
    return {
        "place": world.places.get(caller or 0, "Copenhagen, 1st floor"),
        "unit": world.units.get(caller or 0, "Finance"),
        "number": str(rng.randint(2, 48)),
        "order": f"HB{rng.randint(400_000, 899_999)}",
    }


def _asked(told: _Told) -> bool:
    return told.history.seen[-1].state is State.CLOSED


def _answer(told: _Told, incident_id: int) -> closure.Answered:
    return closure.Answered(
        incident_id=incident_id,
        person_id=told.caller,
        asked_at=told.resolved_at,
        number=told.resolutions,
        at=told.answered_at,
        on_behalf_by=told.on_behalf_by,
        rating=told.rating,
        text=told.text,
    )
