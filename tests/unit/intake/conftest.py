"""Fixtures of the intake's tests. Django's models are imported late: this file is read before Django is set up."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def inbox(db: None) -> Any:
    """An `inboxes.Inbox` on a clock that stands at its start, with the defaults of a fresh installation."""
    from tests.unit.intake.inboxes import fresh_inbox

    return fresh_inbox()


@pytest.fixture
def pagerduty_event() -> Callable[..., dict[str, Any]]:
    """A PagerDuty event with the fields that matter to a test."""

    def make(
        action: str = "trigger", key: str | None = "k", severity: str = "error", **payload: Any
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"routing_key": "x" * 32, "event_action": action}
        if key is not None:
            body["dedup_key"] = key
        if action == "trigger":
            body["payload"] = {"summary": f"{key} is down", "source": "db-1", "severity": severity, **payload}
        return body

    return make
