"""Who is on call at Halden & Brook, and whom what pages."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from firstline.core.actor import Actor
from firstline.demo import company
from firstline.demo.setup import SETUP, World
from firstline.notifications.models import ContactMethod
from firstline.oncall.changing import add_override, ask_swap, take_swap
from firstline.oncall.configure import assign_policy, create_policy, create_schedule
from firstline.oncall.policy import Policy, Step, Target
from firstline.oncall.rotation import Rotation, Window
from firstline.oncall.schedule import Layer, Schedule

AROUND_THE_CLOCK = ("network", "platform", "commerce", "data", "security")


def make(world: World, *, now: datetime) -> dict[str, int]:
    """Schedules, policies and ways to reach people, in force from `now`; schedule ids by group."""
    _contacts(world, now)
    schedules = {key: _weekly(world, key, now) for key in AROUND_THE_CLOCK}
    schedules["stores"] = _by_day(world, "stores", now)
    _policies(world, schedules, now)
    return schedules


def _contacts(world: World, now: datetime) -> None:
    """Everybody who works on incidents reads mail; verified, as they are the company's addresses."""
    ContactMethod.objects.bulk_create(
        ContactMethod(
            person_id=world.people[staff.name],
            channel="email",
            address=f"{staff.name.split(maxsplit=1)[0].lower()}.oncall@{company.DOMAIN}",
            label="On-call mailbox",
            verified_at=now,
        )
        for staff in (*company.STAFF, company.ADMINISTRATOR)
    )


def _monday(now: datetime) -> datetime:
    """The last Monday, nine o'clock, in the local time of the company."""
    local = now.astimezone(ZoneInfo(company.ZONE)).replace(
        tzinfo=None, hour=9, minute=0, second=0, microsecond=0
    )
    return local - timedelta(days=local.weekday())


def _weekly(world: World, key: str, now: datetime) -> int:
    """A week each, and at night somebody behind them."""
    people = tuple(world.members[world.groups[key]])
    group = next(group for group in company.GROUPS if group.key == key)
    nights = Rotation(every=1, unit="day", start=_monday(now), participants=people[1:] + people[:1])
    layers = (
        Layer(name="Weeks", rotation=Rotation(every=1, unit="week", start=_monday(now), participants=people)),
        Layer(name="Nights", rotation=nights, windows=(Window(start="22:00", end="06:00"),)),
    )
    return create_schedule(
        name=f"{group.name} on call",
        definition=Schedule(zone=company.ZONE, layers=layers if len(people) > 3 else layers[:1]),
        group_id=world.groups[key],
        actor=SETUP,
        now=now,
    ).id


def _by_day(world: World, key: str, now: datetime) -> int:
    """A day each while the stores are open, the lead otherwise."""
    people = tuple(world.members[world.groups[key]])
    start = _monday(now)
    layers = (
        Layer(name="Lead", rotation=Rotation(every=1, unit="week", start=start, participants=people[:1])),
        Layer(
            name="Opening hours",
            rotation=Rotation(every=1, unit="day", start=start, participants=people),
            windows=(Window(start="07:00", end="20:00"),),
        ),
    )
    return create_schedule(
        name="Stores and warehouse on duty",
        definition=Schedule(zone=company.ZONE, layers=layers),
        group_id=world.groups[key],
        actor=SETUP,
        now=now,
    ).id


def _policies(world: World, schedules: dict[str, int], now: datetime) -> None:
    manager = Target("person", id=world.people["Maren Thorsen"])
    for key, schedule in schedules.items():
        group = next(group for group in company.GROUPS if group.key == key)
        steps = (
            Step(targets=(Target("schedule", id=schedule),), delay=10),
            Step(targets=(Target("lead", id=world.groups[key]),), delay=15),
            Step(targets=(manager,), delay=30, priorities=(1, 2)),
        )
        policy = create_policy(
            name=f"{group.name}: on call, lead, manager",
            definition=Policy(steps=steps, repeat=1),
            owner_id=world.members[world.groups[key]][0],
            actor=SETUP,
            now=now,
        )
        for service in company.SERVICES:
            if service.group == key and service.criticality in ("high", "critical"):
                for priority, hours in ((1, "any"), (2, "any"), (3, "group")):
                    assign_policy(
                        service_id=world.services[service.key],
                        priority=priority,
                        policy_id=policy.id,
                        hours=hours,
                        actor=SETUP,
                        now=now,
                    )


def stand_ins(world: World, schedules: dict[str, int], *, now: datetime) -> None:
    """This week's exceptions: an override that somebody made, a swap that was taken and one that is offered."""
    commerce = world.members[world.groups["commerce"]]
    tomorrow = (now + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    add_override(
        schedules["commerce"],
        kind="replace",
        by_id=commerce[2],
        start=tomorrow,
        end=tomorrow + timedelta(hours=12),
        actor=Actor.person(commerce[0]),
        now=now,
    )
    platform = world.members[world.groups["platform"]]
    for days, taker in ((6, platform[2]), (9, None)):
        start = tomorrow + timedelta(days=days)
        swap = ask_swap(
            schedules["platform"],
            start=start,
            end=start + timedelta(days=1),
            actor=Actor.person(platform[1]),
            now=now,
        )
        if taker is not None:
            take_swap(swap.id, actor=Actor.person(taker), now=now)
