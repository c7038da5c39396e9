"""Fixtures of the stories."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.scenarios.story import Story


@pytest.fixture
def story(db: None, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Story]":
    """The real engine on a clock that stands at Monday 2026-11-23, 09:00 UTC."""
    from tests.scenarios.story import told_story  # Django is set up only now

    with told_story(monkeypatch) as told:
        yield told
