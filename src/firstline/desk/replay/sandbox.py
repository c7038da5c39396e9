"""A schema in which a stretch of the inbox can be worked through as if nothing had happened yet.

Every table that intake writes has an empty twin there; configuration is read where it is. All of it is one transaction
that is rolled back: whatever a rule does, nothing real is touched, nobody is told, and the schema is gone at the end.
Advisory locks are taken under other names, so that the engine goes on meanwhile.
"""

import contextlib
import itertools
import json
import secrets
from collections.abc import Iterator
from datetime import datetime

from django.db import connection, transaction

from firstline.core import locks
from firstline.desk.replay.document import Change, stored_noise
from firstline.intake.actions_correlation import stored
from firstline.intake.models import Source

# tables whose rows are copied: they are changed while a source is read
COPIED = ("intake_source", "heartbeat", "correlation_rule", "noise_rule", "noise_rule_version")
EMPTY = ("event", "due", "inbox", "noise_cause", "change")
TWINS = """
WITH RECURSIVE flow(id) AS (
  SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relname IN ('incident', 'alert')
  UNION
  SELECT f.conrelid FROM pg_constraint f JOIN flow ON f.confrelid = flow.id AND f.contype = 'f'
)
SELECT relname FROM pg_class JOIN flow ON flow.id = pg_class.oid
"""
ROWS = """
INSERT INTO inbox (received_at, id, source_id, kind, content_type, headers, body, dedup_key, state, error, attempts)
SELECT received_at, id, source_id, kind, content_type, headers, body, dedup_key, 'new', '', 0
FROM public.inbox
WHERE received_at >= %(since)s AND received_at < %(until)s AND kind <> 'mail' AND id = ANY(%(ids)s)
"""
_numbers = itertools.count(1)


class _Undo(Exception):
    """Ends the sandbox's transaction."""


@contextlib.contextmanager
def sandbox(change: Change) -> Iterator[None]:
    """Within it, intake reads and writes an empty history, with the rules in force or those of `change`."""
    name = f"replay_{secrets.token_hex(6)}"
    with contextlib.suppress(_Undo), transaction.atomic(), locks.under(f"{name}:"):
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE SCHEMA "{name}"')
            cursor.execute(TWINS)
            for table in sorted({*EMPTY, *COPIED, *(table for (table,) in cursor.fetchall())}):
                cursor.execute(
                    f'CREATE UNLOGGED TABLE "{name}"."{table}" (LIKE public."{table}" INCLUDING ALL)'
                )
            cursor.execute(f'SET LOCAL search_path = "{name}", public')
            for table in COPIED:
                cursor.execute(f'INSERT INTO "{table}" SELECT * FROM public."{table}"')  # noqa: S608 - ours
        try:
            _apply(change)
            yield
        finally:
            with connection.cursor() as cursor:
                if not connection.needs_rollback:
                    cursor.execute("SET LOCAL search_path = public")
        raise _Undo


def _apply(change: Change) -> None:
    """The changed rules in place of those in force. Their rows have numbers that no other run has: what is in force is
    remembered by them."""
    begin = 10**12 + next(_numbers) * 10**6
    with connection.cursor() as cursor:
        if change.correlation is not None:
            cursor.execute("DELETE FROM correlation_rule")
            for place, (name, rule) in enumerate(change.correlation, 1):
                cursor.execute(
                    """INSERT INTO correlation_rule (id, name, position, definition, active)
                       VALUES (%s, %s, %s, %s, true)""",
                    [begin + place, name, place, json.dumps(stored(rule))],
                )
        if change.noise is not None:
            cursor.execute("DELETE FROM noise_rule_version")
            cursor.execute("DELETE FROM noise_rule")
            for place, (kind, name, noise) in enumerate(change.noise, 1):
                cursor.execute(
                    "INSERT INTO noise_rule (id, kind, name, created_at) VALUES (%s, %s, %s, '2000-01-01Z')",
                    [begin + place, kind, name],
                )
                cursor.execute(
                    """INSERT INTO noise_rule_version (id, rule_id, number, definition, valid_from)
                       VALUES (%s, %s, 1, %s, '2000-01-01Z')""",
                    [begin + place, begin + place, json.dumps(stored_noise(noise))],
                )
    for name, mapping in change.mapping.items():
        Source.objects.filter(name=name).update(mapping=dict(mapping))


def put(ids: list[int], since: datetime, until: datetime) -> None:
    """Rows of the real inbox, unread, into the sandbox's."""
    with connection.cursor() as cursor:
        cursor.execute(ROWS, {"ids": ids, "since": since, "until": until})
