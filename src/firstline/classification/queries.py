"""Reads of rules, decisions for incidents, and the dry-run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from django.db.models import QuerySet

from firstline.accounts.models import SupportGroup
from firstline.accounts.viewer import Viewer
from firstline.catalog.models import Category, Service
from firstline.classification import models
from firstline.classification.routing import Decision, Directory, Known, decide
from firstline.classification.rules import Condition, Rule, Subject, first_match
from firstline.core.errors import NotFound
from firstline.incidents.models import Incident
from firstline.incidents.visibility import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a signal adds to the incident that it opened: the caller of `decisions` knows, rules may ask."""

    source_kind: str = ""
    group_id: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


NO_ORIGIN = Origin()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One line of a dry-run: what was looked at, what the rules say, what it is filed under today."""

    subject: Subject
    at: datetime
    rule: Rule | None
    because: tuple[tuple[str, object], ...] = ()
    incident: Incident | None = None

    @property
    def differs(self) -> bool:
        """The rules would file it elsewhere than where it is (only where both say something)."""
        if self.incident is None or self.rule is None or self.rule.category_id is None:
            return False
        return self.incident.category_id is not None and self.incident.category_id != self.rule.category_id


def rules(viewer: Viewer) -> QuerySet[models.Rule]:
    """All rules in the order in which they are tried."""
    viewer.require("configuration.read")
    found = models.Rule.objects.select_related("category", "group", "service")
    return found.order_by("position", "id")


def rule(viewer: Viewer, rule_id: int) -> models.Rule:
    found = rules(viewer).filter(id=rule_id).first()
    if found is None:
        raise NotFound("There is no such rule.")
    return found


def active_rules() -> list[Rule]:
    """The rules that count, as values. One whose stored condition can't be read any more is passed over."""
    found = []
    for row in models.Rule.objects.filter(active=True).order_by("position", "id"):
        try:
            found.append(as_value(row))
        except msgspec.ValidationError:
            continue  # no rule, however broken, may prevent registration
    return found


def as_value(row: models.Rule) -> Rule:
    """Raises `msgspec.ValidationError` for a condition that can't be read."""
    return Rule(
        id=row.id,
        name=row.name,
        condition=msgspec.convert(row.condition, Condition),
        category_id=row.category_id,
        group_id=row.group_id,
        service_id=row.service_id,
        security=row.security,
    )


def decisions(
    incident_ids: Iterable[int], origins: Mapping[int, Origin] | None = None
) -> dict[int, Decision]:
    """What rules and defaults say about incidents that are being registered: five queries for any number."""
    incidents = (
        Incident.objects.filter(id__in=list(incident_ids))
        .select_related("caller")
        .only(
            *(
                "title",
                "description",
                "channel",
                "source_id",
                "service_id",
                "category_id",
                "group_id",
                "security",
            ),
            "caller__unit_id",
        )
    )
    listed, known_groups, found = active_rules(), directory(), {}
    for incident in incidents:
        origin = (origins or {}).get(incident.id, NO_ORIGIN)
        known = Known(
            subject=subject_of(incident, origin),
            category_id=incident.category_id,
            group_id=incident.group_id,
            service_id=incident.service_id,
            security=incident.security,
            source_group_id=origin.group_id,
        )
        found[incident.id] = decide(listed, known, known_groups)
    return found


def subject_of(incident: Incident, origin: Origin = NO_ORIGIN) -> Subject:
    return Subject(
        title=incident.title,
        description=incident.description,
        channel=incident.channel,
        source_id=incident.source_id,
        source_kind=origin.source_kind,
        service_id=incident.service_id,
        unit_id=incident.caller.unit_id if incident.caller else None,
        labels=origin.labels,
    )


def directory() -> Directory:
    """Default groups of services and categories, the latter inherited down the tree."""
    groups = SupportGroup.objects.filter(active=True).values_list("id", "security", "catch_all")
    rows = list(groups)
    return Directory(
        category_groups=_inherited(),
        service_groups=dict(Service.objects.exclude(group=None).values_list("id", "group_id")),
        security_groups=frozenset(group for group, security, _ in rows if security),
        active_groups=frozenset(group for group, _, _ in rows),
        catch_all=next((group for group, _, catch_all in rows if catch_all), None),
    )


def _inherited() -> dict[int, int]:
    own: dict[int, int] = {}
    for category, parent, group in Category.objects.order_by("path").values_list(
        "id", "parent_id", "group_id"
    ):
        found = group or (own.get(parent) if parent is not None else None)
        if found is not None:
            own[category] = found
    return own


def dry_run(
    viewer: Viewer,
    candidates: Sequence[Rule],
    *,
    last: int = 50,
    signals: Sequence[tuple[Subject, datetime]] = (),
) -> list[Tried]:
    """What these rules would have said about the last incidents that the viewer may see, and about signals
    that the caller brings. Nothing is changed. The latest first."""
    viewer.require("configuration.read")
    incidents = visible(viewer).filter(synthetic=False).select_related("caller", "category", "group")
    tried = [
        _tried(candidates, subject_of(incident), incident.registered_at, incident)
        for incident in incidents.order_by("-registered_at", "-id")[: min(last, 500)]
    ]
    tried += [_tried(candidates, subject, at, None) for subject, at in signals]
    return sorted(tried, key=lambda line: line.at, reverse=True)


def _tried(candidates: Sequence[Rule], subject: Subject, at: datetime, incident: Incident | None) -> Tried:
    match = first_match(candidates, subject)
    return Tried(
        subject=subject,
        at=at,
        rule=match.rule if match else None,
        because=match.because if match else (),
        incident=incident,
    )
