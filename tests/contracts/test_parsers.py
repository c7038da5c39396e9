"""Each format against its own samples, and against real payloads where they are there."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firstline.intake.helping import Sample, samples
from firstline.intake.signal import Entity, EntityKind, Severity, Signal, SignalKind
from firstline.intake.sources.parsing import ParseError, Received
from firstline.intake.sources.registry import PARSERS

AT = datetime(2026, 3, 2, 9, 16, tzinfo=UTC)


def read(fmt: str, body: bytes | str | object, /, at: datetime = AT, **fields: Any) -> list[Signal]:
    raw = (
        body
        if isinstance(body, bytes)
        else body.encode()
        if isinstance(body, str)
        else json.dumps(body).encode()
    )
    settings = fields.pop("settings", {})
    row = Received(id=7, received_at=at, body=raw, **{"content_type": "application/json", **fields})
    return PARSERS[fmt](row, settings)


def sample(kind: str, name: str) -> Sample:
    return next(each for each in samples(kind) if each.name == name)


class TestPagerDuty:
    def test_trigger(self) -> None:
        (signal,) = read("pagerduty", sample("pagerduty", "trigger").body)
        assert (signal.kind, signal.key, signal.severity) == (
            SignalKind.TRIGGER,
            "firstline-test",
            Severity.WARNING,
        )
        assert (signal.service, signal.ci) == ("Shop", "shop-web-1.example.org")
        assert signal.occurred_at == datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
        assert signal.labels["component"] == "nginx" and signal.labels["p95"] == "2.4 s"
        assert "threshold: 2 s" in signal.description
        assert [link.href for link in signal.links] == [
            "https://firstline.example/",
            "https://runbooks.example/latency",
            "https://graphs.example/p95.png",
        ]

    def test_resolve_and_acknowledge_need_a_key(self) -> None:
        (signal,) = read("pagerduty", sample("pagerduty", "resolve").body)
        assert (signal.kind, signal.key) == (SignalKind.RESOLVE, "firstline-test")
        with pytest.raises(ParseError, match="dedup_key"):
            read("pagerduty", {"event_action": "acknowledge"})

    def test_a_keyless_trigger_has_the_key_that_was_answered(self) -> None:
        body = {"event_action": "trigger", "payload": {"summary": "s", "source": "h", "severity": "info"}}
        (signal,) = read("pagerduty", body, dedup_key="made-by-the-gateway")
        assert signal.key == "made-by-the-gateway"

    def test_change(self) -> None:
        (signal,) = read("pagerduty", sample("pagerduty", "change").body, kind="change")
        assert (signal.kind, signal.title) == (SignalKind.CHANGE, "Shop 4.2.1 deployed to production")
        assert signal.service == "Shop"

    def test_a_clock_that_is_ahead_is_clamped_and_recorded(self) -> None:
        body = {
            "event_action": "trigger",
            "dedup_key": "k",
            "payload": {"summary": "s", "timestamp": "2026-03-02T09:17Z"},
        }
        (signal,) = read("pagerduty", body)
        assert (signal.occurred_at, signal.clock_ahead) == (AT, 60.0)


class TestAlertmanager:
    def test_push(self) -> None:
        first, second = read("alertmanager", sample("alertmanager", "firing").body)
        assert (first.kind, first.severity, first.service) == (SignalKind.TRIGGER, Severity.CRITICAL, "Shop")
        assert first.title == "TestDiskWillFill: Test: the disk of db-1 will be full in 4 hours"
        assert first.ends_at == datetime(2026, 3, 2, 9, 19, tzinfo=UTC)
        assert {link.text for link in first.links} == {"source", "runbook"}
        assert (second.title, second.ends_at) == ("TestTargetDown", AT + timedelta(minutes=5))
        assert first.group and first.group != second.group

    def test_an_end_in_the_past_resolves(self) -> None:
        ended = {
            "labels": {"alertname": "X"},
            "startsAt": "2026-03-02T09:00:00Z",
            "endsAt": "2026-03-02T09:15:00Z",
        }
        (signal,) = read("alertmanager", [ended])
        assert (signal.kind, signal.ends_at) == (SignalKind.RESOLVE, None)

    def test_the_order_of_labels_is_no_identity(self) -> None:
        one, other = read("alertmanager", '[{"labels":{"a":"1","b":"2"}},{"labels":{"b":"2","a":"1"}}]')
        assert one.key == other.key

    def test_good_elements_beside_bad_ones(self) -> None:
        bad_end = {"labels": {"a": "b"}, "startsAt": "2026-03-02T09:00:00Z", "endsAt": "2026-03-01T09:00:00Z"}
        (signal,) = read("alertmanager", [{"labels": {}}, bad_end, {"labels": {"alertname": "Good"}}, 3])
        assert (signal.title, signal.position) == ("Good", 2)

    @pytest.mark.parametrize("body", ["{}", "[1]", '[{"labels":{}}]'])
    def test_nothing_that_could_be_read(self, body: str) -> None:
        with pytest.raises(ParseError):
            read("alertmanager", body)


class TestAlertmanagerWebhook:
    def test_a_group(self) -> None:
        firing, resolved = read("alertmanager_webhook", sample("alertmanager_webhook", "firing").body)
        assert (firing.kind, resolved.kind) == (SignalKind.TRIGGER, SignalKind.RESOLVE)
        assert firing.key == "1f0c5cbd5b8d8b3e" and firing.group == resolved.group
        assert (firing.ends_at, resolved.occurred_at) == (None, datetime(2026, 3, 2, 9, 14, tzinfo=UTC))
        assert ("https://runbooks.example/tls", "runbook") in [
            (link.href, link.text) for link in firing.links
        ]

    def test_without_fingerprint_group_or_status(self) -> None:
        (signal,) = read(
            "alertmanager_webhook", {"alerts": [{"labels": {"alertname": "X", "cluster": "eu"}}]}
        )
        assert signal.kind is SignalKind.TRIGGER and len(signal.key) == 32 and signal.group

    @pytest.mark.parametrize(
        ("summary", "title"),
        [
            ("Instance web-1 down", "InstanceDown: Instance web-1 down"),
            ("instancedown on web-1", "instancedown on web-1"),
            ("", "InstanceDown"),
        ],
    )
    def test_the_rules_name_leads_and_is_not_said_twice(self, summary: str, title: str) -> None:
        alert = {"labels": {"alertname": "InstanceDown"}, "annotations": {"summary": summary}}
        (signal,) = read("alertmanager_webhook", {"alerts": [alert]})
        assert signal.title == title

    def test_labels_that_only_the_group_names_count(self) -> None:
        alert = {"labels": {"alertname": "X"}}
        (signal,) = read("alertmanager_webhook", {"alerts": [alert], "commonLabels": {"instance": "db1"}})
        assert (signal.ci, signal.title) == ("db1", "X")

    def test_what_was_left_out_is_said(self) -> None:
        body = {"truncatedAlerts": 4, "alerts": [{"labels": {"alertname": "X"}}]}
        (signal,) = read("alertmanager_webhook", body)
        assert "4 further alerts" in signal.description

    @pytest.mark.parametrize("body", [[], {}, {"alerts": {}}, {"alerts": ["x"]}, {"alerts": [{}]}])
    def test_another_shape_is_refused_with_its_place(self, body: object) -> None:
        with pytest.raises(ParseError) as refused:
            read("alertmanager_webhook", body)
        assert refused.value.place.startswith("$")


class TestWazuh:
    def test_alert(self) -> None:
        (signal,) = read("wazuh", sample("wazuh", "alert").body)
        assert signal.security and signal.severity is Severity.ERROR
        assert signal.key == "40112/007/198.51.100.23"
        assert signal.tactics == ("TA0006", "TA0001") and signal.techniques == (
            "T1110",
            "T1078",
        )
        assert set(signal.entities) == {
            Entity(EntityKind.HOST, "bastion-1", "target"),
            Entity(EntityKind.IP, "10.20.0.7", "target"),
            Entity(EntityKind.IP, "198.51.100.23", "source"),
            Entity(EntityKind.USER, "root", "target"),
            Entity(EntityKind.FILE_HASH, "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"),
        }
        assert signal.ends_at == AT + timedelta(days=1)
        assert "Accepted password" in signal.description

    @pytest.mark.parametrize(
        ("level", "severity"),
        [(3, "info"), (7, "warning"), (11, "warning"), (12, "error"), (15, "critical"), (16, "critical")],
    )
    def test_levels(self, level: int, severity: str) -> None:
        (signal,) = read("wazuh", {"rule": {"level": level, "description": "x", "id": "1"}})
        assert signal.severity == severity

    def test_wrapped_and_listed(self) -> None:
        alert = {"rule": {"level": 7, "description": "x", "id": "1"}, "agent": {"id": "2"}}
        wrapped = read("wazuh", {"severity": 2, "title": "t", "all_fields": alert})
        listed = read("wazuh", [alert, alert])
        assert [signal.key for signal in (*wrapped, *listed)] == ["1/2"] * 3


class TestGeneric:
    def test_guessed(self) -> None:
        (signal,) = read("generic", sample("generic", "firing").body)
        assert (signal.kind, signal.key, signal.severity) == (
            SignalKind.TRIGGER,
            "nightly-export",
            Severity.ERROR,
        )
        assert (signal.service, signal.ci) == ("Data exports", "batch-2")
        assert signal.links[0].href == "https://batch.example/jobs/41"

    def test_resolved(self) -> None:
        (signal,) = read("generic", {"title": "Disk", "alert_id": "a", "status": "Resolved"})
        assert signal.kind is SignalKind.RESOLVE

    def test_mapping(self) -> None:
        mapping = {
            "items": "$.data.things",
            "key": "{host}/{check|'none'}",
            "title": "{check} on {host}",
            "severity": "$.grade",
            "severities": {"bad": "critical"},
            "state": "$.state",
            "resolved": ["gone"],
            "labels": {"room": "$.where[0].room"},
            "entities": [{"kind": "ip", "value": "$.addr", "role": "target"}],
            "techniques": "$.mitre[*].id",
            "security": True,
        }
        thing = {
            "host": "h",
            "check": "ping",
            "grade": "BAD",
            "state": "there",
            "where": [{"room": "R2"}],
            "addr": "192.0.2.1",
            "mitre": [{"id": "T1"}, {"id": "T2"}, {}],
        }
        first, second = read(
            "generic",
            {"data": {"things": [thing, {"host": "g", "state": "GONE"}]}},
            settings={"mapping": mapping},
        )
        assert (first.key, first.title, first.severity, first.security) == (
            "h/ping",
            "ping on h",
            "critical",
            True,
        )
        assert (first.labels, first.techniques) == ({"room": "R2"}, ("T1", "T2"))
        assert first.entities == (Entity(EntityKind.IP, "192.0.2.1", "target"),)
        assert (second.key, second.kind, second.position) == ("g/none", SignalKind.RESOLVE, 1)

    def test_flat_names_with_dots(self) -> None:
        (signal,) = read(
            "generic",
            {"host.name": "h", "a.b": {"c": "t"}},
            settings={"mapping": {"title": "{host.name} {a.b.c}"}},
        )
        assert signal.title == "h t"

    def test_text_and_forms(self) -> None:
        (text,) = read(
            "generic", "SERVICE ALERT: web;HTTP;CRITICAL\nmore", content_type="text/plain; charset=utf-8"
        )
        assert (text.title, text.description) == ("SERVICE ALERT: web;HTTP;CRITICAL", "more")
        (form,) = read(
            "generic", "subject=Disk+full&host=db", content_type="application/x-www-form-urlencoded"
        )
        assert (form.title, form.ci) == ("Disk full", "db")

    @pytest.mark.parametrize("body", ["{}", "[{}]", "null", "5", '{"a": 1}', "not json"])
    def test_nothing_to_name_it_by(self, body: str) -> None:
        with pytest.raises(ParseError):
            read("generic", body)

    def test_handshakes_and_deployments_are_no_alerts(self) -> None:
        (handshake,) = read("generic", {"Type": "SubscriptionConfirmation", "Message": "You have chosen …"})
        (deployment,) = read("generic", {"deployment": {"id": 1}, "description": "Deployed"})
        assert (handshake.kind, deployment.kind) == (SignalKind.NOTE, SignalKind.CHANGE)


class TestHeartbeat:
    @pytest.mark.parametrize(
        ("path", "kinds"),
        [
            ("", ["resolve"]),
            ("/0", ["resolve"]),
            ("/fail", ["trigger"]),
            ("/3", ["trigger"]),
            ("/start", []),
            ("/log", []),
        ],
    )
    def test_beats(self, path: str, kinds: list[str]) -> None:
        signals = read("heartbeat", b"output", kind="beat", headers={"path": path})
        assert [signal.kind for signal in signals] == kinds


def test_long_texts_and_keys_are_bounded_without_loss() -> None:
    long = "x" * 3000
    (one,) = read("generic", {"title": long, "alert_id": long + "1"})
    (two,) = read("generic", {"title": long, "alert_id": long + "2"})
    assert len(one.title) <= 500 and long in one.description
    assert len(one.key) <= 500 and one.key != two.key


def test_nul_and_lone_surrogates_never_reach_the_database() -> None:
    (signal,) = read("generic", b'{"title": "a\\u0000b \\ud800 c", "alert_id": "\\u0000k"}')
    assert "\x00" not in signal.title + signal.key
    assert signal.title.encode("utf-8")


def test_real_wazuh_alerts_have_the_identity_that_is_documented(shared_data: Path) -> None:
    folder = shared_data / "data" / "payloads" / "wazuh"
    keys = {path.name: read("wazuh", path.read_bytes())[0].key for path in folder.glob("alert_*.json")}
    assert keys["alert_rule20101_level6.json"] == "20101/000/192.168.10.81"
    assert len(set(keys.values())) == len(keys)
