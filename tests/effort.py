"""How much a test tries: a part in `make test`, far more in `make prove` (FIRSTLINE_PROVE=1)."""

import os

PROVING = os.environ.get("FIRSTLINE_PROVE") == "1"


def cases(usual: int, proving: int) -> int:
    """The number of cases, rounds or kills of this run."""
    return proving if PROVING else usual
