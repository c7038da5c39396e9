"""Fills a database with any number of incidents by set-based SQL: made up, yet shaped like an installation's.

Nine of ten are closed, one in twenty is open (at most 5,000), the rest waits for confirmation. Words are drawn from a
few hundred, so that a search finds some and not all.
"""

from typing import Any

from django.db import transaction

WORDS = (  # noqa: SIM905 - words read best as a text
    "vpn printer mailbox login laptop screen slow error network server disk memory database payment order invoice label"
    " scanner wifi phone meeting calendar backup certificate queue timeout password access folder update driver account"
    " report export import search index cache cluster node pod gateway proxy dns firewall switch router cable battery"
    " keyboard mouse headset camera licence token session cookie form button page image video upload download archive"
).split()

INCIDENTS = """
INSERT INTO incident (kind, title, description, channel, state, hold_reason, detected_at, received_at, registered_at,
    updated_at, caller_id, caller_phone, caller_place, preferred_channel, service_id, category_id, group_id,
    assignee_id, degradation, extent, can_work, severity, affected_users, impact, urgency, priority, priority_fixed,
    security, verdict, tlp, personal_data, reassignments, reopenings, alert_reopenings, resolution_code_id,
    resolution_notes, cause, resolved_at, closed_at, closed_how, cancel_reason, first_response_at, major,
    stop_auto_close, public_title, public_status, work_next_at, synthetic, version)
SELECT 'incident', initcap(w[1]) || ' ' || w[2] || ' ' || w[3] || n %% 60,
    repeat(w[5] || ' ' || w[4] || ' does not work since this morning. ', 4),
    (ARRAY['portal', 'phone', 'e-mail', 'monitoring'])[1 + n %% 4], state, '', at, at, at, at + interval '2 hours',
    CASE WHEN n %% 4 < 3 THEN pg_temp.one_of(%(callers)s, n) END, '', '', 'e-mail',
    pg_temp.one_of(%(services)s, n), pg_temp.one_of(%(categories)s, n),
    pg_temp.one_of(%(groups)s, n),
    CASE WHEN n %% 7 < 5 THEN pg_temp.one_of(%(agents)s, n) END,
    'degraded', 'one', 'difficulty', '', 1, 2, 1 + n %% 3, 2 + n %% 3, false, n %% 50 = 0, '', '', false, n %% 3, 0, 0,
    CASE WHEN ended THEN %(code)s END, CASE WHEN ended THEN 'Restarted the ' || w[5] || '.' ELSE '' END,
    '', CASE WHEN ended THEN at + interval '5 hours' END, CASE WHEN state = 'closed' THEN at + interval '2 days' END,
    CASE WHEN state = 'closed' THEN 'caller' ELSE '' END, '', at + interval '20 minutes', '', false, '', '',
    CASE WHEN NOT ended THEN at + interval '8 hours' END, false, 6
FROM (
    SELECT n, w, at, state, state IN ('resolved', 'closed') AS ended FROM (
        SELECT n, ARRAY(
                SELECT (%(words)s::text[])[1 + abs(hashint8(n * 8 + k)) %% cardinality(%(words)s::text[])]
                FROM generate_series(1, 5) AS k
            ) AS w,
            %(now)s - (%(count)s - n) * (interval '1 day' * %(days)s / %(count)s) AS at,
            CASE WHEN n > %(count)s - %(open)s
                THEN (ARRAY['new', 'assigned', 'in_progress', 'in_progress', 'on_hold'])[1 + n %% 5]
                WHEN n > %(count)s - %(open)s * 2 THEN 'resolved' ELSE 'closed' END AS state
        FROM generate_series(1, %(count)s) AS n
    ) AS dated
) AS made
RETURNING id
"""
ONE_OF = """
CREATE OR REPLACE FUNCTION pg_temp.one_of(ids bigint[], n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
    'SELECT ids[1 + n % cardinality(ids)]'
"""
CONTENTS = """
INSERT INTO content (body, created_at)
SELECT 'We have looked at it and are working on it.', %(now)s FROM generate_series(1, 100) RETURNING id
"""
COMMENTS = """
INSERT INTO comment (incident_id, public, content_id, author_id, from_address, via, automatic, third_party, created_at)
SELECT i.id, k = 1, pg_temp.one_of(%(contents)s, i.id), i.assignee_id, '', 'console', false, false,
    i.registered_at + k * interval '30 minutes'
FROM incident i CROSS JOIN generate_series(1, 2) AS k WHERE i.id > %(after)s
"""
CONFIRMATIONS = """
INSERT INTO confirmation (incident_id, person_id, resolution_number, asked_at, close_at, answer, ask_rating)
SELECT id, caller_id, 1, resolved_at, resolved_at + interval '400 days', '', true
FROM incident WHERE id > %(after)s AND state = 'resolved' AND caller_id IS NOT NULL
"""
EVENTS = """
INSERT INTO event (subject_type, subject_id, verb, occurred_at, recorded_at, actor_kind, actor_id, actor_via, changes,
    why, data)
SELECT 'incident', i.id, v.verb, i.registered_at + v.n * interval '10 minutes', i.registered_at,
    CASE WHEN v.n > 3 AND i.assignee_id IS NOT NULL THEN 'person' ELSE 'system' END,
    CASE WHEN v.n > 3 THEN i.assignee_id END, 'console', v.changes::jsonb, '{}', v.data::jsonb
FROM incident i CROSS JOIN (VALUES
    (1, 'opened', '{}', '{"channel": "portal", "version": 1}'),
    (2, 'compared', '{}', '{"version": 2, "ahead": 3}'),
    (3, 'prioritised', '{"priority": [null, 3]}', '{"impact": 2, "urgency": 2, "priority": 3, "version": 3}'),
    (4, 'assigned', '{"state": ["new", "assigned"]}', '{"version": 4}'),
    (5, 'started', '{"state": ["assigned", "in_progress"]}', '{"version": 5}'),
    (6, 'resolved', '{"state": ["in_progress", "resolved"]}', '{"version": 6}')
) AS v(n, verb, changes, data)
WHERE i.id > %(after)s AND (v.n < 6 OR i.resolved_at IS NOT NULL)
"""
CLOCKS = """
INSERT INTO clock (incident_id, agreement_version_id, target, state, started_at, target_seconds, elapsed_seconds,
    changed_at, due_at, warned, flags)
SELECT i.id, %(agreement)s, t.target, 'running', i.registered_at, t.seconds, 0, i.registered_at,
    i.registered_at + t.seconds * interval '1 second', '[]', '{}'
FROM incident i CROSS JOIN (VALUES ('response', 7200), ('resolution', 172800)) AS t(target, seconds)
WHERE i.id > %(after)s AND i.resolved_at IS NULL
ON CONFLICT DO NOTHING
"""


def fill(connection: Any, count: int, *, open: int | None = None, **ids: Any) -> None:
    """Add `count` incidents with events, comments and clocks; `ids` names what they hang on (see INCIDENTS)."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ONE_OF)
        cursor.execute("SELECT firstline_now(), coalesce(max(id), 0) FROM incident")
        now, after = cursor.fetchone()
        given = {"now": now, "after": after, "count": count, "words": WORDS, "days": 365}
        opened = min(count // 20, 5000) if open is None else open
        cursor.execute(INCIDENTS, {**given, **ids, "open": opened})
        cursor.execute(CONTENTS, given)
        contents = [row[0] for row in cursor.fetchall()]
        for statement in (COMMENTS, CONFIRMATIONS, EVENTS, CLOCKS):
            cursor.execute(statement, {**given, **ids, "contents": contents})
    with connection.cursor() as cursor:
        for table in ("incident", "event", "comment", "content", "clock", "confirmation"):
            cursor.execute(f"ANALYZE {table}")
