"""What is kept only for a while."""

from datetime import datetime, timedelta

from django.db import connection

IDEMPOTENCY_KEPT = timedelta(days=1)


def run(now: datetime) -> int:
    """Drop answers kept for Idempotency-Key after a day, and sessions that have ended."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM idempotency_key WHERE created_at < %s", [now - IDEMPOTENCY_KEPT])
        dropped = cursor.rowcount
        cursor.execute("DELETE FROM django_session WHERE expire_date < %s", [now])
        return int(dropped + cursor.rowcount)
