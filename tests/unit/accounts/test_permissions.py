"""The permission table, and what viewers see."""

from datetime import UTC, datetime, timedelta

import pytest

from firstline.accounts.actions import (
    break_glass,
    create_group,
    create_person,
    create_setup_link,
    create_token,
    edit_person,
    revoke_token,
    set_members,
    setup_link_valid,
    token_of,
    use_setup_link,
)
from firstline.accounts.permissions import TABLE, Role, allows, scope_of
from firstline.accounts.viewer import viewer_of, viewer_of_token
from firstline.core import installation
from firstline.core.actor import Actor
from firstline.core.clock import now as database_now
from firstline.core.errors import Invalid, NotAllowed, NotFound
from firstline.core.models import Event
from firstline.incidents.actions import Report, note_read, register_one
from firstline.incidents.visibility import own, visible

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ENGINE = Actor.system("test")


def test_auditors_change_nothing_and_callers_see_only_their_own() -> None:
    changing = {verb for verb in TABLE if not verb.endswith((".read", ".use", ".own"))}
    assert {v for v in changing if allows({Role.AUDITOR, Role.CALLER}, v)} == {
        "report.create",
        "security.break_glass",
    }
    assert {v for v in TABLE if allows({Role.CALLER}, v)} == {"report.create", "incident.own"}


def test_only_administrators_edit_configuration() -> None:
    for verb in ("configuration.edit", "people.edit"):
        assert TABLE[verb] == {Role.ADMINISTRATOR}


def test_a_machine_needs_the_scope_as_well() -> None:
    assert allows({Role.MACHINE}, "incident.read", ["incident:read"])
    assert not allows({Role.MACHINE}, "incident.work", ["incident:read"])
    assert scope_of("incident.work") == "incident:write"


@pytest.mark.django_db
class TestVisibility:
    @pytest.fixture(autouse=True)
    def world(self) -> None:
        self.network = create_group(name="Network", actor=ENGINE, now=NOW)
        self.secret = create_group(name="Security", security=True, actor=ENGINE, now=NOW)
        self.agent = create_person(email="a@example.org", roles=["agent"], actor=ENGINE, now=NOW)
        self.analyst = create_person(email="s@example.org", roles=["agent"], actor=ENGINE, now=NOW)
        self.auditor = create_person(email="r@example.org", roles=["auditor"], actor=ENGINE, now=NOW)
        self.caller = create_person(email="c@example.org", actor=ENGINE, now=NOW)
        set_members(self.network.id, {self.agent.id: False}, actor=ENGINE, now=NOW)
        set_members(self.secret.id, {self.analyst.id: False}, actor=ENGINE, now=NOW)
        facts = {"channel": "portal", "received_at": NOW, "caller_id": self.caller.id}
        self.plain = register_one(
            Report(title="plain", group_id=self.network.id, **facts), actor=ENGINE, now=NOW
        )
        self.hidden = register_one(
            Report(title="hidden", group_id=self.secret.id, security=True, **facts), actor=ENGINE, now=NOW
        )

    def seen(self, person: object) -> set[int]:
        return set(visible(viewer_of(person.id)).values_list("id", flat=True))  # type: ignore[attr-defined]

    def test_security_incidents_are_seen_by_their_group_only(self) -> None:
        assert self.seen(self.agent) == {self.plain.id}
        assert self.seen(self.analyst) == {self.plain.id, self.hidden.id}
        assert self.seen(self.auditor) == {self.plain.id}
        assert self.seen(self.caller) == set()

    def test_the_caller_sees_both_own_reports(self) -> None:
        assert set(own(viewer_of(self.caller.id)).values_list("id", flat=True)) == {
            self.plain.id,
            self.hidden.id,
        }

    def test_agents_see_other_groups_only_if_allowed(self) -> None:
        installation.put("agents_read_all", False, actor=ENGINE, now=NOW)
        assert self.seen(self.analyst) == {self.hidden.id}

    def test_broken_glass_opens_for_its_time_needs_a_reason_and_reading_is_logged(self) -> None:
        at = database_now()
        with pytest.raises(Invalid):
            break_glass(reason=" ", hours=1, actor=Actor.person(self.auditor.id), now=at)
        with pytest.raises(NotAllowed):
            break_glass(reason="curious", hours=1, actor=Actor.person(self.agent.id), now=at)
        break_glass(reason="yearly audit", hours=1, actor=Actor.person(self.auditor.id), now=at)
        assert self.seen(self.auditor) == {self.plain.id, self.hidden.id}
        for _again in range(2):
            note_read(self.hidden, viewer_of(self.auditor.id), now=at)
        note_read(self.hidden, viewer_of(self.analyst.id), now=at)
        assert list(Event.objects.filter(verb="read").values_list("actor_id", flat=True)) == [self.auditor.id]

    def test_a_departed_person_is_no_viewer(self) -> None:
        edit_person(self.agent.id, is_active=False, actor=ENGINE, now=NOW)
        with pytest.raises(NotAllowed):
            viewer_of(self.agent.id)


