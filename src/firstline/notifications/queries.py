"""Every read of messages, deliveries and ways to reach people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from firstline.accounts.models import Person
from firstline.accounts.viewer import Viewer
from firstline.core.errors import NotAllowed
from firstline.notifications.models import ContactMethod, Delivery, NotificationRule, QuietHours


@dataclass(frozen=True, slots=True)
class Way:
    """A verified way to reach a person; `method_id` None is the address of their account."""

    method_id: int | None
    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class Preference:
    """A person's rule: through this way, so many minutes after a page of this urgency."""

    urgency: str
    way: Way
    minutes: int


@dataclass(frozen=True, slots=True)
class Reachability:
    """All that paging a person needs."""

    person_id: int
    ways: tuple[Way, ...]
    preferences: tuple[Preference, ...]
    zone: str
    quiet: tuple[str, str] | None


def reachability(person_ids: Iterable[int]) -> Mapping[int, Reachability]:
    """How each of these active people is reached: four queries, however many."""
    people = {person.id: person for person in Person.objects.filter(id__in=set(person_ids), is_active=True)}
    ways: dict[int, dict[int, Way]] = {person_id: {} for person_id in people}
    methods = ContactMethod.objects.filter(
        person_id__in=people, active=True, verified_at__isnull=False
    ).order_by("failing_since", "id")
    for method in methods:
        ways[method.person_id][method.id] = Way(method.id, method.channel, method.address)
    preferences: dict[int, list[Preference]] = {person_id: [] for person_id in people}
    for rule in NotificationRule.objects.filter(person_id__in=people).order_by("delay_minutes", "id"):
        way = ways[rule.person_id].get(rule.method_id)
        if way is not None:
            preferences[rule.person_id].append(Preference(rule.urgency, way, rule.delay_minutes))
    quiet = {row.person_id: row for row in QuietHours.objects.filter(person_id__in=people)}
    return {
        person_id: Reachability(
            person_id,
            _ways(person, list(ways[person_id].values())),
            tuple(preferences[person_id]),
            _zone(person.zone),
            _quiet(quiet.get(person_id)),
        )
        for person_id, person in people.items()
    }


def _ways(person: Person, verified: list[Way]) -> tuple[Way, ...]:
    """The verified methods; the address of the account too, once it was proved and unless it is among
    them.
    """
    proved = person.email_verified_at is not None and person.email_bounced_at is None
    if proved and all(way.channel != "email" or way.address != person.email for way in verified):
        return (*verified, Way(None, "email", person.email))
    return tuple(verified)


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        return "UTC"


def _quiet(row: QuietHours | None) -> tuple[str, str] | None:
    return (f"{row.start:%H:%M}", f"{row.end:%H:%M}") if row is not None else None


def methods_of(viewer: Viewer, person_id: int) -> QuerySet[ContactMethod]:
    if viewer.person_id != person_id and not viewer.may("people.edit"):
        raise NotAllowed("Only you and administrators see how you are reached.")
    return ContactMethod.objects.filter(person_id=person_id, active=True).order_by("id")


def deliveries_about(subject_type: str, subject_ids: Sequence[int]) -> QuerySet[Delivery]:
    """What was told about subjects that the caller may see, newest first."""
    return (
        Delivery.objects.filter(message__subject_type=subject_type, message__subject_id__in=subject_ids)
        .select_related("message", "person")
        .order_by("-id")
    )


def delivery_of(mail_id: str) -> Delivery | None:
    """The delivery that a mail with this Message-ID was; what a bounce or an answer refers to."""
    return Delivery.objects.filter(mail_id=mail_id).select_related("message").order_by("-id").first()


def waiting(now: datetime) -> int:
    """How many deliveries are due and not through."""
    return Delivery.objects.filter(state__in=("due", "sending"), due_at__lte=now).count()


def language_at(channel: str, address: str) -> str | None:
    """The language of whoever has this verified address; None when nobody or more than one has it."""
    rows = ContactMethod.objects.filter(
        channel=channel, address=address, active=True, verified_at__isnull=False
    )
    languages = set(rows.values_list("person__language", flat=True)[:5])
    return languages.pop() or None if len(languages) == 1 else None


def last_deliveries(viewer: Viewer, channel: str, *, limit: int = 20) -> list[Delivery]:
    """What went out through a channel lately, newest first, each with its attempts. It holds people's numbers."""
    viewer.require("configuration.edit")
    rows = Delivery.objects.filter(channel=channel).select_related("message", "person")
    return list(rows.prefetch_related("tries").order_by("-id")[:limit])


def my_deliveries(viewer: Viewer, *, limit: int = 10) -> list[Delivery]:
    """What was sent to the viewer lately, newest first."""
    if viewer.person_id is None:
        return []
    rows = (
        Delivery.objects.filter(person_id=viewer.person_id)
        .select_related("message")
        .prefetch_related("tries")
    )
    return list(rows.order_by("-id")[:limit])
