"""Registration is followed by categorised → compared → prioritised → owned, in this order, in the log too."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from firstline.accounts.actions import create_group, create_person
from firstline.catalog.models import Category, Service, ServiceDependency
from firstline.classification.models import Rule
from firstline.core.actor import Actor
from firstline.core.event_log import read
from firstline.core.models import Due
from firstline.incidents import actions
from firstline.incidents.models import Incident
from firstline.workflow import triage

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ENGINE = Actor.system("test")
pytestmark = pytest.mark.django_db


@pytest.fixture
def service() -> Service:
    create_group(name="Desk", catch_all=True, actor=ENGINE, now=NOW)
    group = create_group(name="Network", actor=ENGINE, now=NOW)
    return Service.objects.create(name="VPN", slug="vpn", criticality="high", group=group)


def report(title: str, service: Service | None, minutes: int = 0, **fields: object) -> Incident:
    at = NOW + timedelta(minutes=minutes)
    caller = create_person(email=f"caller{Incident.objects.count()}@example.org", actor=ENGINE, now=at)
    facts = {
        "title": title,
        "channel": "portal",
        "received_at": at,
        "caller_id": caller.id,
        "service_id": service.id if service else None,
    }
    incident = actions.register_one(actions.Report(**facts | fields), actor=ENGINE, now=at)
    assert triage.run(at) == 1
    incident.refresh_from_db()
    return incident


def verbs(incident: Incident) -> list[str]:
    return [event.verb for event in read("incident", incident.id)]


def test_the_order_of_the_stages_is_the_order_of_the_log(service: Service) -> None:
    incident = report("VPN drops", service)
    assert verbs(incident) == ["opened", "categorised", "compared", "prioritised", "assigned"]
    assert incident.group == service.group
    assert incident.priority == 4


def test_a_rule_categorises_and_says_why(service: Service) -> None:
    category = Category.objects.create(name="VPN", path="Network › VPN")
    rule = Rule.objects.create(name="vpn in title", condition={"contains": ["vpn"]}, category=category)
    incident = report("My VPN drops", service)
    assert incident.category == category
    categorised = next(e for e in read("incident", incident.id) if e.verb == "categorised")
    assert categorised.actor.id == rule.id


def test_without_service_the_catch_all_group_owns_it(service: Service) -> None:
    incident = report("Something odd", None)
    assert incident.group is not None
    assert incident.group.catch_all


def test_reports_on_one_service_add_up_and_the_third_proposes_a_major_incident(service: Service) -> None:
    first = report("Cannot connect", service)
    assert (first.extent, first.major) == ("one", "")
    second = report("Tunnel broken", service, 5)
    assert second.extent == "several"
    report("No access from home", service, 10)
    first.refresh_from_db()
    assert first.major == "proposed"


def test_a_probable_duplicate_takes_the_priority_of_the_original(service: Service) -> None:
    original = report("Mail freezes on send", service, can_work="no", extent="all")
    duplicate = report("mail freezes on send since morning", service, 40)
    assert duplicate.priority == original.priority == 1
    compared = next(e for e in read("incident", duplicate.id) if e.verb == "compared")
    assert [pair[0] for pair in compared.duplicates] == [original.id]


def test_neighbours_are_incidents_of_services_it_depends_on(service: Service) -> None:
    network = Service.objects.create(name="Core network", slug="core")
    ServiceDependency.objects.create(service=service, upstream=network)
    upstream = report("Switch restarts", network)
    incident = report("VPN drops", service, 50)
    compared = next(e for e in read("incident", incident.id) if e.verb == "compared")
    assert compared.neighbours == [upstream.id]


def test_me_too_raises_priority_and_never_lowers_it(service: Service) -> None:
    incident = report("VPN drops", service, can_work="no")
    before = incident.priority
    for n in range(60):
        actions.me_too(
            incident.id,
            person_id=create_person(email=f"p{n}@example.org", actor=ENGINE, now=NOW).id,
            actor=ENGINE,
            now=NOW,
        )
    triage.run_reassess(NOW)
    incident.refresh_from_db()
    assert (before, incident.priority, incident.extent) == (3, 1, "all")


def test_a_broken_rule_cannot_prevent_registration_or_what_follows(service: Service) -> None:
    Rule.objects.create(name="broken", condition={"contains": 7})
    incident = report("VPN drops", service)
    assert incident.priority == 4
    assert not Due.objects.filter(kind="triage").exists()


def test_a_row_that_fails_is_pushed_back_and_holds_up_nobody(service: Service) -> None:
    caller = create_person(email="c@example.org", actor=ENGINE, now=NOW)
    facts = {"channel": "portal", "received_at": NOW, "caller_id": caller.id, "service_id": service.id}
    good, bad = (
        actions.register_one(actions.Report(title=title, **facts), actor=ENGINE, now=NOW) for title in "gb"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF NEW.subject_id = {bad.id} AND NEW.verb = 'prioritised' THEN RAISE EXCEPTION 'broken row';
            END IF; RETURN NEW; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse()"""
        )
    triage.run(NOW)
    good.refresh_from_db()
    assert good.priority == 4
    (left,) = Due.objects.filter(kind="triage")
    assert (left.subject_id, left.attempts) == (bad.id, 1)
    assert "broken row" in left.error
    assert left.due_at > NOW
