"""Alertmanager's API as far as web answers it: alerts, groups, receivers, and silences that are rules."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from firstline.core.actor import Actor
from firstline.intake import actions, noise
from firstline.intake.models import AlertSpan, NoiseRule, Source
from firstline.intake.sources.alertmanager.matchers import BadMatcher, Matcher, fingerprint, matcher_of
from tests.unit.intake.inboxes import Inbox, fresh_inbox

MAKER = Actor.system("test")


class Alertmanager:
    def __init__(self, name: str = "AM") -> None:
        self.inbox = fresh_inbox() if not Source.objects.exists() else Inbox()
        self.source, self.token = actions.create_source(
            name=name, kind="alertmanager", actor=MAKER, now=self.inbox.now
        )
        self.client = Client()

    def push(self, *labels: dict[str, str], **fields: Any) -> None:
        self.inbox.put(self.source, [{"labels": each, **fields} for each in labels])
        self.inbox.drain()

    def ask(self, path: str, query: dict[str, Any] | None = None, *, token: str | None = None) -> Any:
        return self.client.get(f"/intake/{token or self.token}/api/v2/{path}", query or {})

    def alerts(self, *filters: str, **query: Any) -> list[str]:
        answer = self.ask("alerts", {"filter": list(filters), **query})
        assert answer.status_code == 200, answer.content
        return sorted(each["labels"]["alertname"] for each in answer.json())

    def silence(
        self, *matchers: dict[str, Any], begins: float = 0, minutes: float = 60, **fields: Any
    ) -> Any:
        starts = self.inbox.now + timedelta(minutes=begins)
        body = {
            "matchers": [{"isRegex": False, "isEqual": True, **matcher} for matcher in matchers],
            "startsAt": starts.isoformat(),
            "endsAt": (starts + timedelta(minutes=minutes)).isoformat(),
            "createdBy": "ada",
            "comment": "known",
            **fields,
        }
        return self.client.post(
            f"/intake/{self.token}/api/v2/silences", json.dumps(body), content_type="application/json"
        )

    def look_again(self) -> None:
        """What the engine does about rules that changed."""
        self.inbox.pass_time(seconds=31)
        while noise.run(self.inbox.now):
            pass


@pytest.fixture
def am(db: None) -> Alertmanager:
    return Alertmanager()


def test_alerts_are_shown_as_alertmanager_shows_them(am: Alertmanager) -> None:
    labels = {"alertname": "DiskFull", "instance": "db1", "severity": "critical"}
    am.push(
        labels,
        annotations={
            "summary": "db1 is full",
            "description": "2 % left",
            "runbook_url": "https://wiki.example/disk",
        },
        generatorURL="http://prometheus.example/graph",
        startsAt="2026-11-23T08:50:00Z",
        endsAt="2026-11-23T09:04:00Z",
    )
    (alert,) = am.ask("alerts").json()
    assert alert == {
        "annotations": {
            "summary": "db1 is full",
            "description": "2 % left",
            "runbook_url": "https://wiki.example/disk",
        },
        "endsAt": "2026-11-23T09:04:00.000Z",
        "fingerprint": fingerprint(labels),
        "receivers": [{"name": "AM"}],
        "startsAt": "2026-11-23T08:50:00.000Z",
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []},
        "updatedAt": "2026-11-23T09:00:00.000Z",
        "generatorURL": "http://prometheus.example/graph",
        "labels": labels,
    }


def test_filters_and_states(am: Alertmanager) -> None:
    am.push(
        {"alertname": "DiskFull", "zone": "a"}, {"alertname": "DiskSlow", "zone": "b"}, {"alertname": "Down"}
    )
    assert am.alerts() == ["DiskFull", "DiskSlow", "Down"]
    assert am.alerts('alertname="Down"') == ["Down"]
    assert am.alerts('alertname=~"Disk.*"') == ["DiskFull", "DiskSlow"]
    assert am.alerts('alertname=~"Disk.*"', 'zone!="a"') == ["DiskSlow"]
    assert am.alerts('zone=""') == ["Down"]
    assert am.alerts('alertname=~"Disk"') == [], "patterns are anchored"
    assert am.alerts(active="false") == []
    assert am.alerts(receiver="AM") == am.alerts(receiver="A.*") == am.alerts()
    assert am.alerts(receiver="B") == []
    bad = ("nonsense", 'a=~"("', 'a=["x"]', 'a="x" "y"', "a=" + "x" * 2000)
    for query in (*({"filter": each} for each in bad), {"receiver": "("}):
        refused = am.ask("alerts", query)
        assert refused.status_code == 400 and isinstance(refused.json(), str)


def test_what_is_over_is_not_shown_and_groups_are_those_of_incidents(am: Alertmanager) -> None:
    am.push({"alertname": "X", "job": "a", "instance": "1"}, {"alertname": "X", "job": "a", "instance": "2"})
    am.push({"alertname": "Y"})
    am.push({"alertname": "Y"}, endsAt="2026-11-23T08:59:00Z")
    (group,) = am.ask("alerts/groups").json()
    assert (group["labels"], group["receiver"], len(group["alerts"])) == (
        {"alertname": "X", "job": "a"},
        {"name": "AM"},
        2,
    )
    assert am.ask("receivers").json() == [{"name": "AM"}]


def test_a_silence_mutes_this_sources_alerts_until_it_is_expired(am: Alertmanager) -> None:
    posted = am.silence({"name": "alertname", "value": "Disk.*", "isRegex": True})
    assert posted.status_code == 200
    number = posted.json()["silenceID"]
    am.push({"alertname": "DiskFull"}, {"alertname": "Down"})
    silenced, active = (
        am.ask("alerts", {"filter": 'alertname="DiskFull"'}).json(),
        am.alerts(silenced="false"),
    )
    assert (silenced[0]["status"]["state"], silenced[0]["status"]["silencedBy"]) == ("suppressed", [number])
    assert active == ["Down"] and am.alerts(active="false") == ["DiskFull"]
    (shown,) = am.ask("silences").json()
    assert (shown["id"], shown["status"], shown["createdBy"], shown["comment"]) == (
        number,
        {"state": "active"},
        "ada",
        "known",
    )
    assert shown["matchers"] == [{"name": "alertname", "value": "Disk.*", "isRegex": True, "isEqual": True}]
    assert am.ask(f"silence/{number}").json() == shown

    am.inbox.pass_time(minutes=1)
    path = f"/intake/{am.token}/api/v2/silence/{number}"
    assert am.client.delete(path).status_code == 200
    am.look_again()
    assert am.ask(f"silence/{number}").json()["status"] == {"state": "expired"}
    assert AlertSpan.objects.get(labels__alertname="DiskFull").incident_id is not None, (
        "it is evaluated again"
    )
    assert am.client.delete(path).status_code == 400


def test_a_silence_that_begins_later_is_a_window(am: Alertmanager) -> None:
    number = am.silence({"name": "alertname", "value": "Down"}, begins=10, minutes=20).json()["silenceID"]
    assert NoiseRule.objects.get().kind == "maintenance"
    assert am.ask(f"silence/{number}").json()["status"] == {"state": "pending"}
    am.push({"alertname": "Down"})
    assert am.alerts(active="false") == []
    am.inbox.pass_time(minutes=11)
    am.push({"alertname": "Down", "instance": "2"})
    assert am.alerts(active="false", filter='instance="2"') == ["Down"]
    assert am.ask(f"silence/{number}").json()["status"] == {"state": "active"}


def test_a_silence_is_changed_by_its_id(am: Alertmanager) -> None:
    first = am.silence({"name": "a", "value": "1"}).json()["silenceID"]
    same = am.silence({"name": "a", "value": "2", "isEqual": False}, id=first, comment="longer").json()[
        "silenceID"
    ]
    assert same == first
    (shown,) = am.ask("silences").json()
    assert (shown["comment"], shown["matchers"][0]["isEqual"]) == ("longer", False)
    moved = am.silence({"name": "a", "value": "2"}, id=first, begins=5).json()["silenceID"]
    assert moved != first
    assert {each["id"]: each["status"]["state"] for each in am.ask("silences").json()} == {
        first: "expired",
        moved: "pending",
    }
    assert [each["id"] for each in am.ask("silences", {"filter": 'a="2"'}).json()] == [moved, first]
    assert am.ask("silences", {"filter": 'a="9"'}).json() == []


@pytest.mark.parametrize(
    ("matcher", "fields"),
    [
        ({"name": "a", "value": "(", "isRegex": True}, {}),
        ({"name": "a", "value": "1"}, {"minutes": -5}),
        ({"name": "a", "value": "1"}, {"startsAt": "yesterday"}),
        ({"name": "a", "value": "1"}, {"startsAt": "2026-11-23T09:00:00"}),
        ({"name": "a", "value": "1"}, {"matchers": []}),
        ({"name": "", "value": "1"}, {}),
    ],
)
def test_a_bad_silence_is_refused_with_why(
    am: Alertmanager, matcher: dict[str, Any], fields: dict[str, Any]
) -> None:
    refused = am.silence(matcher, **fields)
    assert refused.status_code == 400 and isinstance(refused.json(), str)
    assert not NoiseRule.objects.exists()


def test_a_security_source_is_not_silenced_from_outside(am: Alertmanager) -> None:
    am.source.security = True
    am.source.save()
    refused = am.silence({"name": "a", "value": "1"})
    assert refused.status_code == 400 and "security" in refused.json()
    assert not NoiseRule.objects.exists()


def test_compressed_and_large_silences_are_refused(am: Alertmanager) -> None:
    path = f"/intake/{am.token}/api/v2/silences"
    packed = am.client.post(path, b"x", content_type="application/json", headers={"Content-Encoding": "gzip"})
    large = am.client.post(path, b" " * 1_100_000, content_type="application/json")
    assert (packed.status_code, large.status_code) == (415, 413)


def test_every_source_has_its_own_alerts_and_silences(am: Alertmanager) -> None:
    number = am.silence({"name": "alertname", "value": "Down"}).json()["silenceID"]
    other = Alertmanager("Other")
    other.push({"alertname": "Down"})
    assert other.alerts(active="true") == ["Down"] and am.alerts() == []
    assert other.ask("silences").json() == []
    assert other.ask(f"silence/{number}").status_code == 404
    assert other.client.delete(f"/intake/{other.token}/api/v2/silence/{number}").status_code == 404
    assert am.ask("alerts", token="x" * 32).status_code == 401


@pytest.mark.parametrize(
    "number", ["1", "x", "f1257111-e000-4000-8000-000000000099", "F1257111-E000-4000-9000-1"]
)
def test_unknown_silences(am: Alertmanager, number: str) -> None:
    assert am.ask(f"silence/{number}").status_code == 404


def test_other_addresses(am: Alertmanager) -> None:
    assert am.ask("config").status_code == 404
    assert am.client.delete(f"/intake/{am.token}/api/v2/alerts").status_code == 405


def test_a_fingerprint_is_that_of_prometheus() -> None:
    """The values of github.com/prometheus/common for these labels; the empty set has FNV's offset."""
    assert fingerprint({}) == "cbf29ce484222325"
    one, two = {"a": "1", "b": "2"}, {"b": "2", "a": "1"}
    assert fingerprint(one) == fingerprint(two) != fingerprint({"a": "12", "b": ""})


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ('a="b"', Matcher("a", "b")),
        ("a=b", Matcher("a", "b")),
        (' a != "b c" ', Matcher("a", "b c", is_equal=False)),
        ('{a=~"b|c"}', Matcher("a", "b|c", is_regex=True)),
        (r'a!~"\"x\""', Matcher("a", '"x"', is_regex=True, is_equal=False)),
        ("a=", Matcher("a", "")),
        ("a==b", Matcher("a", "=b")),
    ],
)
def test_matchers(text: str, matcher: Matcher) -> None:
    assert matcher_of(text) == matcher


@given(st.text(max_size=40) | st.from_regex(r'[a-z]{1,3}(=|!=|=~|!~)"?.{0,10}"?', fullmatch=True))
def test_any_text_is_a_matcher_or_is_refused(text: str) -> None:
    try:
        assert matcher_of(text).holds({"a": "b"}) in (True, False)
    except BadMatcher as error:
        assert str(error)
