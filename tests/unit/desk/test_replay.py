"""A stretch of the inbox through other rules: what differs, and that nothing real is touched."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from firstline.accounts.actions import create_group, create_person, set_members
from firstline.catalog.models import Service
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.core.models import Event
from firstline.desk.replay import document, run
from firstline.desk.replay.compare import Comparison, compare
from firstline.desk.replay.example import EXAMPLE
from firstline.incidents.models import Incident
from firstline.intake import ending, heartbeats, noise, settling
from firstline.intake.models import AlertSpan, CorrelationRule, Source
from firstline.notifications.models import ContactMethod, NotificationRule
from firstline.workflow import triage
from tests.unit.intake.inboxes import Inbox, fresh_inbox

START = timedelta(hours=1)


@pytest.fixture
def inbox(db: None) -> Inbox:
    return fresh_inbox()


@pytest.fixture
def shop(inbox: Inbox) -> Source:
    """A service with a group that somebody is of."""
    by = Actor.system("test")
    group = create_group(name="Shop team", actor=by, now=inbox.now)
    person = create_person(email="a@example.org", name="Ann", roles=["agent"], actor=by, now=inbox.now)
    set_members(group.id, {person.id: True}, actor=by, now=inbox.now)
    way = ContactMethod.objects.create(
        person=person, channel="email", address="a@example.org", verified_at=inbox.now
    )
    NotificationRule.objects.create(person=person, urgency="high", method=way, delay_minutes=0)
    service = Service.objects.create(name="Shop", slug="shop", group=group, criticality=1)
    return inbox.source("pagerduty", service=service, name="Shop monitor")


def event(key: str, action: str = "trigger", severity: str = "critical") -> dict[str, Any]:
    payload = {"summary": f"{key} is down", "source": key, "severity": severity}
    return {"routing_key": "x" * 32, "event_action": action, "dedup_key": key, "payload": payload}


def lived(inbox: Inbox, source: Source) -> run.Span:
    """An hour in which the engine worked things off as they came: two causes, one of them over, one repeated."""
    begin = inbox.now
    for minute, (key, action) in {
        0: ("a", "trigger"), 2: ("b", "trigger"), 5: ("a", "resolve"), 6: ("b", "resolve"), 20: ("c", "trigger"),
        21: ("c", "trigger"), 50: ("d", "trigger"),
    }.items():  # fmt: skip
        inbox.pass_time(minutes=(begin + timedelta(minutes=minute) - inbox.now) / timedelta(minutes=1))
        work(inbox)
        inbox.put(source, event(key, action))
        work(inbox)
    inbox.pass_time(minutes=20)
    return run.Span(begin, inbox.now)


def work(inbox: Inbox) -> None:
    for _ in range(20):
        done = inbox.drain() + noise.run(inbox.now) + ending.run(inbox.now) + settling.run(inbox.now)
        done += triage.run(inbox.now) + triage.run_reassess(inbox.now) + heartbeats.expire(inbox.now)
        if not done:
            return


def compared(span: run.Span, change: document.Change, *, recorded: bool = False) -> Comparison:
    rows = run.rows_of(span)
    before = run.recorded(span, len(rows)) if recorded else run.replayed(span, rows, document.Change())
    return compare(before, run.replayed(span, rows, change))


def everything() -> tuple[Any, ...]:
    """What there is, so that a replay can be seen to leave it alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'replay%'")
        schemas = cursor.fetchone()
        cursor.execute("SELECT id, state, attempts FROM inbox ORDER BY id")
        rows = cursor.fetchall()
    return (
        schemas, rows, list(Incident.objects.order_by("id").values_list("id", "version", "state")),
        Event.objects.count(), list(AlertSpan.objects.order_by("id").values_list("id", "count", "incident_id")),
        list(CorrelationRule.objects.values_list("id", "definition")),
        list(Source.objects.values_list("id", "last_signal_at")),
    )  # fmt: skip


def test_the_present_rules_make_what_they_made(inbox: Inbox, shop: Source) -> None:
    span = lived(inbox, shop)
    before = everything()
    found = compared(span, document.Change(), recorded=True)
    assert found.same, found
    assert (found.alerts, found.incidents) == ((4, 4), (2, 2))
    assert found.pages[0] == found.pages[1] == 2
    assert everything() == before


