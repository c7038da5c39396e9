"""Looks for evidence in the database: what is found is ids and numbers with reasons, never text of reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Q, Sum

from firstline.catalog.models import Service
from firstline.catalog.queries import downstream, recent_changes, upstream
from firstline.core import installation
from firstline.diagnosis.similar import Candidate, Statistics, rank, telling_words
from firstline.incidents.models import Incident
from firstline.incidents.models.incident import OPEN
from firstline.problems.matching import match
from firstline.problems.queries import known_errors

CHANGES_WITHIN = timedelta(hours=72)
LIKELY_WITHIN = timedelta(hours=24)
SEARCH_TIMEOUT = "3s"
MOST_HITS = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One item of evidence as it is stored."""

    kind: str
    key: str
    data: dict[str, Any] = field(default_factory=dict)
    why: dict[str, Any] = field(default_factory=dict)
    score: float = 0.0


def gather(incident: Incident, *, now: datetime, firing: Mapping[int, int] | None = None) -> list[Found]:
    """Everything that the database knows about it. `firing`: open alerts per service, from whoever knows alerts."""
    needed = upstream(incident.service_id) if incident.service_id else {}
    return [
        *similar_incidents(incident, now=now),
        *_known_errors(incident, needed),
        *_runbook(incident),
        *_changes(incident, needed),
        *_upstream(incident, needed, firing or {}),
        *_downstream(incident),
    ]


