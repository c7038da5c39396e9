"""Makes the company's configuration by the ordinary actions, as an administrator would have, before its history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firstline.accounts import actions as accounts
from firstline.accounts.models import Person, SupportGroup
from firstline.catalog import actions as catalog
from firstline.catalog.calendar import ALWAYS, Calendar, Region, same_hours
from firstline.catalog.calendars import create_calendar, set_group_hours
from firstline.catalog.models import BusinessCalendar, Category, Service
from firstline.classification.actions import create_rule
from firstline.classification.rules import Condition
from firstline.core import installation
from firstline.core.actor import Actor
from firstline.demo import company
from firstline.sla.agreement import Agreement, Conditions, Duration, Promise
from firstline.sla.configure import create_agreement, document_from, edit_agreement
from firstline.sla.models import AgreementVersion

SETUP = Actor.system("demo")
WEEKDAYS = "mon tue wed thu fri"
_ASCII = str.maketrans("åÅøØ", "aAoO") | {ord("æ"): "ae", ord("Æ"): "Ae"}


@dataclass(slots=True)
class World:
    """Ids by the keys of `company`."""

    people: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    members: dict[int, list[int]] = field(default_factory=dict)
    next_line: dict[int, int] = field(default_factory=dict)
    services: dict[str, int] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    calendars: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    callers: list[int] = field(default_factory=list)
    places: dict[int, str] = field(default_factory=dict)
    units: dict[int, str] = field(default_factory=dict)

    def actor(self, name: str) -> Actor:
        return Actor.person(self.people[name])

    @property
    def administrator(self) -> int:
        return self.people[company.ADMINISTRATOR.name]


def address(name: str) -> str:
    """Anna Kjær → anna.kjaer@haldenbrook.example"""
    plain = name.translate(_ASCII)
    return f"{accounts.slug_of(plain).replace('-', '.')}@{company.DOMAIN}"


def make(*, now: datetime) -> World:
    """The company at `now`, with nothing having happened yet."""
    world = World()
    installation.put("name", company.NAME, actor=SETUP, now=now)
    _calendars(world, now)
    _groups(world, now)
    _people(world, now)
    _services(world, now)
    _categories(world, now)
    _rules(world, now)
    _agreements(world, now)
    return world


def _calendars(world: World, now: datetime) -> None:
    danish = {
        "office": Calendar(
            zone=company.ZONE, week=same_hours(WEEKDAYS, "08:00", "17:00"), regions=(Region("DK"),)
        ),
        "shops": Calendar(zone=company.ZONE, week=same_hours(f"{WEEKDAYS} sat", "07:00", "20:00")),
        "always": ALWAYS,
    }
    names = {"office": "Copenhagen office", "shops": "Stores and warehouse", "always": "Every hour"}
    for key, calendar in danish.items():
        row = create_calendar(name=names[key], definition=calendar, actor=SETUP, now=now)
        world.calendars[key] = row.id


def _groups(world: World, now: datetime) -> None:
    first = SupportGroup.objects.get(catch_all=True)
    for group in company.GROUPS:
        fields = {
            "line": group.line,
            "assignment": group.assignment,
            "email": f"{group.key}@{company.DOMAIN}",
        }
        if group.key == "first":
            row = accounts.edit_group(first.id, actor=SETUP, now=now, name=group.name, **fields)
        else:
            row = accounts.create_group(
                name=group.name, security=group.security, actor=SETUP, now=now, **fields
            )
        world.groups[group.key] = row.id
        set_group_hours(row.id, world.calendars[group.hours], actor=SETUP, now=now)
    for group in company.GROUPS:
        if group.next:
            accounts.edit_group(
                world.groups[group.key], actor=SETUP, now=now, escalates_to_id=world.groups[group.next]
            )
            world.next_line[world.groups[group.key]] = world.groups[group.next]


def _people(world: World, now: datetime) -> None:
    for staff in (*company.STAFF, company.ADMINISTRATOR, company.AUDITOR, *company.OWNERS):
        person = accounts.create_person(
            email=address(staff.name),
            name=staff.name,
            roles=list(staff.roles),
            zone=company.ZONE,
            place="Copenhagen, 1st floor",
            email_verified_at=now,
            actor=SETUP,
            now=now,
        )
        world.people[staff.name] = person.id
    _callers(world, now)
    _members(world, now)


def _callers(world: World, now: datetime) -> None:
    places = dict(company.UNITS)
    for number, (name, unit) in enumerate(company.CALLERS):
        person = accounts.create_person(
            email=address(name),
            name=name,
            unit_id=accounts.ensure_unit(unit).id,
            place=places[unit],
            phone=f"+45 70 10 {20 + number // 10:02d} {number % 100:02d}",
            zone=company.ZONE,
            vip=name in company.VIPS,
            email_verified_at=now,
            actor=SETUP,
            now=now,
        )
        world.people[name] = person.id
        world.callers.append(person.id)
        world.places[person.id], world.units[person.id] = places[unit], unit


def _members(world: World, now: datetime) -> None:
    for group in company.GROUPS:
        names = [staff.name for staff in company.STAFF if group.key in staff.groups]
        if group.key in company.ADMINISTRATOR.groups:
            names.append(company.ADMINISTRATOR.name)
        leads = {world.people[name]: index == 0 for index, name in enumerate(names)}
        accounts.set_members(world.groups[group.key], leads, actor=SETUP, now=now)
        world.members[world.groups[group.key]] = list(leads)
    manager = world.people["Maren Thorsen"]
    for group_id in world.groups.values():
        accounts.edit_group(group_id, actor=SETUP, now=now, manager_id=manager)


def _services(world: World, now: datetime) -> None:
    owners = [world.people[staff.name] for staff in company.OWNERS]
    for number, service in enumerate(company.SERVICES):
        row = catalog.create_service(
            name=service.name,
            description=service.about,
            criticality=service.criticality,
            owner_id=owners[number % len(owners)],
            group_id=world.groups[service.group],
            calendar_id=world.calendars[_hours(service)],
            users=service.users,
            cost_per_hour=service.cost,
            public_facing=service.public,
            in_portal=service.portal,
            questions=[{"label": text} for text in service.questions],
            upstream_ids=[world.services[key] for key in service.needs if key in world.services],
            actor=SETUP,
            now=now,
        )
        world.services[service.key] = row.id
        for item in service.items:
            catalog.create_item(name=item, service_id=row.id, actor=SETUP, now=now)
    for service in company.SERVICES:  # those that need a service further down the list
        catalog.set_dependencies(
            world.services[service.key], [world.services[key] for key in service.needs], actor=SETUP, now=now
        )


def _hours(service: company.Service) -> str:
    if service.criticality == "critical" or service.public:
        return "always"
    return "shops" if service.group == "stores" else "office"


def _categories(world: World, now: datetime) -> None:
    for old in Category.objects.filter(active=True):
        catalog.edit_category(old.id, actor=SETUP, now=now, active=False)
    for name, children in company.CATEGORIES:
        root = _category(name, None, None, now)
        for child, group in children:
            path = f"{name}{catalog.SEPARATOR}{child}"
            world.categories[path] = _category(child, root, world.groups[group], now)


def _category(name: str, parent: int | None, group: int | None, now: datetime) -> int:
    known = Category.objects.filter(parent_id=parent, name=name).first()
    if known is not None:
        return catalog.edit_category(known.id, actor=SETUP, now=now, active=True, group_id=group).id
    return catalog.create_category(name=name, parent_id=parent, group_id=group, actor=SETUP, now=now).id


RULES: Sequence[tuple[str, str, str, Mapping[str, object]]] = (
    ("Phishing", "Security › Phishing", "security", {"contains": ("phishing", "suspicious mail")}),
    ("Malware", "Security › Malware", "security", {"contains": ("malware", "ransomware")}),
    ("Sign-ins of the SIEM", "Security › Suspicious sign-in", "security", {"channels": ("SIEM",)}),
    ("VPN", "Connection › VPN", "", {"contains": ("vpn",)}),
    ("Wi-Fi", "Connection › Wi-Fi", "", {"contains": ("wi-fi", "wifi", "wlan")}),
    ("Printers", "Workplace › Printer", "", {"contains": ("printer", "print jobs", "prints")}),
    ("Scanners", "Warehouse and stores › Scanner", "", {"contains": ("scanner",)}),
    ("Tills", "Warehouse and stores › Till", "", {"contains": ("till", "terminal")}),
    ("Labels", "Warehouse and stores › Label", "", {"contains": ("label", "labels")}),
    ("Second factor and passwords", "Access › Password and second factor", "",
     {"contains": ("password", "second factor", "locked out")}),
    ("Access to folders", "Access › Permission", "", {"contains": ("no access", "permission")}),
    ("Payments", "Shop › Payment", "", {"contains": ("payment", "gift card")}),
    ("Slow shop", "Shop › Slow or down", "", {"pattern": r"latency|p95|slow"}),
    ("Backups", "Data › Backup", "", {"contains": ("backup", "deleted folder")}),
    ("Databases", "Data › Database", "", {"contains": ("replication", "pg-main-1", "pg-main-2")}),
    ("Hosts and containers", "Platform › Host or container", "", {"pattern": r"NotReady|loop|does not answer"}),
    ("Certificates", "Platform › Certificate", "", {"contains": ("certificate",)}),
    ("Finance system", "Business software › Error message", "", {"contains": ("finance system",)}),
)  # fmt: skip


def _rules(world: World, now: datetime) -> None:
    for name, category, group, condition in RULES:
        create_rule(
            name=name,
            condition=Condition(**condition),  # type: ignore[arg-type]
            category_id=world.categories[category],
            group_id=world.groups[group] if group else None,
            security=group == "security",
            actor=SETUP,
            now=now,
        )


def minutes(amount: int) -> Duration:
    return Duration(minutes=amount)


def days(amount: int) -> Duration:
    return Duration(days=amount)


def _agreements(world: World, now: datetime) -> None:
    """Management first, then what customers see, then everything else in office hours."""
    for seeded in AgreementVersion.objects.filter(valid_to=None).select_related("agreement"):
        edit_agreement(
            seeded.agreement_id,
            name=seeded.agreement.name,
            definition=document_from(seeded.definition),
            active=False,
            actor=SETUP,
            now=now,
        )
    customers = tuple(world.services[s.key] for s in company.SERVICES if s.public)
    create_agreement(
        name="Management",
        definition=Agreement(
            promises={"*": Promise(response=minutes(30), resolution=minutes(240))},
            conditions=Conditions(vip=True),
            calendar=world.calendars["office"],
        ),
        actor=SETUP,
        now=now,
    )
    create_agreement(
        name="What customers see",
        definition=Agreement(
            promises={
                "1": Promise(response=minutes(10), resolution=minutes(120), next_update=minutes(30)),
                "2": Promise(response=minutes(15), resolution=minutes(240)),
                "3": Promise(response=minutes(45), resolution=minutes(360)),
                "*": Promise(response=minutes(240), resolution=days(3)),
            },
            conditions=Conditions(services=customers),
            calendar=world.calendars["always"],
        ),
        actor=SETUP,
        now=now,
    )
    create_agreement(
        name="Everybody at Halden & Brook",
        definition=Agreement(
            promises={
                "1": Promise(response=minutes(15), resolution=minutes(240)),
                "2": Promise(response=minutes(30), resolution=minutes(480)),
                "3": Promise(response=minutes(90), resolution=minutes(420)),
                "4": Promise(response=minutes(180), resolution=days(1)),
                "5": Promise(response=minutes(420), resolution=days(3)),
            },
            calendar=world.calendars["office"],
        ),
        actor=SETUP,
        now=now,
    )


def find() -> World | None:
    """The company as it was made earlier on this database; None where it wasn't."""
    people = dict(Person.objects.filter(email__endswith=f"@{company.DOMAIN}").values_list("name", "id"))
    if company.ADMINISTRATOR.name not in people:
        return None
    by_name = dict(SupportGroup.objects.values_list("name", "id"))
    services = dict(Service.objects.values_list("name", "id"))
    world = World(people=people)
    world.groups = {group.key: by_name[group.name] for group in company.GROUPS}
    world.services = {service.key: services[service.name] for service in company.SERVICES}
    world.categories = dict(Category.objects.values_list("path", "id"))
    world.calendars = dict(BusinessCalendar.objects.values_list("name", "id"))
    places = dict(company.UNITS)
    for name, unit in company.CALLERS:
        world.callers.append(people[name])
        world.places[people[name]], world.units[people[name]] = places[unit], unit
    for group in company.GROUPS:
        names = [staff.name for staff in company.STAFF if group.key in staff.groups]
        world.members[world.groups[group.key]] = [people[name] for name in names]
    return world