def test_a_narrower_window_parts_what_was_together(inbox: Inbox, shop: Source) -> None:
    span = lived(inbox, shop)
    before = everything()
    rules = document.parsed({"correlation": [{"name": "Service", "ground": "same_service", "window": 10}]})
    found = compared(span, rules)
    assert not found.same
    assert found.incidents == (2, 3) and {each.stretch.identity[1] for each in found.moved} == {"c", "d"}
    assert (
        found.pages == (2, 3)
        and found.pages_gone == ()
        and [title for _, title in found.pages_new] == ["d is down"]
    )
    assert everything() == before


def test_no_rule_at_all(inbox: Inbox, shop: Source) -> None:
    found = compared(lived(inbox, shop), document.parsed({"correlation": []}))
    assert found.incidents == (2, 2), "an empty list is the built-in one"
    rules = {"correlation": [{"name": "Never", "ground": "same_ci"}]}
    assert compared(lived(inbox, shop), document.parsed(rules)).incidents[1] >= 4


def test_muting_by_a_changed_rule(inbox: Inbox, shop: Source) -> None:
    span = lived(inbox, shop)
    threshold = {
        "kind": "threshold",
        "name": "T",
        "definition": {"times": 2, "minutes": 10, "reason": "Blips"},
    }
    found = compared(span, document.parsed({"noise": [threshold]}))
    assert found.muted == (0, 3)
    assert {each.identity[1] for each in found.newly_muted} == {"a", "b", "d"}
    assert found.incidents == (2, 1)


def test_one_source_and_a_stretch(inbox: Inbox, shop: Source) -> None:
    span = lived(inbox, shop)
    other = inbox.source("pagerduty", name="Other")
    inbox.put(other, event("z"))
    work(inbox)
    inbox.pass_time(minutes=1)
    assert len(run.rows_of(run.Span(span.since, inbox.now, other.id))) == 1
    assert len(run.rows_of(run.Span(span.since, span.since + timedelta(minutes=3)))) == 2


def test_a_changed_mapping(inbox: Inbox) -> None:
    source = inbox.source("generic", name="Own", mapping={"title": "{text}", "key": "{id}"})
    begin = inbox.now
    inbox.put(source, {"id": "1", "text": "One", "host": "a"})
    inbox.put(source, {"id": "2", "text": "Two", "host": "a"})
    work(inbox)
    inbox.pass_time(minutes=1)
    change = document.parsed({"mapping": {"Own": {"title": "{text}", "key": "{host}"}}})
    found = compared(run.Span(begin, inbox.now), change)
    assert found.alerts == (2, 1)
    with pytest.raises(Invalid, match="Nobody"):
        run.replayed(run.Span(begin, inbox.now), [], document.parsed({"mapping": {"Nobody": {}}}))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ([], "one or more of"),
        ({"rules": []}, "Unknown part"),
        ({"correlation": {}}, "list"),
        ({"correlation": [{"ground": "magic"}]}, "rule 1"),
        ({"correlation": [{"ground": "same_ci", "window": -1}]}, "window"),
        ({"noise": [{"kind": "magic", "definition": {}}]}, "rule 1"),
        ({"mapping": {"x": 1}}, "mapping"),
    ],
)
def test_a_wrong_file_says_where(wrong: Any, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        document.parsed(wrong)


@pytest.mark.parametrize("suffix", [".yaml", ".json", ".toml"])
def test_the_three_ways_to_write_it(suffix: str, tmp_path: Path) -> None:
    texts = {
        ".yaml": "correlation:\n  - {name: S, ground: same_service, window: 7}\n",
        ".json": '{"correlation": [{"name": "S", "ground": "same_service", "window": 7}]}',
        ".toml": '[[correlation]]\nname = "S"\nground = "same_service"\nwindow = 7\n',
    }
    file = tmp_path / f"rules{suffix}"
    file.write_text(texts[suffix])
    change = document.read(file)
    assert change.correlation is not None and change.correlation[0][1].window == 7
    assert change.noise is None
    file.write_text("{: [")
    with pytest.raises(Invalid, match="can't be read"):
        document.read(file)


def test_the_example_is_a_rules_file(tmp_path: Path) -> None:
    file = tmp_path / "example.yaml"
    file.write_text(EXAMPLE)
    change = document.read(file)
    assert change.correlation is not None and change.noise is not None and change.mapping
