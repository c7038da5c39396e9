"""Opsgenie, PagerDuty's Events v1 and Nagios as signals."""

from datetime import UTC, datetime
from typing import Any

import pytest

from firstline.intake.signal import Severity, SignalKind
from firstline.intake.sources.parsing import ParseError

from .test_parsers import AT, read, sample

ALIAS = "identifierType=alias"


def call(path: str, body: Any = b"", *, query: str = ALIAS, **fields: Any) -> Any:
    headers = {":method": "POST", ":path": path, ":query": query}
    return read("opsgenie", body, headers=headers, **fields)


class TestOpsgenie:
    def test_create(self) -> None:
        alert, note = read("opsgenie", sample("opsgenie", "firing").body)
        assert (alert.kind, alert.key, alert.severity) == (
            SignalKind.TRIGGER,
            "firstline-test",
            Severity.WARNING,
        )
        assert (alert.service, alert.ci) == ("Shop", "batch-2.example.org")
        assert alert.labels["tags"] == "test, batch" and alert.labels["responders"] == "Platform"
        assert (note.kind, note.key, note.labels) == (
            SignalKind.NOTE,
            "firstline-test",
            {"author": "scheduler"},
        )

    @pytest.mark.parametrize(
        ("priority", "severity"),
        [
            ("P1", "critical"),
            ("P2", "error"),
            ("P3", "warning"),
            ("P4", "info"),
            ("p5", "info"),
            (None, "warning"),
        ],
    )
    def test_priorities(self, priority: str | None, severity: str) -> None:
        (alert,) = read("opsgenie", {"message": "m", "alias": "a", "priority": priority})
        assert alert.severity == severity

    def test_the_severity_among_the_details_counts_where_no_priority_is_given(self) -> None:
        body = {"message": "m", "alias": "a", "details": {"severity": "critical", "instance": "web1:9100"}}
        (alert,) = read("opsgenie", body)
        assert (alert.severity, alert.ci) == (Severity.CRITICAL, "web1:9100")
        (alert,) = read("opsgenie", {**body, "priority": "P4"})
        assert alert.severity is Severity.INFO

    def test_without_an_alias_the_request_is_the_alias(self) -> None:
        (alert,) = read("opsgenie", {"message": "m"}, dedup_key="of-the-request")
        assert alert.key == "of-the-request"

    @pytest.mark.parametrize(
        ("action", "kind"), [("acknowledge", SignalKind.ACKNOWLEDGE), ("close", SignalKind.RESOLVE)]
    )
    def test_actions_bring_their_note_first(self, action: str, kind: SignalKind) -> None:
        note, done = call(f"/v2/alerts/srv01/HTTP/{action}", {"user": "Ada", "note": "seen"})
        assert (note.kind, note.description, note.labels) == (SignalKind.NOTE, "seen", {"author": "Ada"})
        assert (done.kind, done.key, note.key) == (kind, "srv01/HTTP", "srv01/HTTP")
        (bare,) = call(f"/v2/alerts/srv01/HTTP/{action}")
        assert bare.kind is kind

    @pytest.mark.parametrize(
        ("path", "query"), [("/v2/alerts/7/close", "identifierType=tiny"), ("/v2/alerts/7/snooze", ALIAS)]
    )
    def test_what_says_nothing_is_an_error(self, path: str, query: str) -> None:
        with pytest.raises(ParseError):
            call(path, query=query)


class TestEventsV1:
    EVENT = {
        "service_key": "k",
        "event_type": "trigger",
        "incident_key": "srv01/HTTP",
        "description": "FAILURE for production/HTTP",
        "client": "Monitor",
        "client_url": "https://monitor.example",
        "details": {"ping time": "1500ms", "load avg": 0.75, "host": "srv01"},
        "contexts": [
            {"type": "link", "href": "https://wiki.example", "text": "How"},
            {"type": "image", "src": "https://graphs.example/a.png"},
        ],
    }

    def test_trigger(self) -> None:
        (signal,) = read("pagerduty", self.EVENT)
        assert (signal.kind, signal.key, signal.title) == (
            SignalKind.TRIGGER,
            "srv01/HTTP",
            "FAILURE for production/HTTP",
        )
        assert (signal.severity, signal.ci) == (Severity.ERROR, "srv01")
        assert "load avg: 0.75" in signal.description
        assert [link.href for link in signal.links] == [
            "https://monitor.example",
            "https://wiki.example",
            "https://graphs.example/a.png",
        ]

    def test_a_description_beside_a_resolve_is_a_note(self) -> None:
        note, resolve = read("pagerduty", {**self.EVENT, "event_type": "resolve", "description": "fixed"})
        assert (note.kind, note.description) == (SignalKind.NOTE, "fixed")
        assert (resolve.kind, resolve.key) == (SignalKind.RESOLVE, "srv01/HTTP")

    def test_a_keyless_trigger_has_the_key_that_was_answered(self) -> None:
        event = {name: value for name, value in self.EVENT.items() if name != "incident_key"}
        (signal,) = read("pagerduty", event, dedup_key="made")
        assert signal.key == "made"

    @pytest.mark.parametrize("event_type", ["explode", 7, ["trigger"]])
    def test_an_unknown_type_is_an_error(self, event_type: Any) -> None:
        with pytest.raises(ParseError):
            read("pagerduty", {"event_type": event_type, "incident_key": "k", "contexts": 5, "details": 5})


