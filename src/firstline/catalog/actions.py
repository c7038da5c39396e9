"""Every write to services, configuration items, categories, resolution codes and changes.

Calendars are in `calendars.py`. Each write is an event of configuration, from → to. `seen` is the fingerprint
that the form was made from: when the row has changed since, nothing is written (`Conflict`).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from firstline.accounts.actions import slug_of
from firstline.accounts.permissions import Role, refuse
from firstline.accounts.viewer import viewer_for
from firstline.catalog import graph
from firstline.catalog.editing import apply, authorise, check_seen, found, unique, values
from firstline.catalog.models import (
    Category,
    Change,
    ConfigurationItem,
    ResolutionCode,
    Service,
    ServiceDependency,
)
from firstline.core import config_log
from firstline.core.actor import Actor, ActorKind
from firstline.core.errors import Invalid

SERVICE = (
    "name",
    "slug",
    "description",
    "criticality",
    "owner_id",
    "group_id",
    "calendar_id",
    "users",
    "several_from",
    "site_from",
    "all_from",
    "cost_per_hour",
    "public_facing",
    "questions",
    "in_portal",
    "active",
)
ITEM = ("name", "kind", "service_id", "aliases")
CATEGORY = ("name", "parent_id", "path", "service_id", "group_id", "cause_required", "runbook", "active")
CODE = ("code", "name", "active")
CHANGE = (
    "reference",
    "title",
    "service_id",
    "ci_id",
    "state",
    "planned_start",
    "planned_end",
    "happened_at",
    "links",
)
CRITICALITIES = ("low", "medium", "high", "critical")
SEPARATOR = " › "
QUESTIONS = 3


@transaction.atomic
def create_service(
    *, name: str, actor: Actor, now: datetime, upstream_ids: Iterable[int] = (), **fields: Any
) -> Service:
    """Add a service. `Invalid` names the field: a name already taken, thresholds that don't ascend."""
    authorise(actor, "configuration.edit")
    service = Service(name=name.strip(), slug=fields.pop("slug", "") or slug_of(name))
    apply(service, fields, {*SERVICE, "synthetic"})
    _check_service(service)
    service.save()
    config_log.changed(
        "service", service.id, actor=actor, now=now, before=None, after=values(service, SERVICE)
    )
    set_dependencies(service.id, upstream_ids, actor=actor, now=now)
    return service


@transaction.atomic
def edit_service(
    service_id: int,
    *,
    actor: Actor,
    now: datetime,
    seen: str = "",
    upstream_ids: Iterable[int] | None = None,
    **fields: Any,
) -> Service:
    """Change a service. Administrators change every one, service owners those that they own."""
    service = found(Service, service_id, "service")
    _may_edit(service, actor)
    before = values(service, SERVICE)
    check_seen(before, seen)
    apply(service, fields, set(SERVICE))
    _check_service(service)
    service.save()
    config_log.changed(
        "service", service.id, actor=actor, now=now, before=before, after=values(service, SERVICE)
    )
    if upstream_ids is not None:
        set_dependencies(service.id, upstream_ids, actor=actor, now=now)
    return service


@transaction.atomic
def set_dependencies(service_id: int, upstream_ids: Iterable[int], *, actor: Actor, now: datetime) -> None:
    """Make these the services that this one needs. `Invalid` when one of them needs this one already."""
    service = found(Service, service_id, "service")
    _may_edit(service, actor)
    wanted = set(upstream_ids)
    held = set(ServiceDependency.objects.filter(service_id=service_id).values_list("upstream_id", flat=True))
    if wanted == held:
        return
    edges = list(
        ServiceDependency.objects.exclude(service_id=service_id).values_list("service_id", "upstream_id")
    )
    for upstream in sorted(wanted - held):
        if upstream == service_id or service_id in graph.reach(upstream, edges):
            name = found(Service, upstream, "service").name
            message = f"{name} needs {service.name}, directly or through others: no circles."
            raise Invalid(message, {"upstream": message})
    ServiceDependency.objects.filter(service_id=service_id).exclude(upstream_id__in=wanted).delete()
    ServiceDependency.objects.bulk_create(
        ServiceDependency(service_id=service_id, upstream_id=upstream) for upstream in sorted(wanted - held)
    )
    config_log.changed(
        "service",
        service_id,
        actor=actor,
        now=now,
        before={"needs": sorted(held)},
        after={"needs": sorted(wanted)},
    )