def similar_incidents(incident: Incident, *, now: datetime) -> list[Found]:
    """By full text, within a bounded time: a search that takes longer than 3 s is given up and found nothing."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{SEARCH_TIMEOUT}'")
            cursor.execute("SELECT tsvector_to_array(search) FROM incident WHERE id = %s", [incident.id])
            row = cursor.fetchone()
            asked = telling_words(row[0] if row else [], statistics())
            rows = _search(cursor, incident, asked) if asked else []
            cursor.execute("SET LOCAL statement_timeout = 0")
    except OperationalError:
        return []
    candidates = [
        Candidate(id=r[0], shared=r[1], service_id=r[2], category_id=r[3], resolved=r[4], registered_at=r[5])
        for r in rows
    ]
    best = rank(
        candidates,
        asked=sum(asked.values()),
        service_id=incident.service_id,
        category_id=incident.category_id,
        now=now,
    )
    return [
        Found(
            kind="similar",
            key=str(found.id),
            data={"incident_id": found.id},
            why={"service": found.same_service, "category": found.same_category},
            score=found.score,
        )
        for found in best
    ]


def statistics() -> Statistics:
    """The planner's statistics of the search column, as of the last ANALYZE."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.most_common_elems::text::text[], s.most_common_elem_freqs,
                      (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'incident'::regclass)
               FROM pg_stats s
               WHERE s.schemaname = current_schema() AND s.tablename = 'incident' AND s.attname = 'search'"""
        )
        row = cursor.fetchone()
    if row is None or row[0] is None:
        return Statistics()
    words, shares = row[0], row[1][: len(row[0])]
    return Statistics(dict(zip(words, shares, strict=True)), min(shares, default=0.0), row[2])


def _search(cursor: Any, incident: Incident, asked: Mapping[str, float]) -> Sequence[tuple[Any, ...]]:
    """The rows that share most information, of the latest `MOST_HITS` that share any.

    Only what the incident's own group may know: security incidents beside one of the same group alone, and other
    groups' incidents unless agents read all.
    """
    allowed, parameters = _allowed(incident)
    words = list(asked)
    cursor.execute(
        f"""WITH asked AS (
                SELECT w.word::tsquery AS any_where, (w.word || ':A')::tsquery AS in_title, w.information
                FROM unnest(%s::text[], %s::float8[]) AS w(word, information)
            ), hits AS MATERIALIZED (
                SELECT id, search, service_id, category_id, resolved_at IS NOT NULL AS resolved, registered_at
                FROM incident
                WHERE search @@ %s::tsquery AND id <> %s AND NOT synthetic AND merged_into_id IS NULL
                  AND state <> 'cancelled' AND {allowed}
                ORDER BY id DESC LIMIT {MOST_HITS}
            )
            SELECT h.id,
                   (SELECT coalesce(sum(CASE WHEN h.search @@ a.in_title THEN a.information
                                             ELSE 0.7 * a.information END), 0)
                    FROM asked a WHERE h.search @@ a.any_where) AS shared,
                   h.service_id, h.category_id, h.resolved, h.registered_at
            FROM hits h ORDER BY shared DESC, h.id DESC LIMIT 40""",  # noqa: S608 - `allowed` is one of our literals
        [
            [_quoted(word) for word in words],
            list(asked.values()),
            " | ".join(_quoted(word) for word in words),
            incident.id,
            *parameters,
        ],
    )
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _allowed(incident: Incident) -> tuple[str, list[Any]]:
    own = "group_id = %s"
    ordinary = "NOT security" if installation.get("agents_read_all") else f"NOT security AND {own}"
    parameters = [] if installation.get("agents_read_all") else [incident.group_id]
    if incident.security:
        return f"(({ordinary}) OR (security AND {own}))", [*parameters, incident.group_id]
    return f"({ordinary})", parameters


def _quoted(word: str) -> str:
    """A lexeme as a tsquery: quoted, so that nothing in it is an operator."""
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _known_errors(incident: Incident, needed: Mapping[int, int]) -> list[Found]:
    services = [incident.service_id, *needed] if incident.service_id else []
    matches = match(
        incident.title,
        incident.description,
        known_errors(security_group_id=incident.group_id if incident.security else None),
        service_ids=services,
        category_id=incident.category_id,
    )
    return [
        Found(
            kind="known_error",
            key=str(matched.problem_id),
            data={"problem_id": matched.problem_id},
            why={"because": [what for what, _ in matched.because]},
            score=matched.score,
        )
        for matched in matches
    ]


def _runbook(incident: Incident) -> list[Found]:
    """The runbook of the category, else of its nearest ancestor that has one."""
    category = incident.category
    while category is not None and not category.runbook.strip():
        category = category.parent
    if category is None:
        return []
    return [
        Found(
            kind="runbook",
            key=str(category.id),
            data={"category_id": category.id},
            why={"category": category.id},
        )
    ]


def _changes(incident: Incident, needed: Mapping[int, int]) -> list[Found]:
    services = [incident.service_id, *needed] if incident.service_id else []
    found = []
    for change in recent_changes(
        services, incident.ci_id, before=incident.detected_at, within=CHANGES_WITHIN
    ):
        own = change.ci_id is not None and change.ci_id == incident.ci_id
        steps = (
            0 if own or change.service_id == incident.service_id else needed.get(change.service_id or 0, 9)
        )
        before = (incident.detected_at - change.happened_at) if change.happened_at else timedelta(0)
        likely = steps <= 1 and before <= LIKELY_WITHIN
        found.append(
            Found(
                kind="change",
                key=str(change.id),
                data={"change_id": change.id, **({"tone": "alarm"} if likely else {})},
                why={"same_item": own, "steps": steps, "minutes_before": int(before.total_seconds() // 60)},
                score=1 / (1 + steps) + 1 / (2 + before.total_seconds() / 3600),
            )
        )
    return found


def _upstream(incident: Incident, needed: Mapping[int, int], firing: Mapping[int, int]) -> list[Found]:
    """Each service that this one needs and that is in trouble now: is this the cause or a symptom?"""
    trouble: dict[int, list[Incident]] = {}
    open_ones = Incident.objects.filter(service_id__in=needed, state__in=OPEN, synthetic=False)
    open_ones = open_ones.filter(_knowable(incident)).exclude(id=incident.id)
    for other in open_ones.only("id", "service_id", "degradation", "priority").order_by("priority", "id")[
        :200
    ]:
        trouble.setdefault(other.service_id or 0, []).append(other)
    found = []
    for service, steps in needed.items():
        others, alerts = trouble.get(service, []), firing.get(service, 0)
        if not others and not alerts:
            continue
        down = any(other.degradation == "down" for other in others)
        found.append(
            Found(
                kind="upstream",
                key=str(service),
                data={
                    "service_id": service,
                    "incidents": [other.id for other in others[:20]],
                    "alerts": alerts,
                    "state": "down" if down else "degraded",
                    "tone": "alarm",
                },
                why={"steps": steps},
                score=1 / steps + down,
            )
        )
    return found


def _knowable(incident: Incident) -> Q:
    if incident.security:
        return Q(security=False) | Q(security=True, group_id=incident.group_id)
    return Q(security=False)


def _downstream(incident: Incident) -> list[Found]:
    """How far it reaches: the services that need this one, and their users."""
    if incident.service_id is None:
        return []
    below = downstream(incident.service_id)
    if not below:
        return []
    rows = Service.objects.filter(id__in=below, active=True, synthetic=False)
    users = rows.aggregate(sum=Sum("users"))["sum"] or 0
    ids = sorted(rows.values_list("id", flat=True), key=lambda id: (below[id], id))
    if not ids:
        return []
    data = {"services": ids, "users": users}
    return [Found(kind="downstream", key=str(incident.service_id), data=data, why={"count": len(ids)})]
