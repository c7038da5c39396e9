"""What correlation reads: the rules in force, arrivals with their surroundings, incidents that they may join.

Each read costs what the batch costs, however many alerts an incident has: incidents are found by their keys
(`incident_key`), their size is a number (`incident_alerts`), their last signal that of their latest alerts.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from django.db import connection

from firstline.intake.correlation import Arrival, Candidate, Held, asked
from firstline.intake.grounds import DEFAULT_RULES, Ground, Key, KeyKind, Rule, compared, entity_key
from firstline.intake.models import CorrelationRule

log = structlog.get_logger(__name__)
LIVE_STATES = ("new", "assigned", "in_progress", "on_hold", "resolved")
PER_KEY = 20  # incidents of one key that are looked at, the latest first
LATEST = 50  # alerts of an incident, the last to join, whose last signal is its last signal
WEEK = timedelta(days=7)


def rules_in_force() -> tuple[Rule, ...]:
    """The rules that an administrator saved, in their order; the built-in ones where none was ever saved.

    A rule that cannot be read is left out: no rule, however broken, prevents registration.
    """
    rows = list(CorrelationRule.objects.order_by("position", "id"))
    return read_rules(rows) if rows else DEFAULT_RULES


def read_rules(rows: Iterable[CorrelationRule]) -> tuple[Rule, ...]:
    """Those of these rows that are active and readable, as values."""
    found = []
    for row in rows:
        if not row.active:
            continue
        try:
            found.append(msgspec.structs.replace(msgspec.convert(row.definition, Rule), id=row.id))
        except msgspec.ValidationError as error:
            log.warning("intake.rule_unreadable", rule=row.id, error=str(error))
    return tuple(found)


NEAR = """
WITH RECURSIVE walk(start, at, steps) AS (
  SELECT s, s, 0 FROM unnest(%(services)s::bigint[]) AS s
  UNION
  SELECT w.start, d.{to}, w.steps + 1 FROM walk w JOIN service_dependency d ON d.{frm} = w.at WHERE w.steps < %(hops)s
)
SELECT start, at, min(steps) FROM walk WHERE at <> start GROUP BY 1, 2 ORDER BY 3, 2
"""
BELOW = NEAR.format(frm="service_id", to="upstream_id")
ABOVE = NEAR.format(frm="upstream_id", to="service_id")
MOST_NEAR = 100


def neighbours(services: Iterable[int], rules: Sequence[Rule]) -> dict[int, dict[int, int]]:
    """Per service what is within the rules' reach in the dependency graph: {other: steps}, positive for what it
    needs, negative for what needs it; nothing while no rule looks at dependencies. The nearest MOST_NEAR each.
    """
    hops = max((rule.hops for rule in rules if rule.ground is Ground.DEPENDENCY), default=0)
    wanted = sorted(set(services))
    found: dict[int, dict[int, int]] = {service: {} for service in wanted}
    if not hops or not wanted:
        return found
    with connection.cursor() as cursor:
        for statement, sign in ((BELOW, 1), (ABOVE, -1)):
            cursor.execute(statement, {"services": wanted, "hops": hops})
            for start, other, steps in cursor.fetchall():
                if len(found[start]) < MOST_NEAR:
                    found[start].setdefault(other, sign * steps)
    return found


CANDIDATES = """
SELECT coalesce(found.merged_into_id, found.id), asked.ground, asked.value, found.last_at, found.detail
FROM unnest(%(grounds)s::text[], %(values)s::text[], %(since)s::timestamptz[]) AS asked(ground, value, since),
LATERAL (
  SELECT i.id, i.merged_into_id, k.last_at, k.detail FROM incident_key k JOIN incident i ON i.id = k.incident_id
  WHERE k.ground = asked.ground AND k.value = asked.value AND k.last_at >= asked.since
    AND (i.state = ANY(%(live)s) OR i.merged_into_id IS NOT NULL)
  ORDER BY k.last_at DESC LIMIT %(per_key)s
) AS found
"""
EARLIER = """
SELECT last.alert_id, coalesce(i.merged_into_id, i.id), last.last_seen_at, coalesce(e.apart_from, '{}'),
  CASE WHEN i.state = 'closed' THEN i.closed_at END