@transaction.atomic
def create_item(*, name: str, actor: Actor, now: datetime, **fields: Any) -> ConfigurationItem:
    authorise(actor, "configuration.edit")
    item = ConfigurationItem(name=name.strip())
    apply(item, fields, set(ITEM))
    _check_item(item)
    item.save()
    config_log.changed(
        "configuration item", item.id, actor=actor, now=now, before=None, after=values(item, ITEM)
    )
    return item


@transaction.atomic
def edit_item(
    item_id: int, *, actor: Actor, now: datetime, seen: str = "", **fields: Any
) -> ConfigurationItem:
    authorise(actor, "configuration.edit")
    item = found(ConfigurationItem, item_id, "configuration item")
    before = values(item, ITEM)
    check_seen(before, seen)
    apply(item, fields, set(ITEM))
    _check_item(item)
    item.save()
    config_log.changed(
        "configuration item", item.id, actor=actor, now=now, before=before, after=values(item, ITEM)
    )
    return item


@transaction.atomic
def create_category(*, name: str, actor: Actor, now: datetime, **fields: Any) -> Category:
    """Add a node of the tree; its path is made from its parent's."""
    authorise(actor, "configuration.edit")
    category = Category(name=name.strip())
    apply(category, fields, set(CATEGORY) - {"path"})
    _set_path(category)
    category.save()
    config_log.changed(
        "category", category.id, actor=actor, now=now, before=None, after=values(category, CATEGORY)
    )
    return category


@transaction.atomic
def edit_category(
    category_id: int, *, actor: Actor, now: datetime, seen: str = "", **fields: Any
) -> Category:
    """Change a node; the paths of everything below it follow."""
    authorise(actor, "configuration.edit")
    category = found(Category, category_id, "category")
    before = values(category, CATEGORY)
    check_seen(before, seen)
    apply(category, fields, set(CATEGORY) - {"path"})
    _set_path(category)
    category.save()
    _move_below(category, str(before["path"]))
    config_log.changed(
        "category", category.id, actor=actor, now=now, before=before, after=values(category, CATEGORY)
    )
    return category


@transaction.atomic
def create_code(*, code: str, name: str, actor: Actor, now: datetime, active: bool = True) -> ResolutionCode:
    authorise(actor, "configuration.edit")
    row = ResolutionCode(code=code.strip() or slug_of(name)[:40], name=name.strip(), active=active)
    unique(ResolutionCode, row, "code", "resolution code")
    row.save()
    config_log.changed("resolution code", row.id, actor=actor, now=now, before=None, after=values(row, CODE))
    return row


@transaction.atomic
def edit_code(code_id: int, *, actor: Actor, now: datetime, seen: str = "", **fields: Any) -> ResolutionCode:
    authorise(actor, "configuration.edit")
    row = found(ResolutionCode, code_id, "resolution code")
    before = values(row, CODE)
    check_seen(before, seen)
    apply(row, fields, set(CODE))
    unique(ResolutionCode, row, "code", "resolution code")
    row.save()
    config_log.changed(
        "resolution code", row.id, actor=actor, now=now, before=before, after=values(row, CODE)
    )
    return row


@transaction.atomic
def record_change(
    *,
    title: str,
    actor: Actor,
    now: datetime,
    source_id: int | None = None,
    source_key: str | None = None,
    **fields: Any,
) -> Change:
    """Add a change, or update the one that the same source reported under the same key.

    A change that is implemented and says no instant happened now.
    """
    if actor.kind in (ActorKind.PERSON, ActorKind.MACHINE):
        authorise(actor, "incident.work")
    existing = None
    if source_key is not None:
        existing = (
            Change.objects.select_for_update().filter(source_id=source_id, source_key=source_key).first()
        )
    change = existing or Change(source_id=source_id, source_key=source_key)
    before = values(change, CHANGE) if existing else None
    _fill_change(change, {"title": title, **fields}, now)
    change.save()
    config_log.changed("change", change.id, actor=actor, now=now, before=before, after=values(change, CHANGE))
    return change


