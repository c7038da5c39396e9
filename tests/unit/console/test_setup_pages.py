"""Every set-up page: who may see it, what it does with nothing, with one row, with fifty, with a wrong entry."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from firstline.accounts.actions import create_person
from firstline.accounts.models import Person
from firstline.catalog import actions as catalog
from firstline.classification import actions as classification
from firstline.classification.rules import Condition
from firstline.core.actor import Actor
from firstline.diagnosis import actions as diagnosis
from firstline.workflow.seed import ensure_defaults

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SETUP = Actor.system("test")

LISTS = (
    "services",
    "items",
    "changes",
    "checks",
    "rules",
    "noise",
    "subscriptions",
    "dry_run",
    "categories",
    "codes",
    "people",
    "people_import",
    "groups",
    "calendars",
    "settings",
    "channels",
    "agreements",
    "matrix",
    "sources",
    "oncall",
    "oncall_load",
    "policies",
    "paging",
    "problems",
    "preventive",
    "reports",
    "audit",
    "break_glass",
)
NEW = (
    "service_new",
    "item_new",
    "change_new",
    "check_new",
    "rule_new",
    "noise_new",
    "subscription_new",
    "category_new",
    "code_new",
    "person_new",
    "group_new",
    "calendar_new",
    "agreement_new",
    "source_new",
    "schedule_new",
    "policy_new",
    "problem_new",
)


def person(*roles: str) -> Person:
    return create_person(
        email=f"{'-'.join(roles) or 'caller'}@example.org", roles=list(roles), actor=SETUP, now=NOW
    )


def client_of(*roles: str) -> Client:
    client = Client()
    client.force_login(person(*roles), backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def admin() -> Client:
    return client_of("administrator", "agent")


@pytest.mark.parametrize("name", [*LISTS, *NEW])
def test_it_opens_in_an_empty_installation(admin: Client, name: str) -> None:
    answer = admin.get(reverse(f"console:{name}"))
    assert answer.status_code == 200
    assert b"<h1>" in answer.content


@pytest.mark.parametrize("name", [*LISTS, *NEW])
def test_it_opens_with_the_defaults(admin: Client, name: str) -> None:
    ensure_defaults(now=NOW)
    assert admin.get(reverse(f"console:{name}")).status_code == 200


@pytest.mark.parametrize("name", [*LISTS, *NEW])
def test_callers_and_strangers_never_enter(name: str) -> None:
    address = reverse(f"console:{name}")
    assert Client().get(address).status_code == 302
    assert client_of().get(address).status_code in (302, 403)


ADMINISTRATORS_ONLY = (
    "people_import",
    "break_glass",
    "audit",
    "settings",
    "rules",
    "subscriptions",
    "agreements",
    "matrix",
    "sources",
    "checks",
)


@pytest.mark.parametrize("name", ADMINISTRATORS_ONLY)
def test_agents_do_not_see_what_is_not_theirs(name: str) -> None:
    assert client_of("agent").get(reverse(f"console:{name}")).status_code == 403


@pytest.mark.parametrize("name", [n for n in LISTS if n not in ("people_import", "dry_run", "break_glass")])
def test_auditors_look_and_find_no_way_to_change(name: str) -> None:
    ensure_defaults(now=NOW)
    answer = client_of("auditor").get(reverse(f"console:{name}"))
    assert answer.status_code == 200
    assert (
        b'method="post" class="stack' not in answer.content
        or b'class="btn primary">Save' not in answer.content
    )


def services(n: int) -> None:
    for number in range(n):
        catalog.create_service(name=f"Service {number}", actor=SETUP, now=NOW)


def items(n: int) -> None:
    for number in range(n):
        catalog.create_item(name=f"host{number}", actor=SETUP, now=NOW)


def changes(n: int) -> None:
    for number in range(n):
        catalog.record_change(title=f"Change {number}", actor=SETUP, now=NOW + timedelta(minutes=number))


def checks(n: int) -> None:
    service = catalog.create_service(name="S", actor=SETUP, now=NOW)
    for number in range(n):
        diagnosis.create_check(
            name=f"C{number}", kind="tcp", target="a:1", service_id=service.id, actor=SETUP, now=NOW
        )


def rules(n: int) -> None:
    for number in range(n):
        classification.create_rule(
            name=f"R{number}", condition=Condition(), security=True, actor=SETUP, now=NOW
        )


def categories(n: int) -> None:
    for number in range(n):
        catalog.create_category(name=f"C{number}", actor=SETUP, now=NOW)


def people(n: int) -> None:
    for number in range(n):
        create_person(email=f"p{number}@example.org", roles=["agent"], actor=SETUP, now=NOW)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("services", services),
        ("items", items),
        ("changes", changes),
        ("checks", checks),
        ("rules", rules),
        ("categories", categories),
        ("people", people),
        ("audit", items),
    ],
)
def test_fifty_rows_cost_as_many_queries_as_one(
    admin: Client, name: str, make: Callable[[int], None]
) -> None:
    address = reverse(f"console:{name}")

    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert admin.get(address).status_code == 200
        return len(captured)

    sid = connection.savepoint() if connection.in_atomic_block else ""
    make(1)
    admin.get(address)
    one = cost()
    connection.savepoint_rollback(sid)
    make(50)
    assert cost() <= one + 1
    assert one <= 20
