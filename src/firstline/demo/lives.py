"""How incidents go: drawn from stories with a seeded generator. Pure: a life is a list of steps with instants."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from firstline.demo import company, signals, stories
from firstline.demo.stories import Story

HOME = ZoneInfo(company.ZONE)
OFFICE = range(8, 17)


@dataclass(frozen=True, slots=True)
class Step:
    """`do` names a method of `history.Teller`."""

    at: datetime
    do: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Life:
    story: Story
    steps: Sequence[Step]


def draw(rng: Random, start: datetime, end: datetime) -> Iterator[Life]:
    """The lives of all incidents that begin in [start, end), day by day."""
    day = start
    while day < end:
        for at in _arrivals(rng, day, end):
            yield life(rng, _story(rng, at), at)
        day += timedelta(days=1)


def _arrivals(rng: Random, day: datetime, end: datetime) -> list[datetime]:
    """More on Mondays, few at the weekend; most between eight and five, machines at any hour."""
    weekday = day.astimezone(HOME).weekday()
    count = rng.randint(*((12, 17), (9, 14), (9, 14), (8, 13), (8, 12), (2, 4), (2, 4))[weekday])
    midnight = day.astimezone(HOME).replace(hour=0, minute=0, second=0, microsecond=0)
    hours = [rng.triangular(7.2, 18, 9.4) if rng.random() < 0.8 else rng.uniform(0, 24) for _ in range(count)]
    found = sorted((midnight + timedelta(hours=h)).astimezone(day.tzinfo) for h in hours)
    return [at for at in found if at < end]


def _story(rng: Random, at: datetime) -> Story:
    at_work = at.astimezone(HOME).hour in OFFICE and at.astimezone(HOME).weekday() < 5
    kinds = (stories.PEOPLE, signals.MACHINES, signals.SECURITY)
    told = rng.choices(kinds, weights=(70, 26, 4) if at_work else (15, 78, 7))[0]
    return rng.choices(told, weights=[story.weight for story in told])[0]


def life(rng: Random, story: Story, at: datetime) -> Life:
    """One incident from its report to its end."""
    steps = [Step(at, "register")]
    if rng.random() < 0.04 and not story.security:
        return Life(story, [*steps, Step(_later(rng, story, at, 0.4), "cancel")])
    now = _later(rng, story, at, 0.05 + 0.3 * rng.random())
    steps.append(Step(now, "take"))
    if rng.random() < 0.35 and story.channel != "monitoring":
        now = now + timedelta(minutes=rng.randint(2, 20))
        steps.append(Step(now, "comment"))
    if story.ask and rng.random() < 0.7:
        steps += _question(rng, story, now)
        now = steps[-1].at
    if rng.random() < 0.45:
        now = now + timedelta(minutes=rng.randint(3, 40))
        steps.append(Step(now, "note"))
    if rng.random() < 0.12 and not story.security:
        now = _later(rng, story, now, 0.3)
        steps += [Step(now, "escalate"), Step(_later(rng, story, now, 0.1), "take")]
        now = steps[-1].at
    now = _later(rng, story, max(now, at), 0.6)
    steps.append(Step(now, "resolve"))
    return Life(story, [*steps, *_end(rng, story, now)])


def _question(rng: Random, story: Story, now: datetime) -> list[Step]:
    asked = now + timedelta(minutes=rng.randint(3, 30))
    replied = _office(asked + timedelta(hours=rng.lognormvariate(0.6, 0.9)))
    return [
        Step(asked, "ask"),
        Step(replied, "reply"),
        Step(_office(replied + timedelta(minutes=20)), "note"),
    ]


def _end(rng: Random, story: Story, now: datetime, again: bool = False) -> list[Step]:
    """What the caller says: most confirm, some on the phone, many say nothing, a few object."""
    if story.channel in ("monitoring", "SIEM"):
        return [Step(now + timedelta(hours=2), "close_security")] if story.security else []
    word = rng.random()
    answered = _office(now + timedelta(hours=rng.lognormvariate(0.9, 1.0)))
    if word < 0.08 and not again:
        redo = _later(rng, story, answered, 0.7)
        steps = [
            Step(answered, "broken"),
            Step(answered + timedelta(minutes=15), "take"),
            Step(redo, "resolve"),
        ]
        return [*steps, *_end(rng, story, redo, again=True)]
    if word < 0.20:
        return [Step(answered, "on_behalf")]
    if word < 0.66:
        steps = [Step(answered, "confirm")]
        if rng.random() < 0.6:
            rating = rng.choices((5, 4, 3, 2, 1), weights=(46, 30, 13, 7, 4))[0]
            steps.append(
                Step(answered + timedelta(minutes=1), "rate", {"rating": min(rating, 3) if again else rating})
            )
        return steps
    return []


def _later(rng: Random, story: Story, at: datetime, share: float) -> datetime:
    """Around `share` of the story's hours later, in office hours for what only the office works on."""
    hours = story.hours * share * math.exp(rng.gauss(0, 0.7))
    later = at + timedelta(hours=max(hours, 0.05))
    return later if story.channel in ("monitoring", "SIEM") else _office(later)


def _office(at: datetime) -> datetime:
    """This instant if the office is open, else shortly after it opens next."""
    local = at.astimezone(HOME)
    while local.weekday() > 4 or local.hour not in OFFICE:
        begins = local.replace(hour=8, minute=at.minute % 40, second=0)
        local = begins if local.hour < 8 and local.weekday() < 5 else begins + timedelta(days=1)
    return local.astimezone(at.tzinfo)
