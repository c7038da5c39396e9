"""How often, how long and through what a delivery is tried. Pure."""

from datetime import datetime, timedelta

LIMIT = 8
FIRST = timedelta(seconds=30)
FIRST_PAGE = timedelta(seconds=5)
LONGEST = timedelta(hours=1)


def next_attempt(
    attempts: int, *, now: datetime, page: bool, give_up_at: datetime | None, jitter: float = 0.0
) -> datetime | None:
    """When to try again after `attempts` failures: the pause doubles each time, and `jitter` (0 to 1) adds up to a
    tenth of it, so that what failed together doesn't come back together. None: no more.
    """
    if attempts >= LIMIT:
        return None
    pause = min((FIRST_PAGE if page else FIRST) * 2 ** (attempts - 1), LONGEST)
    at = now + pause * (1 + jitter / 10)
    return None if give_up_at is not None and at > give_up_at else at