@pytest.mark.django_db
def test_tokens_are_stored_hashed_expire_and_are_revoked() -> None:
    token, text = create_token(
        name="ci",
        scopes=["incident:read"],
        group_ids=[],
        expires_at=NOW + timedelta(days=1),
        actor=ENGINE,
        now=NOW,
    )
    assert text not in str(token.__dict__)
    assert token_of(text, now=NOW) == token
    assert token_of(text, now=NOW + timedelta(days=1)) is None
    assert viewer_of_token(token.id).roles == {Role.MACHINE}
    revoke_token(token.id, actor=ENGINE, now=NOW)
    assert token_of(text, now=NOW) is None
    with pytest.raises(NotAllowed):
        viewer_of_token(token.id)


@pytest.mark.django_db
def test_the_setup_link_makes_one_administrator_once() -> None:
    link = create_setup_link(now=NOW)
    assert setup_link_valid(link, now=NOW + timedelta(hours=23))
    assert not setup_link_valid(link, now=NOW + timedelta(hours=24))
    facts = {"email": "admin@example.org", "name": "Admin", "zone": "Europe/Kyiv", "now": NOW}
    with pytest.raises(Invalid):
        use_setup_link(link, password="123", **facts)
    person = use_setup_link(link, password="correct horse battery", **facts)
    assert viewer_of(person.id).may("configuration.edit")
    with pytest.raises(NotFound):
        use_setup_link(link, password="correct horse battery", **facts | {"email": "b@example.org"})
    with pytest.raises(Invalid, match="administrator already"):
        create_setup_link(now=NOW)


@pytest.mark.django_db
def test_edits_are_events_without_names_or_secrets_in_the_log() -> None:
    person = create_person(email="olena@example.org", name="Olena Kovalenko", actor=ENGINE, now=NOW)
    edit_person(person.id, name="Olena Bondar", actor=ENGINE, now=NOW)
    kept = str(list(Event.objects.values_list("changes", "data", "why")))
    assert "Olena" not in kept
    assert "olena@" not in kept
    assert Event.objects.filter(verb="configuration_changed").count() == 1


@pytest.mark.django_db
def test_a_person_edits_only_themselves() -> None:
    one = create_person(email="a@example.org", actor=ENGINE, now=NOW)
    two = create_person(email="b@example.org", actor=ENGINE, now=NOW)
    edit_person(one.id, phone="123", actor=Actor.person(one.id), now=NOW)
    with pytest.raises(NotAllowed):
        edit_person(two.id, phone="123", actor=Actor.person(one.id), now=NOW)
    with pytest.raises(NotAllowed):
        edit_person(one.id, roles=["administrator"], actor=Actor.person(one.id), now=NOW)
