"""What administrators do with sources, and what is shown of what they sent."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.accounts.models import Person, SupportGroup
from firstline.accounts.permissions import Role
from firstline.accounts.viewer import SYSTEM, Viewer
from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotAllowed, NotFound
from firstline.core.models import Event
from firstline.core.secrets import decrypt, hash_token
from firstline.incidents.models import Incident
from firstline.intake import actions, helping, queries, queries_inbox
from firstline.intake.models import Edge, Heartbeat, Source
from tests.unit.intake.inboxes import Inbox, Trigger

ADMIN = Actor.system("test")


def viewer(*groups: int, security: tuple[int, ...] = (), **fields: Any) -> Viewer:
    return Viewer(
        person_id=1,
        roles=frozenset({Role.AGENT, Role.ADMINISTRATOR}),
        groups=frozenset({*groups, *security}),
        security_groups=frozenset(security),
        reads_all=True,
        **fields,
    )


@pytest.mark.parametrize("kind", sorted(helping.TITLES))
def test_every_kind_can_be_created_tried_out_and_explains_itself(inbox: Inbox, kind: str) -> None:
    source, token = actions.create_source(name=f"A {kind}", kind=kind, actor=ADMIN, now=inbox.now)
    assert source.token_hash == hash_token(token) and token not in str(source.__dict__)
    text = helping.help_text(
        kind, url="https://firstline.example.org", token=token, address="help@example.org"
    )
    assert "{{ " not in text and "{%" not in text
    assert (token if kind != "mail" else "help@example.org") in text
    actions.send_test(source.id, actor=ADMIN, now=inbox.now)
    assert inbox.drain() == 1
    assert inbox.rows(source) == [("done", "", inbox.rows(source)[0][2])]
    assert Incident.objects.exists() is (kind != "heartbeat")


def test_only_administrators_and_machines_change_sources(inbox: Inbox) -> None:
    agent = Person.objects.create(email="a@example.org", name="A", roles=["agent"], created_at=inbox.now)
    with pytest.raises(NotAllowed):
        actions.create_source(name="x", kind="generic", actor=Actor.person(agent.id), now=inbox.now)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"kind": "smoke"}, "kind"),
        ({"name": "  "}, "name"),
        ({"severity_floor": "awful"}, "severity_floor"),
        ({"allowed_networks": ["10.0.0.0/33"]}, "allowed_networks"),
        ({"mapping": {"title": "$.a[["}}, "mapping"),
        ({"mapping": {"tilte": "$.a"}}, "mapping"),
        (
            {"kind": "mail", "settings": {"imap": {"host": "imap.example.org", "security": "none"}}},
            "imap_security",
        ),
        ({"kind": "heartbeat", "period_seconds": 0}, "period_seconds"),
    ],
)
def test_what_is_wrong_is_named(inbox: Inbox, fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(Invalid) as refused:
        actions.create_source(**{"name": "S", "kind": "generic", "actor": ADMIN, "now": inbox.now, **fields})
    assert wrong in refused.value.fields


def test_a_token_is_rotated_with_an_overlap(inbox: Inbox) -> None:
    source, first = actions.create_source(name="S", kind="generic", actor=ADMIN, now=inbox.now)
    source, second = actions.rotate_token(source.id, actor=ADMIN, now=inbox.now, overlap=timedelta(hours=2))
    assert first != second
    assert (source.token_hash, source.previous_token_hash) == (hash_token(second), hash_token(first))
    assert source.previous_until == inbox.now + timedelta(hours=2)
    assert second not in str(list(Event.objects.values_list("changes", flat=True)))


def test_a_mailbox_password_is_kept_encrypted(inbox: Inbox) -> None:
    source, _ = actions.create_source(name="S", kind="mail", secret="hunter2", actor=ADMIN, now=inbox.now)
    stored = Source.objects.get(id=source.id).secret
    assert "hunter2" not in stored and decrypt(stored) == "hunter2"


def test_a_heartbeat_is_awaited_from_its_creation_on(inbox: Inbox) -> None:
    source, _ = actions.create_source(
        name="S", kind="heartbeat", period_seconds=60, grace_seconds=30, actor=ADMIN, now=inbox.now
    )
    assert Heartbeat.objects.get(source=source).next_at == inbox.now + timedelta(seconds=90)


def test_replay_after_the_mapping_is_mended(inbox: Inbox) -> None:
    source = inbox.source("wazuh", group=SupportGroup.objects.get(catch_all=True))
    inbox.put(source, {"headline": "Odd"})
    inbox.drain()
    assert queries_inbox.counts(SYSTEM, source.id)["failed"] == 1
    (trial,) = queries.try_mapping(SYSTEM, source.id, {"title": "$.headline"})
    assert [signal.title for signal in trial.signals] == ["Odd"]
    (wrong,) = queries.try_mapping(SYSTEM, source.id, {"title": "$.nothing"})
    assert "$.nothing" in wrong.error
    actions.save_mapping(source.id, {"title": "$.headline"}, actor=ADMIN, now=inbox.now)
    assert actions.replay_failed(source.id, actor=ADMIN, now=inbox.now) == 1
    inbox.drain()
    assert queries_inbox.counts(SYSTEM, source.id)["failed"] == 0
    assert "Odd" in [span.title for span in inbox.spans(source)]


def test_payloads_are_shown_without_their_secrets(inbox: Inbox) -> None:
    source = inbox.source("generic")
    inbox.put(
        source, {"title": "x", "password": "hunter2", "url": "https://u:pw@h/", "auth": "Bearer abcdefghijkl"}
    )
    (payload,) = queries.last_payloads(SYSTEM, source.id)
    for secret in ("hunter2", ":pw@", "abcdefghijkl"):
        assert secret not in payload.text
    assert '"title": "x"' in payload.text


def test_what_a_security_source_sent_is_for_its_groups(inbox: Inbox) -> None:
    blue = SupportGroup.objects.create(name="Blue", slug="blue", security=True)
    source = inbox.source("wazuh", security=True, group=blue)
    inbox.put(source, {"rule": {"level": 12, "description": "Intrusion", "id": "1"}, "agent": {"name": "w"}})
    inbox.drain()
    Incident.objects.update(group=blue)
    (span,) = inbox.spans(source)
    outsider, insider = viewer(), viewer(security=(blue.id,))
    assert (
        queries.last_payloads(outsider, source.id) == []
        and queries.try_mapping(outsider, source.id, {}) == []
    )
    assert len(queries.last_payloads(insider, source.id)) == 1
    assert not queries.alerts(outsider).rows and len(queries.alerts(insider).rows) == 1
    assert queries.recent_signals(outsider) == []
    with pytest.raises(NotFound):
        queries.alert(outsider, span.alert_id)
    with pytest.raises(NotFound):
        queries.edges(outsider, span.incident_id or 0)
    assert queries.alert(insider, span.alert_id).payload is not None


@pytest.mark.parametrize("fields", [{"kind": "syslog"}, {"kind": "generic", "mapping": {"security": True}}])
def test_payloads_that_may_carry_security_signals_are_for_security_groups(
    inbox: Inbox, fields: dict[str, Any]
) -> None:
    """An event in CEF stands in an ordinary source's messages; what it says is no business of everybody's."""
    blue = SupportGroup.objects.create(name="Blue", slug="blue", security=True)
    source = inbox.source(fields.pop("kind"), **fields)
    inbox.put(source, {"title": "x"})
    assert queries.last_payloads(viewer(), source.id) == []
    assert len(queries.last_payloads(viewer(security=(blue.id,)), source.id)) == 1


def test_an_event_that_stands_beside_an_ordinary_message_is_not_shown_with_it(inbox: Inbox) -> None:
    blue = SupportGroup.objects.create(name="Blue", slug="blue", security=True)
    source = inbox.source("syslog")
    secret = "CEF:0|V|P|1|7|Intrusion|9|src=198.51.100.23"
    both = f"<11>Mar  2 09:00:00 db kernel: disk fails\n<11>Mar  2 09:00:00 fw {secret}"
    inbox.put(source, both.encode(), content_type="text/plain")
    inbox.drain()
    (ordinary,) = [span for span in inbox.spans(source) if not span.security]
    assert len(queries.alerts(viewer()).rows) == 1
    assert queries.alert(viewer(), ordinary.alert_id).payload is None
    assert queries.alert(viewer(security=(blue.id,)), ordinary.alert_id).payload is not None


def test_every_edge_is_explained(inbox: Inbox, pagerduty_event: Trigger) -> None:
    source = inbox.source("pagerduty")
    inbox.put(source, pagerduty_event(key="a"))
    inbox.drain()
    inbox.put(source, pagerduty_event("resolve", key="a"))
    inbox.put(source, pagerduty_event(key="a"))
    inbox.drain()
    first, second = queries.edges(SYSTEM, Incident.objects.get().id)
    assert "opened" in queries.explanation(first)
    assert "already part" in queries.explanation(second)
    assert Edge.objects.count() == 2


def test_the_number_of_queries_does_not_grow(
    inbox: Inbox, pagerduty_event: Trigger, django_assert_num_queries: Any
) -> None:
    source = inbox.source("pagerduty")
    inbox.put(source, pagerduty_event(key="first"))
    inbox.drain()
    incident = Incident.objects.get()
    for many in (False, True):
        if many:
            for number in range(50):
                inbox.put(source, pagerduty_event(key="first", action="resolve"))
                inbox.put(source, pagerduty_event(key="first" if number % 2 else f"k{number}"))
            inbox.drain()
        with django_assert_num_queries(1):
            assert [row.alert.dedup_key for row in queries.alerts(SYSTEM, size=100).rows]
        with django_assert_num_queries(2):
            assert [edge.span.source.name for edge in queries.edges(SYSTEM, incident.id)]
        with django_assert_num_queries(1):
            assert [(row.name, row.failed) for row in queries.sources(SYSTEM)]  # type: ignore[attr-defined]
