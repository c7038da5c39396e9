"""Figures for Prometheus, read from the database when asked: any process can answer, and all say the same."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["CollectorRegistry", "EngineState", "engine_state", "registry"]


SYSLOG_COUNTS = "syslog.counts"  # the key under which the gateways add up


@dataclass(frozen=True)
class EngineState:
    """`seconds_since_cycle`: None when no engine ever ran. `lag_seconds`: age of the oldest due row.
    `findings`: pages that the auditor found late or missing."""

    seconds_since_cycle: float | None
    lag_seconds: float
    due: int
    inbox: int
    findings: int = 0


_STATE = """
SELECT
    (SELECT extract(epoch FROM clock_timestamp() - (value ->> 'at')::timestamptz)
       FROM setting WHERE key = 'engine.cycle'),
    (SELECT coalesce(extract(epoch FROM firstline_now() - min(due_at)), 0) FROM due
      WHERE due_at <= firstline_now()),
    (SELECT count(*) FROM due WHERE due_at <= firstline_now()),
    (SELECT count(*) FROM inbox WHERE state = 'new'),
    (SELECT coalesce(jsonb_array_length(value -> 'findings'), 0) FROM setting WHERE key = 'auditor.run')
"""


def engine_state() -> EngineState:
    with connection.cursor() as cursor:
        cursor.execute(_STATE)
        since, lag, due, inbox, findings = cursor.fetchone()
    return EngineState(None if since is None else float(since), float(lag), due, inbox, findings or 0)


class _Figures(Collector):
    def collect(self) -> Iterator[Metric]:
        state = engine_state()
        yield _gauge(
            "firstline_inbox_waiting", "Intake requests that are stored and not yet read", state.inbox
        )
        yield _gauge("firstline_due_waiting", "Due rows that the engine has not acted on yet", state.due)
        yield _gauge("firstline_engine_lag_seconds", "Age of the oldest due row", state.lag_seconds)
        yield _gauge("firstline_pages_late", "Pages that the auditor found late or missing", state.findings)
        if state.seconds_since_cycle is not None:
            help_text = "Seconds since an engine finished a cycle"
            yield _gauge("firstline_engine_cycle_age_seconds", help_text, state.seconds_since_cycle)
        yield _failed()
        yield _incidents()
        yield _jobs()
        yield from _syslog()


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)


def _failed() -> Metric:
    """A source that sends what can't be read is found here, before somebody misses its alerts."""
    family = GaugeMetricFamily(
        "firstline_inbox_failed", "Intake requests that could not be read", labels=["source"]
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.name, (SELECT count(*) FROM (SELECT FROM inbox i
                   WHERE i.source_id = s.id AND i.state = 'failed' LIMIT 10000) AS bounded)
               FROM intake_source s WHERE NOT s.synthetic ORDER BY s.id LIMIT 1000"""
        )
        for name, count in cursor.fetchall():
            family.add_metric([name], count)
    return family


def _incidents() -> Metric:
    family = GaugeMetricFamily("firstline_incidents_open", "Open incidents", labels=["state", "priority"])
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT state, coalesce(priority::text, ''), count(*) FROM incident
               WHERE state NOT IN ('closed', 'cancelled') AND NOT synthetic GROUP BY 1, 2"""
        )
        for state, priority, count in cursor.fetchall():
            family.add_metric([state, priority], count)
    return family


def _jobs() -> Metric:
    family = GaugeMetricFamily("firstline_jobs", "Background jobs that are not done", labels=["status"])
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT status::text, count(*) FROM procrastinate_jobs
               WHERE status IN ('todo', 'doing', 'failed') GROUP BY 1"""
        )
        for status, count in cursor.fetchall():
            family.add_metric([status], count)
    return family


def _syslog() -> Iterator[Metric]:
    """What the gateways' listeners took and lost; they write it every few seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM setting WHERE key = %s", [SYSLOG_COUNTS])
        row = cursor.fetchone()
    counts: dict[str, int] = {} if row is None else json.loads(row[0]) if isinstance(row[0], str) else row[0]
    received = CounterMetricFamily(
        "firstline_syslog_received", "Syslog messages that arrived", labels=["transport"]
    )
    for transport in ("udp", "tcp", "tls"):
        received.add_metric([transport], counts.get(transport, 0))
    dropped = CounterMetricFamily(
        "firstline_syslog_dropped", "Syslog messages that were lost", labels=["reason"]
    )
    for reason in ("overload", "kernel", "unknown_sender", "too_large", "refused"):
        dropped.add_metric([reason], counts.get(reason, 0))
    yield from (received, dropped)


def registry() -> CollectorRegistry:
    made = CollectorRegistry(auto_describe=False)
    made.register(_Figures())
    return made
