from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.desk import actions, bulk, queries
from firstline.desk.filters import parse
from firstline.incidents.actions import editing, working
from firstline.incidents.models import Incident
from tests.unit.desk.office import NOW, Office


def ids(office: Office, text: str, **more: object) -> list[int]:
    return [row.incident.pk for row in queries.queue(office.viewer(), parse(text), now=NOW, **more).rows]


def test_the_order_is_work_next_and_pages_follow_without_gap(office: Office) -> None:
    made = [office.report(f"Mail hangs {n}", age=timedelta(hours=n)) for n in range(7)]
    Incident.objects.filter(pk=made[0].pk).update(work_next_at=NOW - timedelta(days=2))
    expected = list(Incident.objects.order_by("work_next_at", "id").values_list("id", flat=True))
    assert expected[0] == made[0].pk

    seen, cursor = [], None
    while True:
        page = queries.queue(office.viewer(), parse("is:open"), now=NOW, cursor=cursor, size=3)
        seen += [row.incident.pk for row in page.rows]
        cursor = page.next
        if cursor is None:
            break
    assert seen == expected


def test_a_damaged_cursor_is_refused(office: Office) -> None:
    with pytest.raises(Invalid, match="cursor"):
        queries.queue(office.viewer(), parse("is:open"), now=NOW, cursor="nonsense")


@pytest.mark.parametrize("filter_", ["is:open", "is:open is:risk is:unread is:watched", "vpn"])
def test_the_number_of_queries_does_not_depend_on_the_number_of_rows(office: Office, filter_: str) -> None:
    def used() -> int:
        viewer = office.viewer()
        with CaptureQueriesContext(
            connection,
        ) as caught:
            queries.queue(viewer, parse(filter_), now=NOW)
        return len(caught)

    office.report("vpn is slow")
    one = used()
    for n in range(49):
        office.report(f"vpn is slow {n}")
    assert used() == one <= 3


def test_counts_take_one_query_and_stop_at_a_thousand(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        office.report()
    monkeypatch.setattr(queries, "COUNTED_TO", 2)
    viewer = office.viewer()
    with CaptureQueriesContext(connection) as caught:
        found = queries.counts(
            viewer, [parse("is:open"), parse("is:open hang:x"), parse("is:open zebra")], now=NOW
        )
    assert len(caught) == 1
    assert found == [3, 0, 0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("is:open is:unassigned", {"loose", "security?"}),
        ("owner:me", {"mine"}),
        ("owner:none", {"loose", "security?"}),
        ("priority:P1", {"mine"}),
        ("group:mail-team", {"loose", "mine"}),
        ("service:mail", {"loose", "mine", "security?"}),
        ("caller:roman@example.org", {"loose", "mine", "security?"}),
        ("hold:caller", set()),
        ("state:cancelled", set()),
        ("opened:1h", {"mine"}),
        ("print", {"mine"}),
    ],
)
def test_each_filter_selects(office: Office, text: str, expected: set[str]) -> None:
    loose = office.report("Mail hangs", age=timedelta(hours=3))
    mine = office.report("Printing fails")
    other = office.report("Calendar", group_id=None, age=timedelta(hours=5))
    working.assign(mine.pk, assignee_id=office.agent.pk, actor=Actor.person(office.agent.pk), now=NOW)
    Incident.objects.filter(pk=mine.pk).update(priority=1)
    names = {loose.pk: "loose", mine.pk: "mine", other.pk: "security?"}
    assert {names[i] for i in ids(office, text)} == expected


def test_a_number_finds_its_incident_also_when_closed(office: Office) -> None:
    found = office.report("Something else")
    Incident.objects.filter(pk=found.pk).update(state="closed")
    assert ids(office, found.number) == [found.pk]
    assert ids(office, "is:open") == []


def test_security_incidents_are_neither_listed_nor_counted_nor_found_for_others(office: Office) -> None:
    secret = office.report("Credentials stolen", security=True, group_id=office.guards.pk)
    for text in ("is:open", "credentials", secret.number, "is:security"):
        assert ids(office, text) == []
        assert queries.counts(office.viewer(), [parse(text)], now=NOW) == [0]
    assert queries.rows(office.viewer(), [secret.pk]) == []
    guard = queries.queue(office.viewer(office.guard), parse("credentials"), now=NOW)
    assert [row.incident.pk for row in guard.rows] == [secret.pk]


def test_synthetic_incidents_are_left_out(office: Office) -> None:
    office.report("Selftest", synthetic=True)
    assert ids(office, "is:any") == []


def test_unread_until_seen_and_again_after_a_change(office: Office) -> None:
    incident = office.report()
    viewer = office.viewer()

    def unread() -> bool:
        return queries.rows(viewer, [incident.pk])[0].unread

    assert unread()
    actions.mark_seen(office.agent.pk, incident.pk, incident.version, now=NOW)
    assert not unread()
    editing.add_task(incident.pk, "Look at the log", actor=Actor.person(office.agent.pk), now=NOW)
    assert unread()


def test_newcomers_are_counted_since_an_instant(office: Office) -> None:
    office.report("old", age=timedelta(hours=1))
    office.report("new")
    since = NOW - timedelta(minutes=1)
    assert queries.newcomers(office.viewer(), parse("is:open"), since=since, now=NOW) == 1


def test_the_position_is_explained_by_the_terms_that_made_it(office: Office) -> None:
    incident = office.report()
    position = queries.explain(office.viewer(), incident)
    assert position.by == "patience"
    assert position.at == incident.work_next_at
    assert position.base - position.boost == position.at
    first = office.report("before", age=timedelta(days=1))
    assert queries.place(office.viewer(), incident, now=NOW) == 1
    assert queries.place(office.viewer(), first, now=NOW) == 0


def test_bulk_gives_a_result_for_each(office: Office) -> None:
    good, gone = office.report(), office.report()
    Incident.objects.filter(pk=gone.pk).update(state="closed")
    actor = Actor.person(office.agent.pk)
    results = bulk.act([good.pk, gone.pk, 999_999], verb="take", value="", actor=actor, now=NOW)
    assert [result.ok for result in results] == [True, False, False]
    assert "final" in results[1].message
    good.refresh_from_db()
    assert (good.assignee_id, good.state) == (office.agent.pk, "in_progress")


@pytest.mark.parametrize(("verb", "chosen"), [("explode", [1]), ("take", []), ("take", list(range(1, 300)))])
def test_bulk_refuses_nonsense(office: Office, verb: str, chosen: list[int]) -> None:
    with pytest.raises(Invalid):
        bulk.act(chosen, verb=verb, value="", actor=Actor.person(office.agent.pk), now=NOW)
