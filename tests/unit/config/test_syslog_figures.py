"""What the gateways' syslog listeners count comes out at `/metrics`, also before any of them ever listened."""

import pytest
from prometheus_client import generate_latest

from firstline.config import metrics
from firstline.core.models import Setting

pytestmark = pytest.mark.django_db


def lines() -> list[str]:
    text = generate_latest(metrics.registry()).decode()
    return [line for line in text.splitlines() if line.startswith("firstline_syslog")]


def test_nothing_yet() -> None:
    assert 'firstline_syslog_received_total{transport="udp"} 0.0' in lines()


def test_what_was_counted() -> None:
    Setting.objects.create(key=metrics.SYSLOG_COUNTS, value={"udp": 7, "overload": 2, "kernel": 1})
    found = lines()
    assert 'firstline_syslog_received_total{transport="udp"} 7.0' in found
    assert 'firstline_syslog_dropped_total{reason="overload"} 2.0' in found
    assert 'firstline_syslog_dropped_total{reason="kernel"} 1.0' in found
    assert 'firstline_syslog_dropped_total{reason="too_large"} 0.0' in found
