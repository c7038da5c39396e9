"""The same as `make chaos-intake`, shorter: nothing acknowledged is lost, doubled or miscounted, whatever is killed."""

import secrets

import pytest

from bench.chaos_intake import chaos
from tests.effort import cases


@pytest.mark.scenario
def test_gateway_engines_and_database_are_killed_and_every_acknowledged_signal_counts_once() -> None:
    kills = cases(6, 100)
    seed = secrets.randbelow(10_000)
    report, ledger = chaos(kills, seed)
    assert ledger.complaints == [], f"seed {seed}"
    assert report.kills == kills
    assert report.acknowledged > 10 * kills
    assert report.stored >= report.acknowledged
    assert report.alerts > report.incidents > 0
