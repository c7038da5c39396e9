"""Teams that are told of incidents which they don't own: one incident, however many teams have something to do with it.

A subscription matches when it means the incident itself or any of its alerts. Its team is told once that the incident
is there and once that it is resolved; somebody in two such teams hears it once. An administrator who subscribes a team
lets it hear titles; of a security incident only those are told who may see it, and its number and priority alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from firstline.accounts.models import Membership, Person, SupportGroup
from firstline.accounts.viewer import Viewer, viewer_of
from firstline.catalog.editing import apply, authorise, check_seen, found, unique, values
from firstline.core import config_log, due
from firstline.core.actor import Actor
from firstline.core.batch import run_due
from firstline.core.due import DueItem
from firstline.core.errors import Invalid, NotFound
from firstline.core.event_log import DomainEvent, plain
from firstline.incidents.models import Incident
from firstline.incidents.visibility import visible
from firstline.intake.matching import Facts, Match, compile_match
from firstline.intake.models import AlertSpan, Subscribed, Subscription
from firstline.intake.queries_noise import facts_of
from firstline.intake.signal import SEVERITY_ORDER, Severity
from firstline.notifications.telling import tell_people
from firstline.notifications.wording import About, about_incident

TELL = "subscriptions.tell"
BATCH = 100
ALERTS = 200  # of an incident that are looked at, the latest
FIELDS = ("name", "group_id", "match", "active")


def look(events: Sequence[DomainEvent]) -> None:
    """Reaction: whoever subscribed to such incidents will be told."""
    if Subscription.objects.exists():
        due.schedule(TELL, [(event.subject_id, event.recorded_at or event.occurred_at) for event in events])


def run(now: datetime) -> int:
    """Engine: tell the teams of what is new or over for them."""
    return run_due(TELL, lambda items: _tell(items, now), now=now, limit=BATCH, of="incident")


def _tell(items: Sequence[DueItem], now: datetime) -> None:
    subscriptions = list(
        Subscription.objects.filter(active=True, group__active=True).select_related("group").order_by("id")
    )
    ids = [item.subject_id for item in items]
    rows = Incident.objects.filter(id__in=ids, imported_from=None, merged_into=None).order_by("id")
    facts = _facts(rows) if subscriptions else {}
    for row in rows:
        if row.is_open:
            _tell_opened(row, [each for each in subscriptions if _means(each, facts[row.id])], now)
        elif row.state in ("resolved", "closed"):
            _tell_ended(row, now)


def _facts(rows: Iterable[Incident]) -> dict[int, list[Facts]]:
    """What subscriptions look at: the incident, and each of its alerts."""
    found: dict[int, list[Facts]] = {}
    for row in rows:
        severity = Severity(row.severity) if row.severity in SEVERITY_ORDER else Severity.ERROR
        itself = Facts(
            title=row.title,
            description=row.description,
            severity=severity,
            security=row.security,
            service_id=row.service_id,
            ci_id=row.ci_id,
        )
        spans = AlertSpan.objects.filter(incident_id=row.id).select_related("alert", "source")
        found[row.id] = [itself, *(facts_of(span) for span in spans.order_by("-id")[:ALERTS])]
    return found


def _means(subscription: Subscription, facts: Sequence[Facts]) -> bool:
    try:
        asked = compile_match(match_from(subscription.match))
    except Invalid:
        return False  # it can't be read any more: nobody is told by it, and its page says so
    return any(asked.holds(each) for each in facts)


def match_from(stored: Any) -> Match:
    """The match that this JSON is; `Invalid` says what is wrong with it."""
    try:
        return msgspec.convert(stored, Match)
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(str(error), {"match": str(error)}) from None


def _tell_opened(incident: Incident, matching: Sequence[Subscription], now: datetime) -> None:
    known = set(Subscribed.objects.filter(incident=incident).values_list("subscription_id", flat=True))
    for subscription in matching:
        if subscription.id in known:
            continue
        heard = _heard(incident)
        Subscribed.objects.create(subscription=subscription, incident=incident, told_at=now)
        people = [each for each in _people(subscription, incident) if each.id not in heard]
        _send(incident, subscription, people, "subscribed", now)


def _tell_ended(incident: Incident, now: datetime) -> None:
    rows = Subscribed.objects.filter(incident=incident, end_told_at=None).select_related(
        "subscription__group"
    )
    heard: set[int] = set()
    for row in rows.order_by("id"):
        people = [each for each in _people(row.subscription, incident) if each.id not in heard]
        heard |= {each.id for each in people}
        row.end_told_at = now
        row.save(update_fields=["end_told_at"])
        _send(incident, row.subscription, people, "subscribed_end", now)


def _heard(incident: Incident) -> set[int]:
    """Members of the teams that were told of it already."""
    groups = Subscribed.objects.filter(incident=incident).values("subscription__group_id")
    return set(Membership.objects.filter(group_id__in=groups).values_list("person_id", flat=True))


def _people(subscription: Subscription, incident: Incident) -> list[Person]:
    members = Membership.objects.filter(group_id=subscription.group_id, person__is_active=True)
    people = [each.person for each in members.select_related("person").order_by("person_id")]
    if not incident.security:
        return people
    return [each for each in people if visible(viewer_of(each.id)).filter(id=incident.id).exists()]


def _send(
    incident: Incident, subscription: Subscription, people: Sequence[Person], kind: str, now: datetime
) -> None:
    about = About(
        incident_id=incident.id,
        number=incident.number,
        priority=incident.priority,
        title=incident.title,
        security=incident.security,
    )
    for person in people:
        with override(person.language):
            sentence = _("resolved") if kind == "subscribed_end" else _("an incident for %(team)s")
            detail = _("Your team %(team)s is told because of its subscription “%(name)s”.")
            named = {"team": subscription.group.name, "name": subscription.name}
            text = about_incident(about, sentence % named, detail=detail % named)
        tell_people(
            [person],
            kind=kind,
            subject=text.subject,
            body=text.body,
            key=f"{kind}:{incident.id}:{subscription.id}:{person.id}",
            now=now,
            subject_id=incident.id,
            synthetic=incident.synthetic,
        )


# --- configuration


@transaction.atomic
def create(
    *, name: str, group_id: int, match: Match, actor: Actor, now: datetime, active: bool = True
) -> Subscription:
    """Subscribe a team to incidents like these, from now on."""
    authorise(actor, "configuration.edit")
    row = Subscription(name=name.strip(), group_id=group_id, active=active, created_at=now)
    row.match = plain(msgspec.to_builtins(match))
    _check(row, match)
    row.save()
    config_log.changed("subscription", row.id, actor=actor, now=now, before=None, after=values(row, FIELDS))
    return row


@transaction.atomic
def edit(
    subscription_id: int, *, actor: Actor, now: datetime, seen: str = "", match: Match, **fields: Any
) -> Subscription:
    authorise(actor, "configuration.edit")
    row = found(Subscription, subscription_id, "subscription")
    before = values(row, FIELDS)
    check_seen(before, seen)
    apply(row, fields, {"name", "group_id", "active"})
    row.match = plain(msgspec.to_builtins(match))
    _check(row, match)
    row.save()
    config_log.changed("subscription", row.id, actor=actor, now=now, before=before, after=values(row, FIELDS))
    return row


@transaction.atomic
def delete(subscription_id: int, *, actor: Actor, now: datetime) -> None:
    authorise(actor, "configuration.edit")
    row = found(Subscription, subscription_id, "subscription")
    config_log.changed("subscription", row.id, actor=actor, now=now, before=values(row, FIELDS), after=None)
    row.delete()


def _check(row: Subscription, match: Match) -> None:
    unique(Subscription, row, "name", "subscription")
    if not SupportGroup.objects.filter(id=row.group_id, active=True).exists():
        raise Invalid(_("Choose a team."), {"group_id": _("There is no such group.")})
    if match.is_empty and match.security == "no":
        message = _("Say which incidents: without a condition the team would hear of every one.")
        raise Invalid(message, {"match": message})


def listed(viewer: Viewer) -> list[Subscription]:
    """All subscriptions by name."""
    viewer.require("configuration.read")
    return list(Subscription.objects.select_related("group").order_by("name", "id"))


def one(viewer: Viewer, subscription_id: int) -> Subscription:
    viewer.require("configuration.read")
    row = Subscription.objects.select_related("group").filter(id=subscription_id).first()
    if row is None:
        raise NotFound(_("There is no such subscription."))
    return row


def subscribers(viewer: Viewer, incident_id: int) -> list[Mapping[str, Any]]:
    """Which teams were told of an incident that the viewer may see, when, and by which subscription."""
    if not visible(viewer).filter(id=incident_id).exists():
        raise NotFound(_("There is no such incident."))
    rows = Subscribed.objects.filter(incident_id=incident_id).select_related("subscription__group")
    return [
        {
            "team": row.subscription.group.name,
            "name": row.subscription.name,
            "told_at": row.told_at,
            "end_told_at": row.end_told_at,
        }
        for row in rows.order_by("id")
    ]
