"""Rate limits in fixed windows, counted in the database so that all processes and machines count together."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from firstline.core.models import RateWindow

KEPT = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` times within each `per`."""

    name: str
    amount: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left after this time. `reset` is how long until the next window begins."""

    allowed: bool
    limit: int
    remaining: int
    reset: timedelta

    @property
    def seconds(self) -> int:
        """Whole seconds to wait, at least one."""
        return max(1, -int(-self.reset.total_seconds() // 1))


def take(limit: Limit, who: str, *, now: datetime) -> Allowance:
    """Count one more by `who` (an address, a token's id …; stored hashed) and say whether it is within the limit.

    Losing a count to a power cut does no harm, so it doesn't wait for the disk.
    """
    begin, key = _window(limit, who, now)
    with transaction.atomic(), connection.cursor() as cursor:
        if not connection.savepoint_ids:
            cursor.execute("SET LOCAL synchronous_commit TO off")
        cursor.execute(
            """INSERT INTO rate_window AS w (key, started_at, count) VALUES (%s, %s, 1)
               ON CONFLICT (key) DO UPDATE SET started_at = excluded.started_at,
                   count = CASE WHEN w.started_at = excluded.started_at THEN w.count + 1 ELSE 1 END
               RETURNING count""",
            [key, begin],
        )
        (count,) = cursor.fetchone()
    return Allowance(
        count <= limit.amount, limit.amount, max(0, limit.amount - count), begin + limit.per - now
    )


def exhausted(limit: Limit, who: str, *, now: datetime) -> bool:
    """Whether one more would be too many, without counting one: for limits that count failures only."""
    begin, key = _window(limit, who, now)
    return RateWindow.objects.filter(key=key, started_at=begin, count__gte=limit.amount).exists()


def _window(limit: Limit, who: str, now: datetime) -> tuple[datetime, str]:
    """When the present window began, and under which key it is counted."""
    key = f"{limit.name}:{hashlib.sha256(who.encode()).hexdigest()[:40]}"
    return _EPOCH + (now - _EPOCH) // limit.per * limit.per, key


def sweep(*, now: datetime) -> int:
    """Forget windows that ended long ago. Returns how many."""
    return RateWindow.objects.filter(started_at__lt=now - KEPT).delete()[0]
