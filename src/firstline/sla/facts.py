"""What evaluating clocks reads from the database, in a bounded number of queries for any number of
incidents.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from django.db.models import Q

from firstline.catalog.calendar import Calendar
from firstline.catalog.models import CalendarVersion, Category
from firstline.core.actor import ActorKind
from firstline.core.models import Event
from firstline.incidents.models import Incident
from firstline.sla.agreement import Agreement as Document
from firstline.sla.agreement import Candidate, Facts
from firstline.sla.models import AgreementVersion
from firstline.sla.reactions import MATTERS, VERBS
from firstline.sla.reading import MACHINE_CHANNELS, Entry, History, Terms

SLA_VERBS = ("agreement_applied",)


@dataclass(slots=True)
class Documents:
    """Versions of agreements and calendars, decoded once. A broken one raises when it is asked for."""

    agreements: dict[int, Document] = field(default_factory=dict)
    calendars: dict[int, Calendar] = field(default_factory=dict)

    def agreement(self, version_id: int) -> Document:
        if version_id not in self.agreements:
            row = AgreementVersion.objects.get(id=version_id)
            self.agreements[version_id] = msgspec.convert(row.definition, Document)
        return self.agreements[version_id]

    def calendar(self, version_id: int) -> Calendar:
        if version_id not in self.calendars:
            row = CalendarVersion.objects.get(id=version_id)
            self.calendars[version_id] = msgspec.convert(row.definition, Calendar)
        return self.calendars[version_id]

    def terms(self, entries: Iterable[Entry]) -> Terms:
        """The documents that these entries name."""
        versions, calendars = set(), set()
        for entry in entries:
            if entry.verb == "agreement_applied":
                versions.add(entry.data.get("version_id"))
                calendars.add(entry.data.get("calendar_version_id"))
        return Terms(
            calendars={id: self.calendar(id) for id in calendars if id is not None},
            pauses={id: self.agreement(id).pauses for id in versions if id is not None},
        )


def candidates(documents: Documents, kind: str = "SLA") -> list[Candidate]:
    """The agreements in force, in the order in which they are tried. A broken one is left out by raising."""
    rows = AgreementVersion.objects.filter(
        valid_to=None, agreement__active=True, agreement__kind=kind
    ).order_by("agreement__position", "agreement_id")
    return [Candidate(row.agreement_id, row.id, documents.agreement(row.id)) for row in rows]


def facts_of(incidents: Sequence[Incident]) -> Mapping[int, Facts]:
    """What agreements look at, of incidents that were read with their caller."""
    parents = dict(Category.objects.values_list("id", "parent_id")) if incidents else {}
    return {
        incident.id: Facts(
            service=incident.service_id,
            priority=incident.priority,
            categories=_ancestors(incident.category_id, parents),
            unit=incident.caller.unit_id if incident.caller else None,
            group=incident.group_id,
            channel=incident.channel,
            kind=incident.kind,
            vip=bool(incident.caller and incident.caller.vip),
            major=incident.major == "declared",
        )
        for incident in incidents
    }


def histories(incidents: Sequence[Incident]) -> Mapping[int, History]:
    """What moved the clocks of these incidents, in the order of the log."""
    entries: dict[int, list[Entry]] = defaultdict(list)
    rows = (
        Event.objects.filter(subject_type="incident", subject_id__in=[incident.id for incident in incidents])
        .filter(Q(verb__in=[*VERBS, *SLA_VERBS]) | Q(changes__has_any_keys=sorted(MATTERS)))
        .order_by("occurred_at", "id")
    )
    for row in rows:
        entries[row.subject_id].append(entry_of(row))
    return {
        incident.id: History(
            received_at=incident.received_at,
            machine=incident.channel in MACHINE_CHANNELS,
            entries=entries[incident.id],
            group_id=_first_group(entries[incident.id]),
        )
        for incident in incidents
    }


def entry_of(row: Event) -> Entry:
    return Entry(
        at=row.occurred_at,
        verb=row.verb,
        human=row.actor_kind == ActorKind.PERSON,
        actor_id=row.actor_id,
        changes=row.changes,
        data=row.data,
    )


def _first_group(entries: Sequence[Entry]) -> int | None:
    for entry in entries:
        if "group_id" in entry.changes:
            before, after = entry.changes["group_id"]
            found: int | None = before if before is not None else after
            return found
    return None


def _ancestors(category_id: int | None, parents: Mapping[int, int | None]) -> tuple[int, ...]:
    found: list[int] = []
    while category_id is not None and category_id not in found:
        found.append(category_id)
        category_id = parents.get(category_id)
    return tuple(found)
