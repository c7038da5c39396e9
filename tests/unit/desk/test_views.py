import pytest

from firstline.accounts.models import Person
from firstline.core.actor import Actor
from firstline.core.errors import NotAllowed, NotFound
from firstline.core.models import Event
from firstline.desk import actions, queries
from tests.unit.desk.office import NOW, Office


def names(office: Office, person: Person) -> list[str]:
    return [view.name for view in queries.views(office.viewer(person)) if view.id]


def test_a_personal_view_is_its_owners_only(office: Office) -> None:
    actions.save_view(name=" My  P1 ", query="priority:p1", actor=Actor.person(office.agent.pk), now=NOW)
    assert names(office, office.agent) == ["My P1"]
    assert names(office, office.guard) == []


def test_saving_under_the_same_name_replaces(office: Office) -> None:
    actor = Actor.person(office.agent.pk)
    first = actions.save_view(name="Mine", query="is:open", actor=actor, now=NOW)
    second = actions.save_view(name="Mine", query="is:late", actor=actor, now=NOW)
    assert (second.pk, second.query) == (first.pk, "is:late")


def test_a_groups_view_is_for_its_members_and_leaves_an_event(office: Office) -> None:
    view = actions.save_view(
        name="Late", query="is:late", group_id=office.mail.pk, actor=Actor.person(office.agent.pk), now=NOW
    )
    assert names(office, office.agent) == ["Late"]
    assert names(office, office.guard) == []
    assert Event.objects.filter(verb="configuration_created", subject_id=view.pk).exists()
    with pytest.raises(NotAllowed):
        actions.delete_view(view.pk, actor=Actor.person(office.guard.pk), now=NOW)
    with pytest.raises(NotAllowed):
        actions.save_view(
            name="x", query="", group_id=office.mail.pk, actor=Actor.person(office.guard.pk), now=NOW
        )


def test_an_agent_does_not_share_with_everybody(office: Office) -> None:
    with pytest.raises(NotAllowed):
        actions.save_view(name="x", query="", shared=True, actor=Actor.person(office.agent.pk), now=NOW)


def test_somebody_elses_view_does_not_exist(office: Office) -> None:
    view = actions.save_view(name="x", query="", actor=Actor.person(office.agent.pk), now=NOW)
    with pytest.raises(NotFound):
        actions.delete_view(view.pk, actor=Actor.person(office.guard.pk), now=NOW)
    actions.delete_view(view.pk, actor=Actor.person(office.agent.pk), now=NOW)
    assert names(office, office.agent) == []


def test_the_tabs_begin_with_the_viewers_groups(office: Office) -> None:
    tabs = queries.views(office.viewer())
    assert (tabs[0].name, tabs[0].query) == ("Mail team", "is:open group:mail-team")
