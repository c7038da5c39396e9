"""What the listeners took and what they lost: for `/healthz/intake` of this process, and summed over all in a row that
`/metrics` reads.
"""

from collections import Counter

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from ..tokens import Pool

KEY = "syslog.counts"
RECEIVED = ("udp", "tcp", "tls")
DROPPED = ("overload", "kernel", "unknown_sender", "too_large", "refused")
ADD = """
INSERT INTO setting (key, value) VALUES (%s, %s::jsonb)
ON CONFLICT (key) DO UPDATE SET value = (
  SELECT jsonb_object_agg(name, coalesce((setting.value ->> name)::bigint, 0)
                              + coalesce((excluded.value ->> name)::bigint, 0))
  FROM jsonb_object_keys(setting.value || excluded.value) AS name)
"""

log = structlog.get_logger(__name__)


class Counts:
    """Messages since this process began, by transport and, for lost ones, by reason."""

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        self._written: Counter[str] = Counter()

    def add(self, name: str, number: int = 1) -> None:
        if number:
            self.total[name] += number

    def figures(self) -> dict[str, dict[str, int]]:
        """For the health page."""
        return {
            "received": {name: self.total[name] for name in RECEIVED},
            "dropped": {name: self.total[name] for name in DROPPED},
        }

    async def write(self, pool: Pool) -> None:
        """Add what came since the last time to the row of all processes."""
        fresh = self.total - self._written
        if not fresh:
            return
        text = "{" + ",".join(f'"{name}":{number}' for name, number in fresh.items()) + "}"
        try:
            async with pool.connection() as connection:
                await connection.execute(ADD, [KEY, text])
        except (psycopg.Error, PoolTimeout) as error:
            log.info("gateway.syslog_counts_wait", reason=str(error).strip())
            return
        self._written += fresh
