"""Keeps the names of the day for closed incidents. Set-based; the engine calls it with what is due."""

from datetime import datetime

from django.db import connection, transaction

from firstline.core import due

KIND = "report.keep"
BATCH = 2000


def run(now: datetime) -> int:
    """Keep what has been closed since; returns how many."""
    with transaction.atomic():
        items = due.claim(KIND, now=now, limit=BATCH, of="incident")
        if items:
            _keep([item.subject_id for item in items])
            due.finish(items)
        return len(items)


def sweep(now: datetime) -> int:
    """Keep what was closed while nobody asked for it (an import, a restored backup); returns how many, at most 5,000
    at a time. Their names are those of this day: nobody kept earlier ones."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """SELECT i.id FROM incident i
               WHERE i.closed_at IS NOT NULL AND i.closed_at <= %s
                 AND NOT EXISTS (SELECT 1 FROM closed_record r WHERE r.incident_id = i.id)
               ORDER BY i.id LIMIT 5000""",
            [now],
        )
        ids = [row[0] for row in cursor.fetchall()]
        if ids:
            _keep(ids)
        return len(ids)


def _keep(ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO closed_record (incident_id, closed_at, service, "group", category, unit, agreement)
               SELECT i.id, i.closed_at, coalesce(s.name, ''), coalesce(g.name, ''), coalesce(c.path, ''),
                      coalesce(u.name, ''), coalesce(a.name, '')
               FROM incident i
               LEFT JOIN service s ON s.id = i.service_id
               LEFT JOIN support_group g ON g.id = i.group_id
               LEFT JOIN category c ON c.id = i.category_id
               LEFT JOIN person p ON p.id = i.caller_id
               LEFT JOIN organisation_unit u ON u.id = p.unit_id
               LEFT JOIN clock k ON k.incident_id = i.id AND k.target = 'resolution'
               LEFT JOIN agreement_version v ON v.id = k.agreement_version_id
               LEFT JOIN agreement a ON a.id = v.agreement_id
               WHERE i.id = ANY(%s) AND i.closed_at IS NOT NULL
               ON CONFLICT (incident_id) DO UPDATE SET closed_at = excluded.closed_at, service = excluded.service,
                   "group" = excluded."group", category = excluded.category, unit = excluded.unit,
                   agreement = excluded.agreement""",
            [ids],
        )
