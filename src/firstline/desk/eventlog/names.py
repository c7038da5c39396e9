"""The people, groups, categories and resolution codes that a log names: found, or made by the ordinary actions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from firstline.accounts import actions as accounts
from firstline.accounts.models import Person, SupportGroup
from firstline.catalog import actions as catalog
from firstline.catalog.models import Category, ResolutionCode
from firstline.core.actor import Actor
from firstline.desk.eventlog.log import LogIncident


@dataclass(frozen=True, slots=True)
class Names:
    """Name → id."""

    callers: Mapping[str, int]
    assignees: Mapping[str, int]
    groups: Mapping[str, int]
    categories: Mapping[tuple[str, ...], int]
    codes: Mapping[str, int]


def ensure(log: Sequence[LogIncident], *, mapping: str, actor: Actor, now: datetime) -> Names:
    """Make what is missing; nothing when everything is there. Callers become callers; those to whom incidents were
    assigned become inactive people: they keep their name in histories and can neither sign in nor be paged."""
    rows = [row for incident in log for row in incident.rows]
    with transaction.atomic():
        return Names(
            callers=_callers({incident.caller for incident in log}, mapping, now),
            assignees=_assignees({row.assignee for row in rows if row.assignee}, mapping, actor, now),
            groups=_groups({row.group for row in rows if row.group}, actor, now),
            categories=_categories({row.category for row in rows if row.category}, actor, now),
            codes=_codes({incident.code for incident in log}, actor, now),
        )


def _address(name: str, mapping: str) -> str:
    return f"{accounts.slug_of(name)}@{mapping}.invalid"


def _callers(names: Iterable[str], mapping: str, now: datetime) -> dict[str, int]:
    addresses = {name: _address(name, mapping) for name in sorted(names)}
    ids = accounts.ensure_callers({address: name for name, address in addresses.items()}, now=now)
    return {name: ids[address] for name, address in addresses.items()}


def _assignees(names: Iterable[str], mapping: str, actor: Actor, now: datetime) -> dict[str, int]:
    addresses = {name: _address(name, mapping) for name in sorted(names)}
    known = dict(Person.objects.filter(email__in=addresses.values()).values_list("email", "id"))
    for name, address in addresses.items():
        if address not in known:
            known[address] = accounts.create_person(
                email=address, name=name, is_active=False, actor=actor, now=now
            ).id
    return {name: known[address] for name, address in addresses.items()}


def _groups(names: Iterable[str], actor: Actor, now: datetime) -> dict[str, int]:
    wanted = sorted(names)
    known = dict(SupportGroup.objects.filter(name__in=wanted).values_list("name", "id"))
    for name in wanted:
        if name not in known:
            known[name] = accounts.create_group(name=name, actor=actor, now=now).id
    return known


def _categories(paths: Iterable[tuple[str, ...]], actor: Actor, now: datetime) -> dict[tuple[str, ...], int]:
    known = {
        tuple(path.split(catalog.SEPARATOR)): id for path, id in Category.objects.values_list("path", "id")
    }
    prefixes = {path[:length] for path in paths for length in range(1, len(path) + 1)}
    for path in sorted(prefixes, key=lambda path: (len(path), path)):
        if path not in known:
            parent = known.get(path[:-1])
            known[path] = catalog.create_category(name=path[-1], parent_id=parent, actor=actor, now=now).id
    return {path: known[path] for path in prefixes}


def _codes(names: Iterable[str], actor: Actor, now: datetime) -> dict[str, int]:
    slugs = {name: accounts.slug_of(name)[:40] for name in sorted(names)}
    known = dict(ResolutionCode.objects.filter(code__in=slugs.values()).values_list("code", "id"))
    for name, slug in slugs.items():
        if slug not in known:
            known[slug] = catalog.create_code(code=slug, name=name, actor=actor, now=now).id
    return {name: known[slug] for name, slug in slugs.items()}
