"""Evidence gathered from a real database, and what each viewer sees of it."""

import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from firstline.accounts.actions import create_group, create_person, set_members
from firstline.accounts.viewer import Viewer, viewer_of
from firstline.catalog import actions as catalog
from firstline.core import installation
from firstline.core.actor import Actor
from firstline.diagnosis import actions, queries
from firstline.diagnosis.models import CheckRun, Evidence
from firstline.incidents import actions as incidents
from firstline.incidents.models import Incident
from firstline.problems import actions as problems

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SETUP = Actor.system("test")


def incident(title: str, description: str = "", at: datetime = NOW, **fields: Any) -> Incident:
    report = incidents.Report(
        title=title, description=description, channel="monitoring", received_at=at, detected_at=at, **fields
    )
    return incidents.register_one(report, actor=SETUP, now=at)


def agent(name: str = "agent", *groups: int) -> Viewer:
    person = create_person(email=f"{name}@example.org", roles=["agent"], actor=SETUP, now=NOW)
    for group in groups:
        set_members(group, {person.id: False}, actor=SETUP, now=NOW)
    return viewer_of(person.id)


def shown(viewer: Viewer, row: Incident) -> dict[str, list[str]]:
    actions.gather_evidence(row.id, now=NOW)
    found = queries.evidence_for(viewer, Incident.objects.get(id=row.id))
    return {kind: [item.data["title"] for item in items] for kind, items in found.items()}


def test_similar_incidents_by_title_description_and_resolution() -> None:
    catalog.create_code(code="fixed", name="Fixed", actor=SETUP, now=NOW)
    earlier = NOW - timedelta(days=20)
    first = incident("Outlook keeps asking for the password", at=earlier)
    incidents.resolve(
        first.id,
        code="fixed",
        notes="Removed stale credentials",
        actor=SETUP,
        now=earlier + timedelta(hours=2),
    )
    incident("Coffee machine leaks", "in the kitchen", at=earlier)
    row = incident("Password prompt again and again", "Outlook asks every minute; stale credentials?")

    viewer = agent()
    assert shown(viewer, row) == {"similar": ["Outlook keeps asking for the password"]}
    (item,) = queries.evidence_for(viewer, row)["similar"]
    assert item.data["detail"] == f"{first.number} · resolved in 2 h 0 min · Fixed"
    assert "outlook" in item.why["text"]
    assert item.data["resolution"] == "Removed stale credentials"


def test_synthetic_merged_and_cancelled_ones_are_left_out() -> None:
    original = incident("Badge reader at the gate broken")
    incident("Badge reader at the gate broken", synthetic=True)
    merged = incident("Badge reader at the gate broken")
    incidents.merge(merged.id, original.id, actor=SETUP, now=NOW)
    cancelled = incident("Badge reader at the gate broken")
    incidents.cancel(cancelled.id, reason="false_alarm", actor=SETUP, now=NOW)
    row = incident("Badge reader broken at the gate")
    actions.gather_evidence(row.id, now=NOW)
    assert [e.data["incident_id"] for e in Evidence.objects.filter(incident=row, kind="similar")] == [
        original.id
    ]


def test_security_incidents_are_similar_to_their_own_group_only() -> None:
    soc = create_group(name="SOC", security=True, actor=SETUP, now=NOW)
    other = create_group(name="CERT", security=True, actor=SETUP, now=NOW)
    secret = incident("Phishing mail from payroll", security=True, group_id=soc.id)
    elsewhere = incident("Phishing mail from payroll", security=True, group_id=other.id)
    ordinary = incident("Strange phishing mail from payroll")
    fresh = incident("Another phishing mail from payroll", security=True, group_id=soc.id)
    analyst, outsider = agent("soc", soc.id), agent()

    assert "similar" not in shown(outsider, ordinary)
    actions.gather_evidence(fresh.id, now=NOW)
    found = {e.data["incident_id"] for e in Evidence.objects.filter(incident=fresh, kind="similar")}
    assert found == {secret.id, ordinary.id}
    assert elsewhere.id not in found
    seen = queries.evidence_for(analyst, fresh)["similar"]
    assert {item.data["incident_id"] for item in seen} == {secret.id, ordinary.id}
    # whoever reads the evidence of somebody else's incident sees only what is theirs to see
    assert {i.data["incident_id"] for i in queries.evidence_for(outsider, fresh)["similar"]} == {ordinary.id}


def test_where_agents_read_only_their_groups_evidence_is_from_the_same_group() -> None:
    installation.put("agents_read_all", False, actor=SETUP, now=NOW)
    ours = create_group(name="Ours", actor=SETUP, now=NOW)
    theirs = create_group(name="Theirs", actor=SETUP, now=NOW)
    near = incident("Scanner jams on page two", group_id=ours.id)
    incident("Scanner jams on page two", group_id=theirs.id)
    row = incident("Scanner jams on page two again", group_id=ours.id)
    actions.gather_evidence(row.id, now=NOW)
    assert [e.data["incident_id"] for e in Evidence.objects.filter(kind="similar")] == [near.id]


def test_quotes_and_operators_in_a_report_are_only_words() -> None:
    incident("O'Brien's report & \\ | ! :* <-> (x)")
    row = incident("o'brien's REPORT '); DROP TABLE incident; --")
    assert "similar" in shown(agent(), row)


