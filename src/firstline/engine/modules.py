"""What a cycle does, in this order. Each module claims a bounded batch, commits by itself, and says how many
it did.

The order matters within one cycle: a signal becomes an incident, gets its priority, its clocks, its page, and
the page goes out, without waiting for the next cycle in between.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.closure import asking as closure
from firstline.core import rate
from firstline.engine import complaints, housekeeping
from firstline.incidents.actions import wake_held
from firstline.intake import (
    drain,
    ending,
    heartbeats,
    mailtriage,
    noise,
    partitions,
    reports,
    settling,
    subscriptions,
)
from firstline.oncall import actions as escalation
from firstline.reports import keeping
from firstline.sla import actions as sla
from firstline.sla import telling as clocks
from firstline.workflow import telling, triage

EACH_CYCLE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Module:
    """`run(now)` does a bounded part of what is due and returns its number. `every`: at most once per so
    long.
    """

    name: str
    run: Callable[[datetime], int]
    every: timedelta = EACH_CYCLE


def _named(function: Callable[..., int]) -> Callable[[datetime], int]:
    def run(now: datetime) -> int:
        return function(now=now)

    return run


def _partitions(now: datetime) -> int:
    return len(partitions.keep_partitions(now))


DELIVERIES = "deliveries"
MODULES: tuple[Module, ...] = (
    Module("inbox", drain.run),
    Module("muting", noise.run),
    Module("alerts ended", ending.run),
    Module("alerts of ended incidents", settling.run),
    Module("replies on closed", mailtriage.run),
    Module("triage", triage.run),
    Module("reassess", triage.run_reassess),
    Module("look again", _named(wake_held)),
    Module("subscriptions", subscriptions.run),
    Module("evaluate clocks", _named(sla.evaluate_due)),
    Module("clocks", _named(clocks.tick)),
    Module("look at escalations", _named(escalation.look_due)),
    Module("escalation", _named(escalation.step_due)),
    Module("stalled", _named(escalation.escalate_stalled)),
    Module("audit findings", _named(escalation.raise_findings)),
    Module("tell of receipt", _named(telling.received_due)),
    Module("tell of answers", _named(telling.answers_due)),
    # deliveries run here, by the loop that owns their threads
    Module("ask callers", _named(closure.ask_due)),
    Module("remind callers", _named(closure.remind_due)),
    Module("auto-close", _named(closure.close_due)),
    Module("heartbeats", heartbeats.run, every=timedelta(seconds=1)),
    Module("complaints", complaints.run, every=timedelta(seconds=10)),
    Module("reports", keeping.run),
    Module("reports left out", keeping.sweep, every=timedelta(hours=1)),
    Module("partitions", _partitions, every=timedelta(hours=1)),
    Module("rate limits", _named(rate.sweep), every=timedelta(hours=1)),
    Module("unverified reports", _named(reports.drop_unverified), every=timedelta(hours=1)),
    Module("housekeeping", housekeeping.run, every=timedelta(hours=1)),
)
AFTER_CLOCKS = next(i for i, module in enumerate(MODULES) if module.name == "tell of answers") + 1

# What is due and when, for the wake-up: one index look-up each.
NEXT_DUE = """
SELECT min(at) FROM (
    SELECT min(due_at) AS at FROM due
    UNION ALL (SELECT next_at FROM clock WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1)
    UNION ALL (SELECT next_at FROM escalation WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1)
    UNION ALL (SELECT due_at FROM delivery WHERE state IN ('due', 'sending') ORDER BY priority, due_at LIMIT 1)
    UNION ALL (SELECT look_again_at FROM incident WHERE state = 'on_hold' AND look_again_at IS NOT NULL
        ORDER BY look_again_at LIMIT 1)
    UNION ALL (SELECT expiry_look_at FROM alert_span WHERE ended_at IS NULL AND expiry_look_at IS NOT NULL
        ORDER BY expiry_look_at LIMIT 1)
    UNION ALL (SELECT next_at FROM heartbeat WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1)
) AS waiting
"""
