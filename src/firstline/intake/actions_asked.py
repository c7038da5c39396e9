"""What a source does through the web process, where the gateway could not tell what it meant."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction

from firstline.core import live
from firstline.intake.models import Source
from firstline.intake.sources.base import new_request_id

APPEND = """
INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body, dedup_key)
VALUES (%s, %s, 'alert', %s, %s, %s, %s)
"""


def append_request(
    source: Source, body: bytes, *, headers: Mapping[str, str], content_type: str, now: datetime
) -> str:
    """Put a request into the inbox, as the gateway would have; returns its number, by which it can be asked for.

    It is committed when this returns, and is read like any other: nothing is done here.
    """
    number = str(uuid.UUID(new_request_id()))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(APPEND, [now, source.id, content_type[:127], json.dumps(dict(headers)), body, number])
        live.wake_engine()
    return number
