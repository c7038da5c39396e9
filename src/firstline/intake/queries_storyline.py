"""The storyline of a security incident for a viewer, and the incidents that share its entities: bounded queries."""

from dataclasses import dataclass

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from firstline.accounts.viewer import Viewer
from firstline.core.errors import NotFound
from firstline.incidents.models import Incident
from firstline.incidents.visibility import visible
from firstline.intake import storyline
from firstline.intake.entities import same
from firstline.intake.grounds import Ground, Key, KeyKind, Rule, weight_of
from firstline.intake.models import AlertSpan, IncidentKey
from firstline.intake.moving import entities_in
from firstline.intake.signal import SEVERITY_ORDER, Entity, EntityKind, Severity
from firstline.intake.storyline import Evidence, Storyline

MOST_SPANS = 1000
MOST_KEYS = 60
PER_KEY = 30
SHOWN = 12
NEEDED = Rule(ground=Ground.ENTITY).weight


@dataclass(frozen=True, slots=True)
class Relation:
    """Another incident that shares entities with this one, also a past one."""

    incident: Incident
    entities: list[Entity]
    weight: int


@dataclass(frozen=True, slots=True)
class Told:
    """`left_out`: alerts beyond the first MOST_SPANS."""

    story: Storyline
    relations: list[Relation]
    left_out: int


def told(viewer: Viewer, incident_id: int) -> Told:
    """The storyline of an incident with those that were merged into it. `NotFound` where the viewer may not see it."""
    if not visible(viewer).filter(id=incident_id).exists():
        raise NotFound(_("There is no such incident."))
    family = [
        incident_id,
        *visible(viewer).filter(merged_into_id=incident_id).values_list("id", flat=True)[:100],
    ]
    spans = AlertSpan.objects.filter(incident_id__in=family)
    rows = list(spans.select_related("source").order_by("id")[: MOST_SPANS + 1])
    left_out = spans.count() - MOST_SPANS if len(rows) > MOST_SPANS else 0
    story = storyline.told(_evidence(row) for row in rows[:MOST_SPANS])
    return Told(story, relations(viewer, incident_id, family), left_out)


def _evidence(row: AlertSpan) -> Evidence:
    severity = Severity(row.severity) if row.severity in SEVERITY_ORDER else Severity.INFO
    return Evidence(
        span_id=row.id,
        alert_id=row.alert_id,
        title=row.title,
        source=row.source.name,
        severity=severity,
        started_at=row.started_at,
        last_seen_at=row.last_seen_at,
        count=row.count,
        rule=str(row.labels.get("rule") or ""),
        tactics=tuple(map(str, row.tactics)),
        techniques=tuple(map(str, row.techniques)),
        entities=tuple(entities_in(row.entities)),
    )


OTHERS = """
SELECT mine.value, other.incident_id, other.detail
FROM unnest(%(values)s::text[]) AS mine(value),
LATERAL (
  SELECT k.incident_id, k.detail FROM incident_key k
  WHERE k.ground = 'entity' AND k.value = mine.value AND k.incident_id <> ALL(%(family)s)
  ORDER BY k.last_at DESC LIMIT %(per_key)s
) AS other
"""


def relations(viewer: Viewer, incident_id: int, family: list[int]) -> list[Relation]:
    """Incidents that the viewer may see and that share entities weighing enough together, the heaviest first."""
    keys = IncidentKey.objects.filter(incident_id__in=family, ground="entity").order_by("-count", "id")[
        :MOST_KEYS
    ]
    mine: dict[Key, Entity] = {}
    for row in keys:
        entity = Entity(EntityKind(row.value.partition(":")[0]), row.detail, row.role)
        if weight_of(entity):
            mine[KeyKind.ENTITY, row.value] = entity
    if not mine:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            OTHERS, {"values": [value for _, value in mine], "family": family, "per_key": PER_KEY + 1}
        )
        found = [((KeyKind.ENTITY, value), other, detail) for value, other, detail in cursor.fetchall()]
    per_key: dict[Key, int] = {}
    for key, _other, _detail in found:
        per_key[key] = per_key.get(key, 0) + 1
    telling = {key: entity for key, entity in mine.items() if per_key.get(key, 0) <= PER_KEY}
    pairs = [
        (other, key, detail)
        for key, other, detail in found
        if key in telling and same(telling[key], Entity(telling[key].kind, detail))
    ]
    weighed = storyline.related(
        {key: entity.value for key, entity in telling.items()},
        pairs,
        {key: weight_of(entity) for key, entity in telling.items()},
        NEEDED,
    )
    seen = visible(viewer).filter(~Q(id=incident_id), id__in=[other for other, _, _ in weighed[:200]])
    rows = seen.select_related("group").in_bulk()
    return [
        Relation(rows[other], [telling[key] for key in keys_], weight)
        for other, keys_, weight in weighed
        if other in rows
    ][:SHOWN]
