"""What a signal calls a service or a machine → the one of the catalogue that is meant."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from firstline.intake.models import Source


@dataclass(frozen=True, slots=True)
class Place:
    """Where a signal belongs; None: not known."""

    service_id: int | None = None
    ci_id: int | None = None


def places_of(source: Source, hints: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Place]:
    """The place of each (service, CI) hint.

    The service is the one of that name or slug, else the CI's, else the source's. A CI is found by name or alias; for
    `host:port` and `host.domain` also by the host alone. Case never matters.
    """
    pairs = set(hints)
    services = _services({service.lower() for service, _ in pairs if service})
    items = _items({name for _, ci in pairs for name in _names_of(ci)})
    found = {}
    for service, ci in pairs:
        item, items_service = next((items[name] for name in _names_of(ci) if name in items), (None, None))
        service_id = services.get(service.lower()) or items_service or source.service_id
        found[service, ci] = Place(service_id, item)
    return found


def _names_of(ci: str) -> list[str]:
    name = ci.lower()
    without_port = name.rpartition(":")[0] if name.rpartition(":")[2].isdigit() else name
    short = without_port.partition(".")[0] if not without_port.replace(".", "").isdigit() else without_port
    return [each for each in dict.fromkeys((name, without_port, short)) if each]


def _services(names: set[str]) -> dict[str, int]:
    if not names:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT lower(name), id FROM service WHERE active AND lower(name) = ANY(%(names)s)
               UNION ALL SELECT slug, id FROM service WHERE active AND slug = ANY(%(names)s)""",
            {"names": list(names)},
        )
        return dict(reversed(cursor.fetchall()))


def _items(names: set[str]) -> dict[str, tuple[int, int | None]]:
    if not names:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT lower(n.name), c.id, c.service_id FROM configuration_item c,
                      unnest(c.aliases || c.name::varchar) AS n(name)
               WHERE lower(n.name) = ANY(%s)""",
            [list(names)],
        )
        return {name: (item, service) for name, item, service in cursor.fetchall()}
