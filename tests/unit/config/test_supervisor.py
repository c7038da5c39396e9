"""How soon a part that ended is started again."""

import subprocess
import time

from firstline.config.supervisor import FIRST_PAUSE, LONGEST_PAUSE, STEADY_AFTER, Part, Supervisor, _Child

PART = Part(name="x", command=("/bin/false",))


def pauses(ran: float, times: int) -> list[float]:
    """How long a part that ends after `ran` seconds is paused each time."""
    supervisor = Supervisor({})
    child = _Child(PART)
    supervisor._children.append(child)
    found = []
    for _ in range(times):
        child.process = subprocess.Popen(PART.command, start_new_session=True)
        child.process.wait()
        child.started = time.monotonic() - ran
        before = time.monotonic()
        supervisor._reap()
        assert child.start_at is not None
        found.append(round(child.start_at - before, 1))
    return found


def test_a_part_that_cannot_start_is_tried_more_and_more_seldom() -> None:
    assert pauses(0.2, 8) == [FIRST_PAUSE, 1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_PAUSE, LONGEST_PAUSE]


def test_a_part_that_had_started_well_is_started_again_at_once_however_often_it_is_killed() -> None:
    assert set(pauses(STEADY_AFTER + 0.1, 8)) == {FIRST_PAUSE}
