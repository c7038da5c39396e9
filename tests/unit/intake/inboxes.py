"""A source of any kind in the test's database, and requests as the gateway would have stored them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from firstline.core import clock
from firstline.intake import drain
from firstline.intake.models import AlertSpan, Source
from firstline.workflow.seed import ensure_defaults

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass
class Inbox:
    """Puts requests into the inbox and works it off, on a clock of its own."""

    now: datetime = START

    def source(self, kind: str, **fields: Any) -> Source:
        number = Source.objects.count() + 1
        values = {
            "name": f"{kind} {number}",
            "token_hash": f"{number:064d}",
            "created_at": self.now,
            **fields,
        }
        return Source.objects.create(kind=kind, **values)

    def put(
        self,
        source: Source,
        body: object,
        *,
        kind: str = "alert",
        headers: dict[str, str] | None = None,
        content_type: str = "application/json",
        dedup_key: str | None = None,
    ) -> int:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body, dedup_key) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
                [self.now, source.id, kind, content_type, json.dumps(headers or {}), raw, dedup_key],
            )
            return int(cursor.fetchone()[0])

    def drain(self) -> int:
        return drain.run(self.now)

    def pass_time(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        clock.move_to(self.now)
        return self.now

    def rows(self, source: Source) -> list[tuple[str, str, int | None]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT state, error, signals FROM inbox WHERE source_id = %s ORDER BY id", [source.id]
            )
            return list(cursor.fetchall())

    def spans(self, source: Source) -> list[AlertSpan]:
        return list(AlertSpan.objects.filter(source=source).select_related("alert").order_by("id"))


def fresh_inbox() -> Inbox:
    """The clock at START, the defaults of a fresh installation, no source yet."""
    clock.move_to(START)
    ensure_defaults(now=START)
    return Inbox()


Trigger = Callable[..., dict[str, Any]]
