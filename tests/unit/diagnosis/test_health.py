"""How services are: by what is open on them, and on what they need."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from firstline.accounts.actions import create_group, create_person
from firstline.accounts.viewer import SYSTEM, viewer_of
from firstline.catalog import actions as catalog
from firstline.core.actor import Actor
from firstline.diagnosis import health
from firstline.incidents import actions as incidents

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SETUP = Actor.system("test")


def service(name: str, *needs: int) -> int:
    return catalog.create_service(name=name, upstream_ids=needs, actor=SETUP, now=NOW).id


def incident(service_id: int, **fields: Any) -> None:
    report = incidents.Report(
        title="X", channel="monitoring", received_at=NOW, service_id=service_id, **fields
    )
    incidents.register_one(report, actor=SETUP, now=NOW)


def states(*ids: int) -> list[str]:
    found = health.of_services(SYSTEM, ids)
    return [found[id].state for id in ids]


def test_down_degraded_suspect_healthy() -> None:
    disk = service("Disk")
    shop = service("Shop", service("Database", disk))
    mail = service("Mail")
    incident(disk, degradation="down")
    incident(mail)
    assert states(disk, shop, mail, service("DNS")) == ["down", "suspect", "degraded", "healthy"]
    assert health.of_services(SYSTEM, [shop])[shop].because_of == "Disk"


def test_one_persons_trouble_is_no_outage() -> None:
    printing = service("Printing")
    caller = create_person(email="c@example.org", actor=SETUP, now=NOW)
    incident(printing, caller_id=caller.id, degradation="down")
    assert states(printing) == ["healthy"]
    assert health.of_services(SYSTEM, [printing])[printing].incidents == 1
    incident(printing, caller_id=caller.id, extent="several")
    assert states(printing) == ["degraded"]


def test_security_incidents_say_nothing_to_others() -> None:
    soc = create_group(name="SOC", security=True, actor=SETUP, now=NOW)
    mail = service("Mail")
    incident(mail, security=True, group_id=soc.id, degradation="down")
    agent = viewer_of(create_person(email="a@example.org", roles=["agent"], actor=SETUP, now=NOW).id)
    assert health.of_services(agent, [mail])[mail] == health.Health()


def test_the_map_knows_both_ways_and_costs_the_same_for_many(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    base = service("Base")
    for n in range(30):
        service(f"On top {n}", base)
    row = catalog.found(catalog.Service, base, "service")
    with django_assert_max_num_queries(6):
        found = health.map_of(SYSTEM, row)
    assert (len(found.needed_by), found.needs) == (30, [])
