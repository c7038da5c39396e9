"""Figures against incidents whose story is known."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from firstline.accounts.actions import create_group, create_person
from firstline.accounts.viewer import SYSTEM, Viewer, viewer_of
from firstline.catalog import actions as catalog
from firstline.closure.models import Confirmation
from firstline.core import due
from firstline.core.actor import Actor
from firstline.incidents import actions as incidents
from firstline.incidents.lifecycle import ClosedHow
from firstline.incidents.models import Incident
from firstline.problems import actions as problems
from firstline.reports import export, keeping, queries
from firstline.reports.models import ClosedRecord
from firstline.reports.periods import Period
from firstline.reports.queries import Measured, Wanted

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SETUP = Actor.system("test")
NOVEMBER = Wanted(period=Period(date(2026, 11, 1), date(2026, 11, 30)))


def incident(at: datetime, title: str = "Printer", **fields: Any) -> int:
    report = incidents.Report(title=title, channel="monitoring", received_at=at, detected_at=at, **fields)
    return incidents.register_one(report, actor=SETUP, now=at).id


def resolve(number: int, at: datetime) -> None:
    incidents.resolve(number, code="fixed", notes="Done", actor=SETUP, now=at)


@pytest.fixture(autouse=True)
def code() -> None:
    catalog.create_code(code="fixed", name="Fixed", actor=SETUP, now=NOW)


def story() -> dict[str, int]:
    """Two printers on 2 and 3 November, the first resolved in 4 h and confirmed, one mail still open."""
    printing = catalog.create_service(name="Printing", actor=SETUP, now=NOW).id
    mail = catalog.create_service(name="Mail", actor=SETUP, now=NOW).id
    start = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
    first = incident(start, service_id=printing)
    resolve(first, start + timedelta(hours=4))
    incidents.close([first], how=ClosedHow.CALLER, actor=SETUP, now=start + timedelta(hours=5))
    second = incident(start + timedelta(days=1), service_id=printing)
    resolve(second, start + timedelta(days=1, hours=2))
    incidents.reopen(second, actor=SETUP, now=start + timedelta(days=1, hours=3))
    resolve(second, start + timedelta(days=1, hours=8))
    third = incident(start + timedelta(days=10), service_id=mail)
    incident(start - timedelta(days=40), service_id=mail)
    incident(start, service_id=mail, synthetic=True)
    return {"first": first, "second": second, "third": third, "printing": printing, "mail": mail}


def test_the_totals_of_a_month() -> None:
    story()
    found = queries.report(SYSTEM, NOVEMBER, now=NOW)
    assert (found.total.opened, found.total.resolved, found.total.reopened) == (3, 2, 1)
    assert found.total.resolve == timedelta(hours=6)  # 4 and 8
    assert found.how == {"caller": 1}
    assert (found.backlog, found.ages["older"], found.ages["30d"]) == (2, 1, 1)
    assert found.over_time[date(2026, 11, 2)] == Measured(opened=1, resolved=1, resolve=timedelta(hours=4))
    assert sum(m.opened for m in found.over_time.values()) == 3


def test_narrowed_and_by_dimension() -> None:
    made = story()
    by_service = queries.by_dimension(SYSTEM, NOVEMBER, "service")
    assert {name: m.opened for name, m in by_service.items()} == {"Printing": 2, "Mail": 1}
    only_mail = Wanted(period=NOVEMBER.period, service_id=made["mail"])
    assert queries.report(SYSTEM, only_mail, now=NOW).total.opened == 1
    over_time = queries.opened_over_time(SYSTEM, NOVEMBER, "service")
    assert over_time["Printing"] == {date(2026, 11, 2): 1, date(2026, 11, 3): 1}


def test_a_closed_incident_keeps_the_names_of_its_day() -> None:
    made = story()
    assert keeping.run(NOW) == 1
    catalog.edit_service(made["printing"], name="Print and scan", actor=SETUP, now=NOW)

    assert ClosedRecord.objects.get(incident_id=made["first"]).service == "Printing"
    by_service = queries.by_dimension(SYSTEM, NOVEMBER, "service")
    assert {name: m.opened for name, m in by_service.items()} == {
        "Printing": 1,
        "Print and scan": 1,
        "Mail": 1,
    }
    assert keeping.run(NOW) == 0


def test_what_nobody_asked_to_keep_is_swept_up_once() -> None:
    made = story()
    due.unschedule(keeping.KIND, [made["first"]])
    assert (keeping.run(NOW), keeping.sweep(NOW), keeping.sweep(NOW)) == (0, 1, 0)
    assert ClosedRecord.objects.get().service == "Printing"


def test_no_answer_is_no_mark() -> None:
    made = story()
    person = create_person(email="c@example.org", actor=SETUP, now=NOW)
    Confirmation.objects.filter(incident_id=made["first"]).delete()
    Confirmation.objects.create(
        incident_id=made["first"], person=person, asked_at=NOW, ask_rating=True, answer="fixed"
    )
    found = queries.report(SYSTEM, NOVEMBER, now=NOW)
    assert (found.ratings, found.unrated, found.rating) == ({}, 1, None)
    Confirmation.objects.update(rating=4, rated_at=NOW)
    found = queries.report(SYSTEM, NOVEMBER, now=NOW)
    assert (found.ratings, found.unrated, found.rating) == ({4: 1}, 0, 4.0)


def test_security_incidents_are_in_no_figure_and_no_export_of_others() -> None:
    group = create_group(name="SOC", security=True, actor=SETUP, now=NOW)
    incident(NOW, title="Phishing", security=True, group_id=group.id)
    agent = viewer_of(create_person(email="a@example.org", roles=["agent"], actor=SETUP, now=NOW).id)
    assert queries.report(agent, NOVEMBER, now=NOW).total.opened == 0
    assert queries.by_dimension(agent, NOVEMBER, "group") == {}
    assert not queries.rows_behind(agent, NOVEMBER, "opened", now=NOW).exists()
    assert queries.report(SYSTEM, NOVEMBER, now=NOW).total.opened == 1


def test_what_comes_back_is_named_with_its_incidents_until_it_has_a_problem() -> None:
    service = catalog.create_service(name="VPN", actor=SETUP, now=NOW).id
    category = catalog.create_category(name="Drops", actor=SETUP, now=NOW).id
    numbers = [incident(NOW, service_id=service, category_id=category) for _ in range(3)]
    incident(NOW, service_id=service)
    (found,) = queries.recurring(SYSTEM, NOVEMBER)
    assert (found.service, found.category, found.count, found.ids) == ("VPN", "Drops", 3, numbers)
    problems.open_problem(title="VPN drops", incident_ids=numbers[:1], actor=SETUP, now=NOW)
    assert queries.recurring(SYSTEM, NOVEMBER) == []


def test_each_figure_counts_the_rows_of_its_export() -> None:
    story()
    found = queries.report(SYSTEM, NOVEMBER, now=NOW)
    figures = {
        "opened": found.total.opened,
        "resolved": found.total.resolved,
        "backlog": found.backlog,
        "closed": sum(found.how.values()),
    }
    assert {name: queries.rows_behind(SYSTEM, NOVEMBER, name, now=NOW).count() for name in figures} == figures


def test_the_number_of_queries_does_not_grow(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    service = catalog.create_service(name="S", actor=SETUP, now=NOW).id
    for n in range(50):
        incident(NOW - timedelta(hours=n), service_id=service)
    viewer: Viewer = SYSTEM
    with django_assert_max_num_queries(14):
        queries.report(viewer, NOVEMBER, now=NOW)
        queries.by_dimension(viewer, NOVEMBER, "service")
        queries.opened_over_time(viewer, NOVEMBER, "service")


@pytest.mark.parametrize("title", ["=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)", "  =1", "\t=1"])
def test_nothing_in_an_export_runs_as_a_formula(title: str) -> None:
    assert export.safe(title).startswith("'")


def test_an_export_reads_back_as_csv() -> None:
    made = story()
    Incident.objects.filter(id=made["first"]).update(title='=1+1 "quoted", with\na line')
    text = "".join(export.lines(queries.rows_behind(SYSTEM, NOVEMBER, "opened", now=NOW)))
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    assert [row["number"] for row in rows] == [f"INC-{made[k]:06d}" for k in ("first", "second", "third")]
    assert rows[0]["title"] == '\'=1+1 "quoted", with\na line'
    assert (rows[0]["minutes_to_resolve"], rows[0]["closed_how"], rows[2]["resolved_at"]) == (
        "240.0",
        "caller",
        "",
    )
