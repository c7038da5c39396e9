"""Edits of the catalogue: what is refused, what is recorded, what follows."""

from datetime import UTC, datetime, timedelta

import pytest

from firstline.accounts.actions import create_person
from firstline.accounts.viewer import SYSTEM
from firstline.catalog import actions, calendars, queries
from firstline.catalog.calendar import Calendar, same_hours
from firstline.catalog.editing import fingerprint, values
from firstline.core import event_log
from firstline.core.actor import Actor
from firstline.core.errors import Conflict, Invalid, NotAllowed

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SETUP = Actor.system("test")


def service(name: str, *needs: int) -> int:
    return actions.create_service(name=name, upstream_ids=needs, actor=SETUP, now=NOW).id


def administrator() -> Actor:
    person = create_person(email="admin@example.org", roles=["administrator"], actor=SETUP, now=NOW)
    return Actor.person(person.id)


def test_a_service_knows_everything_above_and_below_it() -> None:
    disk = service("Disk")
    database = service("Database", disk)
    shop = service("Shop", database)

    assert queries.upstream(shop) == {database: 1, disk: 2}
    assert queries.downstream(disk) == {database: 1, shop: 2}


def test_a_circle_of_dependencies_is_refused_and_says_through_whom() -> None:
    disk = service("Disk")
    shop = service("Shop", service("Database", disk))

    with pytest.raises(Invalid, match="Shop needs Disk") as refused:
        actions.set_dependencies(disk, [shop], actor=SETUP, now=NOW)
    assert "upstream" in refused.value.fields
    assert queries.upstream(disk) == {}


def test_a_name_is_taken_in_any_case() -> None:
    service("Webshop")
    with pytest.raises(Invalid) as refused:
        service("webSHOP")
    assert list(refused.value.fields) == ["name"]


@pytest.mark.parametrize(("several", "site", "everyone"), [(1, 10, 50), (5, 4, 50), (2, 60, 50)])
def test_thresholds_of_extent_ascend(several: int, site: int, everyone: int) -> None:
    with pytest.raises(Invalid) as refused:
        actions.create_service(
            name="S", several_from=several, site_from=site, all_from=everyone, actor=SETUP, now=NOW
        )
    assert list(refused.value.fields) == ["several_from"]


def test_an_edit_made_from_an_old_page_is_refused_and_changes_nothing() -> None:
    made = actions.create_service(name="Mail", actor=SETUP, now=NOW)
    old = fingerprint(values(queries.service(SYSTEM, made.id), actions.SERVICE))
    actions.edit_service(made.id, name="Post", seen=old, actor=SETUP, now=NOW)

    with pytest.raises(Conflict):
        actions.edit_service(made.id, name="Letters", seen=old, actor=SETUP, now=NOW)
    assert queries.service(SYSTEM, made.id).name == "Post"


def test_each_edit_is_an_event_with_from_and_to_and_none_without_a_difference() -> None:
    admin = administrator()
    made = actions.create_service(name="Mail", actor=admin, now=NOW)
    actions.edit_service(made.id, criticality="high", actor=admin, now=NOW)
    actions.edit_service(made.id, criticality="high", actor=admin, now=NOW)

    events = [event for event in event_log.read("configuration", made.id) if event.actor == admin]
    assert [event.verb for event in events][-2:] == ["configuration_created", "configuration_changed"]
    assert events[-1].changes == {"criticality": ("medium", "high")}


def test_only_administrators_edit_and_owners_their_own_service() -> None:
    admin = administrator()
    owner = create_person(email="o@example.org", roles=["service_owner"], actor=SETUP, now=NOW)
    agent = create_person(email="a@example.org", roles=["agent"], actor=SETUP, now=NOW)
    own = actions.create_service(name="Own", owner_id=owner.id, actor=admin, now=NOW)
    other = actions.create_service(name="Other", actor=admin, now=NOW)

    assert actions.edit_service(own.id, users=7, actor=Actor.person(owner.id), now=NOW).users == 7
    for who, service_id in ((owner, other.id), (agent, own.id)):
        with pytest.raises(NotAllowed):
            actions.edit_service(service_id, users=9, actor=Actor.person(who.id), now=NOW)
    with pytest.raises(NotAllowed):
        actions.create_category(name="X", actor=Actor.person(agent.id), now=NOW)


