"""Who a target reaches at an instant, read once for a whole batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from firstline.accounts.models import Membership
from firstline.core.errors import Invalid
from firstline.incidents.models import Incident
from firstline.notifications.queries import Reachability, reachability
from firstline.oncall.models import Override as OverrideRow
from firstline.oncall.models import Schedule as ScheduleRow
from firstline.oncall.models import ScheduleVersion, SwapRequest
from firstline.oncall.policy import Recipient, Target
from firstline.oncall.rotation import Window
from firstline.oncall.rules import Method, Notice, Quiet, Rule, Urgency, plan
from firstline.oncall.schedule import (
    Changes,
    Kind,
    OnDuty,
    Override,
    Schedule,
    Swap,
    VersionInForce,
    who_in_versions,
)


@dataclass(slots=True)
class Directory:
    """Looks things up once. `unreachable` collects people that were meant and have no verified way."""

    unreachable: set[int] = field(default_factory=set)
    _versions: dict[int, list[VersionInForce]] = field(default_factory=dict)
    _changes: dict[int, Changes] = field(default_factory=dict)
    _members: dict[int, list[tuple[int, bool]]] = field(default_factory=dict)
    _schedules: dict[int, list[int]] = field(default_factory=dict)
    _reach: dict[int, Reachability | None] = field(default_factory=dict)

    def on_duty(self, schedule_id: int, start: datetime, end: datetime) -> list[OnDuty]:
        """The final schedule in a stretch of time, answered by the versions in force then."""
        return who_in_versions(self.versions(schedule_id), start, end, self.changes(schedule_id))

    def on_duty_at(self, schedule_id: int, at: datetime) -> list[OnDuty]:
        return [duty for duty in self.on_duty(schedule_id, at, at + _TICK) if duty.start <= at < duty.end]

    def versions(self, schedule_id: int) -> list[VersionInForce]:
        if schedule_id not in self._versions:
            rows = ScheduleVersion.objects.filter(schedule_id=schedule_id).order_by("valid_from", "id")
            self._versions[schedule_id] = [
                VersionInForce(row.number, row.valid_from, schedule_from(row.definition)) for row in rows
            ]
        return self._versions[schedule_id]

    def changes(self, schedule_id: int) -> Changes:
        if schedule_id not in self._changes:
            self._changes[schedule_id] = Changes(
                [
                    override_from(row)
                    for row in OverrideRow.objects.filter(
                        schedule_id=schedule_id, cancelled_at=None
                    ).order_by("id")
                ],
                [
                    swap_from(row)
                    for row in SwapRequest.objects.filter(
                        schedule_id=schedule_id, cancelled_at=None, taker__isnull=False
                    ).order_by("id")
                ],
            )
        return self._changes[schedule_id]

    def members(self, group_id: int) -> list[tuple[int, bool]]:
        """(person id, is a lead) of a group's active members."""
        if group_id not in self._members:
            rows = Membership.objects.filter(group_id=group_id, person__is_active=True).order_by("id")
            self._members[group_id] = list(rows.values_list("person_id", "lead"))
        return self._members[group_id]

    def schedules_of(self, group_id: int) -> list[int]:
        if group_id not in self._schedules:
            rows = ScheduleRow.objects.filter(group_id=group_id).order_by("id")
            self._schedules[group_id] = list(rows.values_list("id", flat=True))
        return self._schedules[group_id]

    def reach(self, target: Target, incident: Incident, at: datetime) -> Sequence[Recipient]:
        """Whom a target pages for an incident at an instant: people who can be reached and may see it."""
        if target.kind in ("webhook", "channel"):
            kind = "webhook" if target.kind == "webhook" else "apprise"
            return [Recipient(None, f"{kind}:{target.address}", {"kind": "sink"})]
        found = self._people(target, incident, at)
        if incident.security:
            insiders = (
                {person for person, _ in self.members(incident.group_id)} if incident.group_id else set()
            )
            found = [recipient for recipient in found if recipient.person in insiders]
        return [recipient for recipient in found if self._reachable(recipient.person)]

    def _people(self, target: Target, incident: Incident, at: datetime) -> list[Recipient]:
        if target.kind == "person":
            return [Recipient(target.id, because={"kind": "person"})]
        if target.kind == "schedule":
            assert target.id is not None
            return self._on_call(target.id, at)
        group_id = target.id if target.id is not None else incident.group_id
        if group_id is None:
            return []
        if target.kind == "lead":
            return [
                Recipient(person, because={"kind": "lead", "group": group_id})
                for person, lead in self.members(group_id)
                if lead
            ]
        schedules = self.schedules_of(group_id)
        if schedules:
            return [recipient for schedule in schedules for recipient in self._on_call(schedule, at)]
        return [
            Recipient(person, because={"kind": "group", "group": group_id})
            for person, _lead in self.members(group_id)
        ]

    def _on_call(self, schedule_id: int, at: datetime) -> list[Recipient]:
        return [
            Recipient(duty.person, because=because(duty, schedule_id))
            for duty in self.on_duty_at(schedule_id, at)
        ]

    def _reachable(self, person_id: int | None) -> bool:
        if person_id is None:
            return True
        known = self.reachability(person_id)
        if known is None or not known.ways:
            self.unreachable.add(person_id)
            return False
        return True

    def reachability(self, person_id: int) -> Reachability | None:
        if person_id not in self._reach:
            self._reach[person_id] = reachability([person_id]).get(person_id)
        return self._reach[person_id]

    def notices(self, person_id: int, at: datetime, urgency: Urgency) -> list[Notice]:
        """The deliveries of a page to a person."""
        known = self.reachability(person_id)
        if known is None:
            return []
        methods = [Method(way.method_id, way.channel, way.address) for way in known.ways]
        rules = [
            Rule("high" if one.urgency == "high" else "low",
                 Method(one.way.method_id, one.way.channel, one.way.address), one.minutes)
            for one in known.preferences
        ]  # fmt: skip
        quiet = Quiet(known.zone, Window(known.quiet[0], known.quiet[1])) if known.quiet else None
        return plan(rules, methods, urgency=urgency, at=at, quiet=quiet)


_TICK = datetime.resolution


def because(duty: OnDuty, schedule_id: int) -> dict[str, object]:
    """What put somebody on call, as the ledger keeps it."""
    reason = duty.because
    said: dict[str, object] = {"kind": reason.kind, "schedule": schedule_id, "version": reason.version}
    if reason.kind == "layer":
        said["layer"] = reason.name
    else:
        said[reason.kind] = reason.id
    return said


def schedule_from(definition: object) -> Schedule:
    """The schedule that a version's JSON is. `Invalid` says what is wrong with it."""
    try:
        return msgspec.convert(definition, Schedule)
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(f"This is not a schedule: {error}.", {"definition": str(error)}) from error


def override_from(row: OverrideRow) -> Override:
    kinds: dict[str, Kind] = {"replace": "replace", "add": "add", "remove": "remove"}
    return Override(
        id=row.id, kind=kinds[row.kind], person=row.person_id, by=row.by_id, start=row.start, end=row.end,
        rank=row.rank,
    )  # fmt: skip


def swap_from(row: SwapRequest) -> Swap:
    return Swap(id=row.id, giver=row.giver_id, taker=row.taker_id, start=row.start, end=row.end)
