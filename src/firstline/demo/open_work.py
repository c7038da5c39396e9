"""What is going on at Halden & Brook right now: work in every state, so that each page has something to show."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from firstline.catalog.actions import record_change
from firstline.closure import actions as closure
from firstline.core.actor import Actor
from firstline.demo import signals, stories
from firstline.demo.history import Teller
from firstline.demo.lives import Life, Step
from firstline.demo.setup import SETUP, World
from firstline.demo.stories import Story
from firstline.incidents import actions
from firstline.incidents.models import Incident
from firstline.problems import actions as problems

ALL = (*stories.PEOPLE, *signals.MACHINES, *signals.SECURITY)


class Today:
    """Tells today's open work through the ordinary actions; ids of what other parts refer to are kept."""

    def __init__(self, world: World, rng: Random, now: datetime) -> None:
        self.world, self.now = world, now
        self._rng = rng
        self._teller = Teller(world, rng)

    def ago(self, **length: float) -> datetime:
        return self.now - timedelta(**length)

    def begin(self, title: str, at: datetime, *steps: tuple[float, str]) -> int:
        """An incident of the story whose title starts so, with steps (minutes after its report, verb)."""
        story = _story(title)
        told = [Step(at, "register"), *(Step(at + timedelta(minutes=m), do) for m, do in steps)]
        return self._teller.tell_open(Life(story, told))

    def owner(self, incident_id: int) -> Actor:
        row = Incident.objects.only("assignee_id", "group_id").get(id=incident_id)
        members = self.world.members[row.group_id or self.world.groups["first"]]
        return Actor.person(row.assignee_id or members[0])

    def make(self) -> None:
        """All of it."""
        parts: tuple[Callable[[], None], ...] = (
            self.waiting,
            self.vpn,
            self.in_progress,
            self.to_confirm,
            self.security,
            self.fresh,
            self.checkout,
        )
        for part in parts:
            part()

    def checkout(self) -> None:
        """A major incident, declared half an hour ago."""
        major = self.begin("Checkout: payment", self.ago(minutes=44), (5, "take"))
        commander = self.world.actor("Freja Lund")
        self._members_may(major)
        actions.declare(major, actor=commander, now=self.ago(minutes=36))
        for minutes, text in (
            (35, "Card payments fail for about 7 % of customers. We are talking to the provider."),
            (9, "The second provider takes over; the share of failures is falling."),
        ):
            actions.post_status(major, text, actor=commander, now=self.ago(minutes=minutes))
        actions.publish(
            major,
            title="Card payments fail at times",
            status="We know of it and are switching to another provider.",
            actor=commander,
            now=self.ago(minutes=33),
        )
        for caller in self.world.callers[9:13]:
            actions.me_too(major, actor=Actor.person(caller, via="portal"), now=self.ago(minutes=20))
        shop = self.begin("Web shop: p95", self.ago(minutes=31), (8, "take"))
        till = self.begin("Till", self.ago(minutes=26))
        for child in (shop, till):
            actions.set_parent(child, major, actor=commander, now=self.ago(minutes=15))
        actions.add_task(
            major, "Ask the provider for the cause in writing", actor=commander, now=self.ago(minutes=14)
        )
        task = actions.add_task(
            major, "Tell customer care what to say", actor=commander, now=self.ago(minutes=30)
        )
        actions.finish_task(major, task.id, actor=commander, now=self.ago(minutes=22))

    def _members_may(self, incident_id: int) -> None:
        """What an agent says first on the phone."""
        actions.comment(
            incident_id,
            "Provider answers 502 for one card brand only. Second provider is configured but not active.",
            actor=self.owner(incident_id),
            now=self.ago(minutes=38),
            public=False,
        )

    def vpn(self) -> None:
        """The same report five times: two are merged, it is published, a change is suspected."""
        change = record_change(
            title="VPN client 5.1.8 rolled out",
            reference="CHG-0412",
            service_id=self.world.services["vpn"],
            happened_at=self.ago(days=1, hours=3),
            actor=SETUP,
            now=self.ago(days=1, hours=3),
        )
        first = self.begin("VPN drops", self.ago(hours=22), (14, "take"), (30, "note"))
        more = [self.begin("VPN drops", self.ago(hours=h)) for h in (20, 18.5, 5, 3)]
        owner = self.owner(first)
        for duplicate in more[:2]:
            actions.merge(duplicate, first, actor=owner, now=self.ago(hours=17))
        actions.link(first, kind="caused_by_change", change_id=change.id, actor=owner, now=self.ago(hours=16))
        actions.publish(
            first,
            title="VPN disconnects after a few minutes",
            status="A new version of the client is the likely cause; going back helps.",
            actor=owner,
            now=self.ago(hours=16),
        )
        problem = problems.open_problem(
            title="VPN client 5.1.8 drops connections on some wireless cards",
            incident_ids=[first, *more[2:]],
            actor=owner,
            now=self.ago(hours=4),
        )
        problems.edit_problem(
            problem.id,
            {
                "workaround": "Go back to version 5.1.6 from the software shop.",
                "match_words": "vpn drops disconnects",
            },
            actor=owner,
            now=self.ago(hours=4),
        )
        problems.publish_known_error(problem.id, actor=owner, now=self.ago(hours=3), public=True)

    def waiting(self) -> None:
        """On hold for each reason there is, one of them overdue."""
        self.begin("Printer on", self.ago(days=1, hours=2), (30, "take"), (45, "ask"))
        for title, hours, reason, days in (
            ("Battery lasts", 52, "vendor", 2),
            ("s3-cph-1", 70, "change", 1),
            ("Scanner", 30, "problem", 3),
            ("Docking station", 27, "scheduled", 1),
        ):
            incident = self.begin(title, self.ago(hours=hours), (25, "take"))
            at = self.ago(hours=hours - 2)
            actions.hold(
                incident,
                reason=reason,
                look_again_at=self.now + timedelta(days=days),
                caller_wish=reason == "scheduled",
                actor=self.owner(incident),
                now=at,
            )
        self.begin("Wi-Fi slow", self.ago(days=6), (40, "take"), (60, "comment"), (95, "note"))

    def in_progress(self) -> None:
        for title, hours in (
            ("Finance system very slow", 5),
            ("pg-main-2", 2.5),
            ("Order", 7),
            ("Shared mailbox", 3.5),
            ("No access to the folder", 26),
            ("Laptop does not start", 4),
            ("Consumer lag", 1.2),
            ("Label printer", 1.5),
            ("No access to the folder", 3),
            ("Locked out", 0.6),
        ):
            self.begin(title, self.ago(hours=hours), (9, "take"), (25, "comment"), (33, "note"))
        raised = self.begin("Sales report of yesterday", self.ago(hours=6), (12, "take"))
        actions.escalate(
            raised,
            reason="The load itself is broken, I can't see into the data warehouse.",
            actor=self.owner(raised),
            now=self.ago(hours=4),
        )
        wished = self.begin("Leave request", self.ago(hours=2), (10, "take"))
        actions.override_priority(
            wished,
            2,
            reason="business_event",
            note="Payroll closes tonight.",
            actor=self.owner(wished),
            now=self.ago(hours=1),
        )

    def to_confirm(self) -> None:
        for title, hours in (
            ("Locked out", 3),
            ("Gift card", 20),
            ("Second factor", 6),
            ("Print jobs", 28),
            ("Deleted folder", 9),
        ):
            self.begin(title, self.ago(hours=hours), (8, "take"), (55, "resolve"))
        thanked = self.begin("Meeting room", self.ago(hours=8), (8, "take"), (70, "resolve"))
        caller = Incident.objects.values_list("caller_id", flat=True).get(id=thanked)
        voice = Actor.person(caller or 0, via="mail")
        actions.comment_as_caller(
            thanked, "Thanks, I will look on Monday.", actor=voice, now=self.ago(hours=2)
        )
        again = self.begin("VPN refuses", self.ago(hours=27), (12, "take"), (90, "resolve"))
        caller = Incident.objects.values_list("caller_id", flat=True).get(id=again)
        closure.still_broken(
            again,
            stories.STILL_BROKEN[0],
            actor=Actor.person(caller or 0, via="link"),
            now=self.ago(hours=1.5),
        )

    def security(self) -> None:
        self.begin("Phishing", self.ago(minutes=75), (6, "take"), (20, "note"))
        self.begin("Sign-in from two", self.ago(minutes=12))

    def fresh(self) -> None:
        """Nobody has looked at these yet."""
        for title, minutes in (
            ("Points of a purchase", 50),
            ("Hotline: callers hear", 7),
            ("Finance system: 'Period", 41),
            ("Canteen menu", 95),
            ("Backup of nas-1", 38),
            ("Certificate of idp-1", 130),
            ("Wrong price", 16),
            ("Locked out", 4),
            ("Second factor", 23),
            ("No access to the folder", 64),
            ("Second factor", 88),
        ):
            self.begin(title, self.ago(minutes=minutes))


