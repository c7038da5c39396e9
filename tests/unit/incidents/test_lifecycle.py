"""The state machine, cell by cell, as the design tables it."""

from datetime import UTC, datetime, timedelta

import pytest

from firstline.core.errors import Invalid, InvalidTransition
from firstline.incidents.lifecycle import State, check, check_hold, check_resolution

ALLOWED = {
    "new": "assigned in_progress on_hold resolved cancelled",
    "assigned": "assigned in_progress on_hold resolved cancelled",
    "in_progress": "assigned on_hold resolved cancelled",
    "on_hold": "on_hold assigned in_progress resolved cancelled",
    "resolved": "closed assigned",
    "closed": "",
    "cancelled": "",
}


@pytest.mark.parametrize("before", list(State))
@pytest.mark.parametrize("after", list(State))
def test_every_cell_of_the_table(before: State, after: State) -> None:
    if after.value in ALLOWED[before.value].split():
        check(before, after)
    else:
        with pytest.raises(InvalidTransition) as refused:
            check(before, after)
        assert before.value.replace("_", " ") in str(refused.value)


def test_holding_for_the_past_is_refused() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(Invalid, match="past"):
        check_hold("vendor", comment="", look_again_at=now - timedelta(seconds=1), now=now)
    check_hold("vendor", comment="", look_again_at=now + timedelta(seconds=1), now=now)


def test_resolution_names_everything_that_is_missing() -> None:
    with pytest.raises(Invalid) as refused:
        check_resolution(
            code=None,
            notes="",
            cause="",
            cause_required=True,
            diagnosis_required=True,
            verdict_required=True,
        )
    assert set(refused.value.fields) == {
        "resolution_code",
        "resolution_notes",
        "cause",
        "diagnosis",
        "verdict",
    }