FROM unnest(%s::bigint[]) AS a(id),
LATERAL (
  SELECT id, alert_id, incident_id, last_seen_at FROM alert_span
  WHERE alert_id = a.id AND incident_id IS NOT NULL ORDER BY id DESC LIMIT 1
) AS last JOIN incident i ON i.id = last.incident_id LEFT JOIN alert_edge e ON e.span_id = last.id
"""
FACTS = """
SELECT i.id, i.security, i.state, i.received_at, coalesce(latest.at, i.received_at), coalesce(n.size, 0)
FROM incident i LEFT JOIN incident_alerts n ON n.incident_id = i.id
LEFT JOIN LATERAL (
  SELECT max(last_seen_at) AS at FROM (
    SELECT last_seen_at FROM alert_span WHERE incident_id = i.id ORDER BY id DESC LIMIT %s
  ) AS few
) AS latest ON true
WHERE i.id = ANY(%s) AND i.state = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Earlier:
    """Where the last stretch of an alert was: its incident and when that was closed, its last signal, and what a
    person took it out of.
    """

    incident: int
    at: datetime
    apart: frozenset[int]
    closed_at: datetime | None


def earlier(alert_ids: Iterable[int]) -> dict[int, Earlier]:
    """The last stretch of each of these alerts that has an incident."""
    with connection.cursor() as cursor:
        cursor.execute(EARLIER, [sorted(set(alert_ids))])
        return {
            alert: Earlier(incident, at, frozenset(apart), closed_at)
            for alert, incident, at, apart, closed_at in cursor.fetchall()
        }


def candidates_for(
    arrivals: Sequence[Arrival], rules: Sequence[Rule], before: Mapping[int, Earlier]
) -> list[Candidate]:
    """Incidents, not closed, that have something in common with one of the arrivals."""
    keys: dict[int, dict[Key, Held]] = defaultdict(dict)
    for alert, last in before.items():
        keys[last.incident][KeyKind.ALERT, str(alert)] = Held(last.at)
    wanted = asked(arrivals, rules)
    with connection.cursor() as cursor:
        if wanted:
            cursor.execute(CANDIDATES, {**_columns(wanted), "live": list(LIVE_STATES), "per_key": PER_KEY})
            for incident, ground, value, at, detail in cursor.fetchall():
                key = KeyKind(ground), value
                held = keys[incident].get(key)
                if held is None or held.at < at:
                    keys[incident][key] = Held(at, detail)
        if not keys:
            return []
        cursor.execute(FACTS, [LATEST, list(keys), list(LIVE_STATES)])
        return [_candidate(row, keys[row[0]]) for row in cursor.fetchall()]


def _columns(wanted: Mapping[Key, datetime]) -> dict[str, list[Any]]:
    return {
        "grounds": [kind.value for kind, _ in wanted],
        "values": [value for _, value in wanted],
        "since": list(wanted.values()),
    }


def _candidate(row: tuple[Any, ...], keys: dict[Key, Held]) -> Candidate:
    incident, security, state, opened_at, last_signal_at, size = row
    return Candidate(
        id=incident,
        security=security,
        resolved=state == "resolved",
        opened_at=opened_at,
        last_signal_at=last_signal_at,
        keys=keys,
        size=size,
    )


FREQUENCY = """
SELECT asked.value, (
  SELECT count(*) FROM (
    SELECT FROM incident_key k WHERE k.ground = 'entity' AND k.value = asked.value AND k.last_at >= %(since)s
    LIMIT %(most)s
  ) AS seen
)
FROM unnest(%(values)s::text[]) AS asked(value)
"""


def frequency_of(arrivals: Iterable[Arrival], rules: Sequence[Rule], now: datetime) -> dict[Key, int]:
    """In how many incidents each entity of the arrivals was within the last week, counted as far as rules ask."""
    most = max((rule.common for rule in rules if rule.ground is Ground.ENTITY), default=0)
    values = sorted({entity_key(one)[1] for arrival in arrivals for one in compared(arrival.entities)})
    if not most or not values:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(FREQUENCY, {"since": now - WEEK, "most": most + 1, "values": values})
        return {(KeyKind.ENTITY, value): count for value, count in cursor.fetchall()}