def learnt(world: World, *, now: datetime) -> None:
    """What came out of the past weeks: changes, problems and what is done about them."""
    for days, title, service, state in (
        (12, "Firewall rules of the quarter", "core", "implemented"),
        (5, "Web shop release 2026.47", "shop", "implemented"),
        (2, "Database minor upgrade", "db", "implemented"),
        (-2, "New access points in Aarhus", "wifi", "planned"),
        (-6, "Payment provider: switch to version 3", "checkout", "planned"),
    ):
        at = now - timedelta(days=days)
        planned: dict[str, Any] = {"planned_start": at, "planned_end": at + timedelta(hours=2)}
        record_change(
            title=title,
            reference=f"CHG-{400 + days:04d}",
            service_id=world.services[service],
            state=state,
            happened_at=at if days > 0 else None,
            actor=SETUP,
            now=min(at, now),
            **(planned if days < 0 else {}),
        )
    _problem(
        world, now, "wms", "Scanner", "Scanners of the first series lose the network between aisles",
        "The antenna of the first series is too weak for the new racks.",
        "Swap the scanner for one of the second series.",
        "Order forty scanners of the second series", "Piotr Zielinski", solved=False,
    )  # fmt: skip
    _problem(
        world, now, "db", "pg-main-2", "Reports on the replica hold back replication",
        "Reports run on the replica that must take over.", "Stop the report, it can run again at night.",
        "Give reports a replica of their own", "Astrid Bakke", solved=True,
    )  # fmt: skip