def test_paths_below_a_renamed_category_follow() -> None:
    top = actions.create_category(name="Hardware", actor=SETUP, now=NOW)
    below = actions.create_category(name="Printer", parent_id=top.id, actor=SETUP, now=NOW)
    actions.create_category(name="Paper", parent_id=below.id, actor=SETUP, now=NOW)

    actions.edit_category(top.id, name="Devices", actor=SETUP, now=NOW)

    paths = [category.path for category in queries.categories(SYSTEM)]
    assert paths == ["Devices", "Devices › Printer", "Devices › Printer › Paper"]


def test_a_category_never_lies_below_itself() -> None:
    top = actions.create_category(name="A", actor=SETUP, now=NOW)
    below = actions.create_category(name="B", parent_id=top.id, actor=SETUP, now=NOW)
    with pytest.raises(Invalid):
        actions.edit_category(top.id, parent_id=below.id, actor=SETUP, now=NOW)


def test_two_items_never_share_a_name_or_alias() -> None:
    actions.create_item(name="db1", aliases=["db1.example.org"], actor=SETUP, now=NOW)
    with pytest.raises(Invalid):
        actions.create_item(name="db2", aliases=["db1.example.org"], actor=SETUP, now=NOW)
    found = queries.item_named("db1.example.org")
    assert found is not None and found.name == "db1"


def test_a_change_reported_twice_by_a_tool_is_one_change() -> None:
    tool = Actor.source(4)
    shop = service("Shop")
    for title in ("Deploy 1.2", "Deploy 1.2 done"):
        actions.record_change(
            title=title, service_id=shop, source_id=4, source_key="run-9", actor=tool, now=NOW
        )
    (found,) = queries.recent_changes([shop], None, before=NOW, within=timedelta(hours=1))
    assert (found.title, found.happened_at) == ("Deploy 1.2 done", NOW)


def test_recent_changes_are_in_the_window_and_never_cancelled() -> None:
    shop = service("Shop")
    for title, hours, state in (
        ("old", 80, "implemented"),
        ("new", 2, "implemented"),
        ("off", 1, "cancelled"),
    ):
        actions.record_change(
            title=title,
            service_id=shop,
            state=state,
            happened_at=NOW - timedelta(hours=hours),
            actor=SETUP,
            now=NOW,
        )
    actions.record_change(
        title="under way",
        service_id=shop,
        state="implementing",
        planned_start=NOW - timedelta(hours=1),
        planned_end=NOW + timedelta(hours=1),
        actor=SETUP,
        now=NOW,
    )
    found = queries.recent_changes([shop], None, before=NOW, within=timedelta(hours=72))
    assert [change.title for change in found] == ["under way", "new"]


def test_an_edited_calendar_keeps_what_the_past_said() -> None:
    before = Calendar(zone="UTC", week=same_hours("mon", "09:00", "17:00"))
    after = Calendar(zone="UTC", week=same_hours("mon tue", "09:00", "17:00"))
    made = calendars.create_calendar(name="Office", definition=before, actor=SETUP, now=NOW)
    later = NOW + timedelta(days=5)
    calendars.edit_calendar(made.id, name="Office", definition=after, actor=SETUP, now=later)
    calendars.edit_calendar(made.id, name="Office hours", definition=after, actor=SETUP, now=later)

    assert queries.calendar_at(made.id, later - timedelta(seconds=1)) == before
    assert queries.calendar_at(made.id, later) == after
    assert queries.calendar(SYSTEM, made.id).edits == 2  # type: ignore[attr-defined]