class TestNagios:
    def test_a_service_problem_and_its_end(self) -> None:
        (problem,) = read("nagios", sample("nagios", "firing").body)
        assert (problem.kind, problem.severity) == (SignalKind.TRIGGER, Severity.CRITICAL)
        assert problem.key == "db-1.example.org!Disk /var" and problem.ci == "db-1.example.org"
        assert problem.title.startswith("Disk /var on db-1.example.org is CRITICAL: DISK CRITICAL")
        assert "6012 MiB" in problem.description
        assert problem.occurred_at == datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
        (recovery,) = read("nagios", sample("nagios", "resolve").body)
        assert (recovery.kind, recovery.key) == (SignalKind.RESOLVE, problem.key)

    @pytest.mark.parametrize(
        ("event", "kind", "severity"),
        [
            ({"state": "DOWN"}, "trigger", "critical"),
            ({"state": "UNREACHABLE"}, "trigger", "error"),
            ({"state": "UP"}, "resolve", "info"),
            ({"state": "1"}, "trigger", "critical"),
            ({"state": "0"}, "resolve", "info"),
            ({"service": "s", "state": "WARNING"}, "trigger", "warning"),
            ({"service": "s", "state": "UNKNOWN"}, "trigger", "warning"),
            ({"service": "s", "state": 2}, "trigger", "critical"),
            ({"service": "s", "state": "OK"}, "resolve", "info"),
            ({"service": "s", "state": "CRITICAL", "type": "RECOVERY"}, "resolve", "critical"),
            ({"type": "Problem", "state": "Critical", "service": "s"}, "trigger", "critical"),
            ({"type": "DowntimeStart", "state": "Down"}, "note", "critical"),
            ({"type": "FLAPPINGSTART", "state": "UP"}, "note", "info"),
            ({"type": "CUSTOM", "state": "UP", "comment": "hello"}, "note", "info"),
        ],
    )
    def test_states_and_types(self, event: dict[str, Any], kind: str, severity: str) -> None:
        (signal,) = read("nagios", {"host": "web1", **event})
        assert (signal.kind, signal.severity) == (kind, severity)
        assert signal.key == ("web1!s" if "service" in event else "web1")

    def test_an_acknowledgement_brings_its_comment(self) -> None:
        event = {"host": "web1", "type": "ACKNOWLEDGEMENT", "state": "DOWN"}
        ack, note = read("nagios", {**event, "author": "Ada", "comment": "on it"})
        assert (ack.kind, note.kind) == (SignalKind.ACKNOWLEDGE, SignalKind.NOTE)
        assert note.description == "web1 was acknowledged by Ada.\n\non it"
        assert [signal.kind for signal in read("nagios", event)] == [SignalKind.ACKNOWLEDGE]

    @pytest.mark.parametrize(
        ("line", "key", "kind", "severity"),
        [
            ("SERVICE ALERT: w;HTTP;CRITICAL;SOFT;1;out; of order", "w!HTTP", "trigger", "critical"),
            ("HOST ALERT: w;DOWN;HARD;3;gone", "w", "trigger", "critical"),
            ("CURRENT HOST STATE: w;UP;HARD;1;PING OK", "w", "resolve", "info"),
            ("SERVICE NOTIFICATION: ada;w;HTTP;WARNING;by-mail;slow", "w!HTTP", "trigger", "warning"),
            (
                "HOST NOTIFICATION: ada;w;ACKNOWLEDGEMENT (DOWN);by-mail;gone;ada;on it",
                "w",
                "acknowledge",
                "critical",
            ),
            ("SERVICE FLAPPING ALERT: w;HTTP;STARTED;high change", "w!HTTP", "note", "warning"),
            ("HOST DOWNTIME ALERT: w;STOPPED;ended", "w", "note", "warning"),
        ],
    )
    def test_lines_of_the_log(self, line: str, key: str, kind: str, severity: str) -> None:
        (signal,) = read("nagios", f"[1427925689] {line}\n", content_type="text/plain")
        assert (signal.key, signal.kind, signal.severity) == (key, kind, severity)
        assert signal.occurred_at == datetime(2015, 4, 1, 22, 1, 29, tzinfo=UTC)

    def test_states_that_are_retried_can_be_left_out(self) -> None:
        lines = "[1427925689] HOST ALERT: w;DOWN;SOFT;1;x\n[1427925690] HOST ALERT: w;DOWN;HARD;3;x\nother\n"
        assert len(read("nagios", lines)) == 2
        (signal,) = read("nagios", lines, settings={"ignore_soft": True})
        assert signal.labels["state_type"] == "HARD"

    @pytest.mark.parametrize(
        "body",
        ["[]x", {}, [{"service": "s"}], {"host": "w", "type": "PARTY"}, "[1427925689] LOG ROTATION: DAILY\n"],
    )
    def test_another_shape_is_an_error(self, body: Any) -> None:
        with pytest.raises(ParseError):
            read("nagios", body)

    def test_a_clock_ahead_is_clamped(self) -> None:
        (signal,) = read("nagios", {"host": "w", "state": "DOWN", "time": str(int(AT.timestamp()) + 60)})
        assert (signal.occurred_at, signal.clock_ahead) == (AT, 60.0)