@transaction.atomic
def edit_change(change_id: int, *, actor: Actor, now: datetime, seen: str = "", **fields: Any) -> Change:
    authorise(actor, "incident.work")
    change = found(Change, change_id, "change")
    before = values(change, CHANGE)
    check_seen(before, seen)
    _fill_change(change, fields, now)
    change.save()
    config_log.changed("change", change.id, actor=actor, now=now, before=before, after=values(change, CHANGE))
    return change


def _fill_change(change: Change, fields: Mapping[str, Any], now: datetime) -> None:
    apply(change, fields, set(CHANGE))
    change.title = change.title.strip()[:255]
    if not change.title:
        raise Invalid("A change needs a title.", {"title": "Say what is changed."})
    if change.planned_start and change.planned_end and change.planned_end < change.planned_start:
        raise Invalid("A change can't end before it starts.", {"planned_end": "This is before the start."})
    if change.state == "implemented" and change.happened_at is None:
        change.happened_at = now


def _may_edit(service: Service, actor: Actor) -> None:
    """Administrators edit every service, its owner this one."""
    if actor.kind not in (ActorKind.PERSON, ActorKind.MACHINE):
        return
    viewer = viewer_for(actor)
    viewer.require("service.edit")
    if Role.ADMINISTRATOR not in viewer.roles and service.owner_id != viewer.person_id:
        raise refuse("configuration.edit")


def _check_service(service: Service) -> None:
    unique(Service, service, "name", "service")
    unique(Service, service, "slug", "service")
    if service.criticality not in CRITICALITIES:
        raise Invalid("Unknown criticality.", {"criticality": f"Use one of {', '.join(CRITICALITIES)}."})
    if not 1 < service.several_from <= service.site_from <= service.all_from:
        message = "Several starts at 2 or more, and several ≤ site ≤ all."
        raise Invalid(message, {"several_from": message})
    if service.users < 0 or service.cost_per_hour < 0:
        raise Invalid("Users and cost can't be negative.", {"users": "Use 0 when it is not known."})
    if len(service.questions) > QUESTIONS:
        message = f"At most {QUESTIONS} extra questions: every one more costs reports."
        raise Invalid(message, {"questions": message})


def _check_item(item: ConfigurationItem) -> None:
    unique(ConfigurationItem, item, "name", "configuration item")
    item.aliases = sorted({alias.strip() for alias in item.aliases if alias.strip()} - {item.name})
    if (
        taken := ConfigurationItem.objects.filter(aliases__overlap=[item.name, *item.aliases])
        .exclude(id=item.id)
        .first()
    ):
        message = f"{taken.name} already has one of these names."
        raise Invalid(message, {"aliases": message})


def _set_path(category: Category) -> None:
    if not category.name or SEPARATOR.strip() in category.name:
        raise Invalid("A category needs a name without ›.", {"name": "Give it a name without ›."})
    names, at, steps = [category.name], category.parent_id, 0
    while at is not None:
        parent = found(Category, at, "category")
        steps += 1
        if parent.id == category.id or steps > 6:
            message = "A category can't lie below itself, nor deeper than six levels."
            raise Invalid(message, {"parent": message})
        names.insert(0, parent.name)
        at = parent.parent_id
    category.path = SEPARATOR.join(names)
    unique(Category, category, "path", "category", field="name")


def _move_below(category: Category, old_path: str) -> None:
    if old_path == category.path:
        return
    start = old_path + SEPARATOR
    for child in Category.objects.filter(path__startswith=start):
        child.path = category.path + SEPARATOR + child.path.removeprefix(start)
        child.save(update_fields=["path"])
