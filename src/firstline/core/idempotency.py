"""A POST that is sent twice is done once: the answer is kept under its key, in the transaction of what it did.

It is kept encrypted, for a day: an answer may hold a fresh token, or words of people.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from firstline.core.errors import Conflict, Invalid
from firstline.core.models import IdempotencyKey
from firstline.core.secrets import decrypt, encrypt

KEPT = timedelta(days=1)
LONGEST = 255


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any


def fingerprint(*parts: bytes) -> str:
    """What tells one request from another: method, path and body."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def begin(scope: str, key: str, print_: str, *, now: datetime) -> Answer | None:
    """Claim `key` within `scope` (who asks). The answer once given, or None: then do it and `finish`.

    Must run in the transaction of what is done: a second request with the key waits for it to end, and
    finds no key when it failed. `Invalid` for an overlong key or one used for something else.
    """
    if not key.isprintable() or len(key) > LONGEST:
        raise Invalid(
            "An Idempotency-Key is at most 255 printable characters.", {"Idempotency-Key": "too long"}
        )
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO idempotency_key AS k (scope, key, fingerprint, created_at) VALUES (%s, %s, %s, %s)
               ON CONFLICT (scope, key) DO UPDATE SET fingerprint = excluded.fingerprint,
                   created_at = excluded.created_at, status = NULL, body = NULL
               WHERE k.created_at < %s
               RETURNING id""",
            [scope, key, print_, now, now - KEPT],
        )
        if cursor.fetchone() is not None:
            return None
    row = IdempotencyKey.objects.get(scope=scope, key=key)
    if row.fingerprint != print_:
        raise Invalid(
            "This Idempotency-Key was used for another request.",
            {"Idempotency-Key": "used for another request"},
        )
    if row.status is None:
        raise Conflict("The first request with this Idempotency-Key has not ended yet.")
    return Answer(row.status, json.loads(decrypt(str(row.body))))


def finish(scope: str, key: str, answer: Answer) -> None:
    """Keep the answer, for repetitions."""
    body = encrypt(json.dumps(answer.body))
    IdempotencyKey.objects.filter(scope=scope, key=key).update(status=answer.status, body=body)