def test_upstream_trouble_recent_changes_and_scale() -> None:
    disk = catalog.create_service(name="Storage", actor=SETUP, now=NOW)
    base = catalog.create_service(name="Database", upstream_ids=[disk.id], actor=SETUP, now=NOW)
    shop = catalog.create_service(name="Shop", upstream_ids=[base.id], users=500, actor=SETUP, now=NOW)
    catalog.create_service(name="Checkout", upstream_ids=[shop.id], users=300, actor=SETUP, now=NOW)
    incident("Disk array offline", service_id=disk.id, degradation="down")
    item = catalog.create_item(name="db1", service_id=base.id, actor=SETUP, now=NOW)
    catalog.record_change(
        title="Upgrade to 18",
        reference="CHG-7",
        service_id=base.id,
        happened_at=NOW - timedelta(hours=7),
        actor=SETUP,
        now=NOW,
    )
    catalog.record_change(
        title="Months ago", service_id=base.id, happened_at=NOW - timedelta(days=60), actor=SETUP, now=NOW
    )
    row = incident("Orders fail", service_id=shop.id, ci_id=item.id)

    found = shown(agent(), row)

    assert found["upstream"] == ["Storage: down"]
    assert found["change"] == ["CHG-7 Upgrade to 18"]
    assert found["downstream"] == ["1 service depends on it · 300 users"]
    change = queries.evidence_for(agent("b"), row)["change"][0]
    assert (change.data["tone"], change.data["detail"]) == (
        "alarm",
        "Database · 7 h 0 min before it was noticed",
    )


def test_a_security_incident_upstream_is_not_told_of() -> None:
    soc = create_group(name="SOC", security=True, actor=SETUP, now=NOW)
    base = catalog.create_service(name="Mail", actor=SETUP, now=NOW)
    shop = catalog.create_service(name="Shop", upstream_ids=[base.id], actor=SETUP, now=NOW)
    incident("Mail server compromised", service_id=base.id, security=True, group_id=soc.id)
    row = incident("Orders fail", service_id=shop.id)
    assert shown(agent(), row) == {}


def test_known_errors_and_the_runbook_of_the_nearest_category() -> None:
    top = catalog.create_category(
        name="Network", runbook="# Look at the uplink\nThen …", actor=SETUP, now=NOW
    )
    vpn = catalog.create_category(name="VPN", parent_id=top.id, actor=SETUP, now=NOW)
    problem = problems.open_problem(title="VPN drops hourly", actor=SETUP, now=NOW)
    problems.publish_known_error(problem.id, workaround="Connect again.", actor=SETUP, now=NOW)
    row = incident("VPN drops", category_id=vpn.id)

    viewer = agent()
    assert shown(viewer, row) == {"known_error": ["VPN drops hourly"], "runbook": ["Look at the uplink"]}
    assert queries.evidence_for(viewer, row)["known_error"][0].data["text"] == "Connect again."
    problems.withdraw_known_error(problem.id, actor=SETUP, now=NOW)
    assert "known_error" not in queries.evidence_for(viewer, row)


def test_registered_checks_are_asked_and_a_failing_one_points_at_the_cause() -> None:
    base = catalog.create_service(name="Database", actor=SETUP, now=NOW)
    shop = catalog.create_service(name="Shop", upstream_ids=[base.id], actor=SETUP, now=NOW)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        actions.create_check(
            name="Shop front",
            kind="tcp",
            target=f"127.0.0.1:{port}",
            service_id=shop.id,
            actor=SETUP,
            now=NOW,
        )
        with socket.create_server(("127.0.0.1", 0)) as closed:
            dead = closed.getsockname()[1]
        actions.create_check(
            name="Database port",
            kind="tcp",
            target=f"127.0.0.1:{dead}",
            service_id=base.id,
            actor=SETUP,
            now=NOW,
        )
        row = incident("Orders fail", service_id=shop.id)
        assert actions.run_checks(row.id, now=NOW) == 2
        again = incident("Orders fail too", service_id=shop.id)
        actions.run_checks(again.id, now=NOW + timedelta(seconds=5))

    items = queries.evidence_for(agent(), row)["check"]
    assert [item.data["title"] for item in items] == ["Database port: fails", "Shop front: answers"]
    assert [item.data.get("tone") for item in items] == ["alarm", None]
    assert items[0].data["detail"].startswith("refuses connections")
    assert CheckRun.objects.count() == 2  # the second incident within 30 s asked nothing


def test_showing_costs_the_same_for_little_and_for_much_evidence(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    row = incident("Something")
    viewer = agent()
    for n in range(50):
        other = incident(f"Other {n}")
        Evidence.objects.create(
            incident=row, kind="similar", key=str(n), data={"incident_id": other.id}, seen_at=NOW
        )
    with django_assert_max_num_queries(8):
        assert len(queries.evidence_for(viewer, row)["similar"]) == 50


def test_looking_again_replaces_what_was_found() -> None:
    first = incident("Projector lamp is dim")
    row = incident("Projector lamp dim again")
    assert shown(agent(), row) == {"similar": ["Projector lamp is dim"]}
    incidents.cancel(first.id, reason="false_alarm", actor=SETUP, now=NOW)
    actions.gather_evidence(row.id, now=NOW)
    assert not Evidence.objects.filter(incident=row).exists()
