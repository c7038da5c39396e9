"""How long an agent waits for the queue, a search and an incident, with 10,000 and with 100,000 incidents.

    python -m bench.pages [--sizes 10000 100000] [--times 30]

Fills the database of a running Firstline by set-based SQL and asks for each page through the gateway, one request after
the other. The last line is one JSON object.
"""

import argparse
import json
import re
import statistics
import time
from typing import Any

from bench.filling import fill
from bench.installation import installation
from bench.intake import about


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--times", type=int, default=30, help="each page is asked for")
    given = parser.parse_args()
    runs: list[dict[str, Any]] = []
    with installation() as there:
        from django.db import connection

        from firstline.incidents.models import Incident

        ids = surroundings()
        browser = there.browser()
        for size in given.sizes:
            begun = time.perf_counter()
            fill(connection, size - Incident.objects.count(), **ids)
            print(f"{size:,} incidents after {time.perf_counter() - begun:.0f} s")
            for name, path in pages():
                runs.append({"incidents": size, "page": name, **measure(browser, path, given.times)})
            runs.append({"incidents": size, "page": "similar incidents (job)", **similar(given.times)})
    table(runs)
    print(json.dumps({"bench": "pages", **about(), "runs": runs}))


def surroundings() -> dict[str, Any]:
    """Callers, agents, services, categories, groups for the incidents to hang on."""
    from firstline.accounts.actions import create_group, create_person, ensure_callers, set_members
    from firstline.accounts.models import Person
    from firstline.catalog.actions import create_service
    from firstline.catalog.models import Category, ResolutionCode
    from firstline.core import clock
    from firstline.core.actor import Actor
    from firstline.sla.models import AgreementVersion

    now, actor = clock.now(), Actor.system("bench")
    callers = ensure_callers({f"caller{n}@example.org": f"Caller {n}" for n in range(1000)}, now=now)
    agents = [
        create_person(email=f"agent{n}@example.org", roles=["agent"], actor=actor, now=now).id
        for n in range(40)
    ]
    groups = [create_group(name=f"Group {n}", actor=actor, now=now).id for n in range(8)]
    administrator = Person.objects.get(email="bench@example.org").id
    set_members(groups[0], {administrator: True, **dict.fromkeys(agents[:5], False)}, actor=actor, now=now)
    services = [create_service(name=f"Service {n}", actor=actor, now=now).id for n in range(60)]
    return {
        "callers": list(callers.values()),
        "agents": agents,
        "groups": groups,
        "services": services,
        "categories": list(Category.objects.values_list("id", flat=True)),
        "code": ResolutionCode.objects.values_list("id", flat=True)[0],
        "agreement": AgreementVersion.objects.values_list("id", flat=True)[0],
    }


def pages() -> list[tuple[str, str]]:
    from firstline.incidents.models import Incident

    open_one = Incident.objects.filter(state="in_progress").order_by("-id").values_list("id", flat=True)[0]
    closed_one = Incident.objects.filter(state="closed").order_by("id").values_list("id", flat=True)[100]
    return [
        ("queue: all open", "/console/?q=is:open"),
        ("queue: one group", "/console/?q=is:open+group:group-1"),
        ("queue: P2, unassigned", "/console/?q=is:open+is:unassigned+priority:P2"),
        ("search: rare words, closed too", "/console/?q=printer+vpn+is:any"),
        ("search: a frequent word", "/console/?q=server+is:any"),
        ("incident: open", f"/console/incidents/{open_one}/"),
        ("incident: closed", f"/console/incidents/{closed_one}/"),
        ("to confirm", "/console/to-confirm/"),
    ]


def measure(browser: Any, path: str, times: int) -> dict[str, Any]:
    """`numbers`: how many numbers of incidents the page shows, so that an empty page is no fast page."""
    numbers = len(set(re.findall(r"INC-\d{6}", browser.get(path).text)))
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        browser.get(path)
        taken.append((time.perf_counter() - begun) * 1000)
    ordered = sorted(taken)
    return {
        "numbers": numbers,
        "median_ms": round(statistics.median(taken), 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
    }


def similar(times: int) -> dict[str, Any]:
    """What the background job does for one incident: full-text search over titles, descriptions and resolutions."""
    from firstline.core import clock
    from firstline.diagnosis.gathering import similar_incidents
    from firstline.incidents.models import Incident

    found, taken = 0, []
    for incident in Incident.objects.filter(state="new").order_by("-id")[:times]:
        begun = time.perf_counter()
        found += len(similar_incidents(incident, now=clock.now()))
        taken.append((time.perf_counter() - begun) * 1000)
    ordered = sorted(taken)
    return {
        "numbers": round(found / len(taken)),
        "median_ms": round(statistics.median(taken), 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
    }


def table(runs: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    sizes = sorted({run["incidents"] for run in runs})
    shown = Table(
        "page", "incidents on it", *(f"{size:,}: median / 95 % ms" for size in sizes), "ratio of medians"
    )
    for name in dict.fromkeys(run["page"] for run in runs):
        same = [run for size in sizes for run in runs if (run["page"], run["incidents"]) == (name, size)]
        ratio = same[-1]["median_ms"] / max(same[0]["median_ms"], 0.1)
        shown.add_row(
            name,
            str(same[-1]["numbers"]),
            *(f"{run['median_ms']} / {run['p95_ms']}" for run in same),
            f"{ratio:.1f}",
        )
    Console(width=120).print(shown)


if __name__ == "__main__":
    main()
