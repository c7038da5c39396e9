"""How long from `firstline up` to the first page: on an empty data directory, and again on the same.

    python -m bench.startup [--times 5]

Starts Firstline itself, as somebody would. The last line is one JSON object.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from bench.intake import about
from tests.machine import Machine, reachable_folder, wait_until

PAGE = "/sign-in/"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=5, help="of warm starts")
    given = parser.parse_args()
    with reachable_folder() as folder:
        first = seconds_to_first_page(folder / "data")
        warm = [seconds_to_first_page(folder / "data") for _ in range(given.times)]
    runs: list[dict[str, Any]] = [
        {"start": "first (empty data directory)", "seconds": first, "limit": 15.0},
        {"start": f"warm (median of {len(warm)})", "seconds": statistics.median(warm), "limit": 5.0},
    ]
    for run in runs:
        print(f"{run['start']:<32} {run['seconds']:6.2f} s   of {run['limit']:.0f} s allowed")
    print(json.dumps({"bench": "startup", **about(), "runs": runs}))


def seconds_to_first_page(data: Path) -> float:
    """From the command until a page, not just a health check, is answered."""
    machine = Machine(data)
    begun = time.perf_counter()
    machine.start()
    wait_until(lambda: machine.get(PAGE) == 200, "the sign-in page is served")
    seconds = time.perf_counter() - begun
    machine.stop()
    return seconds


if __name__ == "__main__":
    main()
