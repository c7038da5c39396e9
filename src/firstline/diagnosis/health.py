"""How services are, from the incidents that a viewer may see and the alerts that are open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q

from firstline.accounts.viewer import Viewer
from firstline.catalog import graph
from firstline.catalog.models import Service
from firstline.catalog.queries import edges
from firstline.incidents.models.incident import OPEN
from firstline.incidents.visibility import visible

# What says something about the service: more than one person, a machine, or P1–P2. One person's trouble does not.
WIDE = ~Q(extent="one") | Q(caller=None) | Q(priority__lte=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`state`: down, degraded, suspect (something that it needs is in trouble) or healthy. `incidents`: open ones.
    `because_of`: the service in trouble that makes it suspect."""

    state: str = "healthy"
    incidents: int = 0
    alerts: int = 0
    because_of: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A service of the dependency map: how many steps away, and how it is."""

    service: Service
    steps: int
    health: Health


@dataclass(frozen=True, slots=True)
class Map:
    """What a service needs and what needs it, nearest first, with its own health."""

    health: Health
    needs: list[Neighbour]
    needed_by: list[Neighbour]


def of_services(
    viewer: Viewer, service_ids: Sequence[int], *, alerts: Mapping[int, int] | None = None
) -> dict[int, Health]:
    """The health of these services: four queries, whatever their number."""
    pairs = edges()
    above = {id: graph.reach(id, pairs) for id in service_ids}
    everyone = set(service_ids) | {other for reached in above.values() for other in reached}
    own = _own(viewer, everyone, alerts or {})
    names = dict(Service.objects.filter(id__in=everyone).values_list("id", "name"))
    return {id: _with_upstream(own[id], above[id], own, names) for id in service_ids}


def map_of(viewer: Viewer, service: Service, *, alerts: Mapping[int, int] | None = None) -> Map:
    """The dependency map around one service, both ways."""
    pairs = edges()
    needs = graph.reach(service.pk, pairs, limit=60)
    needed_by = graph.reach(service.pk, graph.turned(pairs), limit=60)
    health = of_services(viewer, [service.pk, *needs, *needed_by], alerts=alerts)
    rows = Service.objects.in_bulk([*needs, *needed_by])

    def near(reached: Mapping[int, int]) -> list[Neighbour]:
        found = [Neighbour(rows[id], steps, health[id]) for id, steps in reached.items() if id in rows]
        return sorted(found, key=lambda n: (n.steps, n.service.name))

    return Map(health[service.pk], near(needs), near(needed_by))


def _own(viewer: Viewer, ids: set[int], alerts: Mapping[int, int]) -> dict[int, Health]:
    open_ones = visible(viewer).filter(service_id__in=ids, state__in=OPEN, synthetic=False)
    counted = (
        open_ones.order_by()
        .values_list("service_id")
        .annotate(
            n=Count("id"),
            wide=Count("id", filter=WIDE),
            down=Count("id", filter=WIDE & Q(degradation="down")),
        )
    )
    known = {service_id: (n, wide, down) for service_id, n, wide, down in counted}
    found = {}
    for id in ids:
        n, wide, down = known.get(id, (0, 0, 0))
        state = "down" if down else "degraded" if wide or alerts.get(id) else "healthy"
        found[id] = Health(state=state, incidents=n, alerts=alerts.get(id, 0))
    return found


def _with_upstream(
    own: Health, above: Mapping[int, int], known: Mapping[int, Health], names: Mapping[int, str]
) -> Health:
    if own.state != "healthy":
        return own
    for other in above:
        if known[other].state == "down":
            return Health(state="suspect", because_of=names.get(other, ""))
    return own