def _problem(
    world: World, now: datetime, service: str, words: str, title: str, cause: str, workaround: str,
    action: str, owner: str, *, solved: bool,
) -> None:  # fmt: skip
    at = now - timedelta(days=20)
    actor = world.actor(owner)
    ids = list(
        Incident.objects.filter(
            service_id=world.services[service], title__startswith=words, registered_at__lt=at
        )
        .order_by("-id")
        .values_list("id", flat=True)[:6]
    )
    problem = problems.open_problem(title=title, incident_ids=ids, actor=actor, now=at)
    problems.edit_problem(
        problem.id,
        {"root_cause": cause, "workaround": workaround, "match_words": words.lower()},
        actor=actor,
        now=at,
    )
    problems.publish_known_error(problem.id, actor=actor, now=at + timedelta(hours=2))
    todo = problems.add_action(
        problem.id,
        title=action,
        owner_id=actor.id,
        due_on=(now + timedelta(days=10)).date(),
        actor=actor,
        now=at + timedelta(days=1),
    )
    if solved:
        problems.finish_action(problem.id, todo.id, actor=actor, now=now - timedelta(days=4))
        problems.solve(problem.id, actor=actor, now=now - timedelta(days=3))


def _story(title: str) -> Story:
    return next(story for story in ALL if story.title.startswith(title))
