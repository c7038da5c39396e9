"""What incidents are found by, and how many alerts they have: written by joining, moved by splitting."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from firstline.intake.correlation import Arrival, Decision, detail_of, keys_of
from firstline.intake.grounds import Key, KeyKind, entity_key

KEYS = """
INSERT INTO incident_key AS k (incident_id, ground, value, detail, role, first_at, last_at, count)
SELECT incident_id, ground, value, detail, role, first_at, last_at, count
FROM jsonb_to_recordset(%s::jsonb) AS t(incident_id bigint, ground text, value text, detail text, role text,
  first_at timestamptz, last_at timestamptz, count int)
ORDER BY 1, 2, 3
ON CONFLICT (ground, value, incident_id) DO UPDATE SET
  first_at = least(k.first_at, excluded.first_at), last_at = greatest(k.last_at, excluded.last_at),
  detail = excluded.detail, count = k.count + excluded.count
RETURNING k.incident_id, k.ground, k.value, k.id
"""
SIZES = """
INSERT INTO incident_alerts AS n (incident_id, size, soak_minutes, proposes)
SELECT * FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::bool[]) AS t(i, s, m, p) ORDER BY 1
ON CONFLICT (incident_id) DO UPDATE SET size = n.size + excluded.size,
  soak_minutes = greatest(n.soak_minutes, excluded.soak_minutes), proposes = n.proposes OR excluded.proposes
"""
LOSE = """
UPDATE incident_key AS k SET count = k.count - t.count
FROM unnest(%s::text[], %s::text[], %s::int[]) AS t(ground, value, count)
WHERE k.incident_id = %s AND k.ground = t.ground AND k.value = t.value
"""


@dataclass(slots=True)
class _Sum:
    detail: str
    role: str
    first_at: datetime
    last_at: datetime
    count: int


def remember(
    decided: Iterable[tuple[Decision, int]], held: Mapping[tuple[int, Key], str]
) -> dict[tuple[int, Key], int]:
    """Write what each incident is found by from now on and how many alerts it has.

    `decided`: decisions with the incident's id; `held`: texts that incidents were found by before the batch.
    Returns the ids of the keys that were written.
    """
    pairs = list(decided)
    sums: dict[tuple[int, Key], _Sum] = {}
    for decision, incident in pairs:
        add(sums, incident, decision.arrival, held)
    _count(pairs)
    return store(sums)


def add(
    sums: dict[tuple[int, Key], _Sum], incident: int, arrival: Arrival, held: Mapping[tuple[int, Key], str]
) -> None:
    """Count one alert's keys for an incident."""
    roles = {entity_key(one): one.role for one in arrival.entities}
    for key, detail in keys_of(arrival).items():
        if key[0] is KeyKind.ALERT:
            continue  # an alert's spans name their incident themselves
        place = incident, key
        known = sums.get(place)
        if known is None:
            before = held.get(place)
            text = detail if before is None else detail_of(key, before, detail)
            sums[place] = _Sum(text, roles.get(key, ""), arrival.seen_at, arrival.seen_at, 1)
        else:
            known.detail = detail_of(key, known.detail, detail)
            known.first_at = min(known.first_at, arrival.seen_at)
            known.last_at = max(known.last_at, arrival.seen_at)
            known.count += 1


def store(sums: Mapping[tuple[int, Key], _Sum]) -> dict[tuple[int, Key], int]:
    """Write these keys; the ids of their rows."""
    if not sums:
        return {}
    rows: list[dict[str, Any]] = [
        {
            "incident_id": incident,
            "ground": kind,
            "value": value,
            "detail": each.detail,
            "role": each.role[:12],
            "first_at": each.first_at,
            "last_at": each.last_at,
            "count": each.count,
        }
        for (incident, (kind, value)), each in sums.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(KEYS, [msgspec.json.encode(rows).decode()])
        return {(incident, (KeyKind(ground), value)): id for incident, ground, value, id in cursor.fetchall()}


def _count(pairs: Sequence[tuple[Decision, int]]) -> None:
    """Sizes; the longest soak and the most careful ending of the rules by which alerts joined."""
    found: dict[int, tuple[int, int | None, bool]] = {}
    for decision, incident in pairs:
        size, soak, proposes = found.get(incident, (0, None, False))
        if decision.rule is not None:
            soak = max(soak or 0, decision.rule.soak)
            proposes = proposes or not decision.rule.resolves
        found[incident] = size + 1, soak, proposes
    resize(found)


def resize(found: Mapping[int, tuple[int, int | None, bool]]) -> None:
    """Add to the size of incidents: {id: (alerts, soak in minutes, whether resolution is only proposed)}."""
    if found:
        columns = [list(column) for column in zip(*found.values(), strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(SIZES, [list(found), *columns])


def move(origin: int, target: int, arrivals: Sequence[Arrival]) -> None:
    """These alerts left one incident for another: so do their keys."""
    sums: dict[tuple[int, Key], _Sum] = {}
    for arrival in arrivals:
        add(sums, target, arrival, {})
    store(sums)
    lost = [(kind.value, value, each.count) for (_, (kind, value)), each in sums.items()]
    columns = [list(column) for column in zip(*lost, strict=True)] or [[], [], []]
    with connection.cursor() as cursor:
        cursor.execute(LOSE, [*columns, origin])
        cursor.execute("DELETE FROM incident_key WHERE incident_id = %s AND count <= 0", [origin])
    resize({target: (len(arrivals), None, False), origin: (-len(arrivals), None, False)})
