"""A mapping proposed from shapes that nobody documented: names, values, and what several payloads have in common."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from firstline.intake.helping import help_text
from firstline.intake.signal import Signal, SignalKind
from firstline.intake.sources.generic.guess import Ground, guessed, suggested
from firstline.intake.sources.generic.known import SHAPES, known
from firstline.intake.sources.generic.mapping import Mapping, apply, elements, mapping_from
from firstline.intake.sources.generic.paths import PathError, check, find, render
from firstline.intake.sources.parsing import Received

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def read(document: Any, mapping: Mapping | None = None) -> list[Signal]:
    chosen = mapping or guessed(document)
    row = Received(id=1, received_at=AT, body=b"")
    return [apply(row, chosen, item, position) for position, item in enumerate(elements(document, chosen))]


@pytest.mark.parametrize(
    ("document", "title"),
    [
        ({"alertTitle": "Disk is full", "title": "Notification", "user": {"name": "Ann"}}, "Disk is full"),
        ({"monitor": {"name": "Front page"}, "owner": {"title": "Head of shops"}}, "Front page"),
        ({"event": {"summary": "Backup failed"}, "sender": {"display_name": "Cron"}}, "Backup failed"),
        ({"rule-name": "Too many errors", "status": "firing"}, "Too many errors"),
        ({"data": {"attributes": {"name": "Slow", "url": "https://x.example"}}}, "Slow"),
        ({"title": "https://x.example/1", "message": "It is down"}, "It is down"),
        ({"status": "critical", "message": "It is down"}, "It is down"),
        ({"fields": [{"key": "summary", "value": "Hot"}, {"key": "severity", "value": "high"}]}, "Hot"),
        ([{"summary": "One"}], "One"),
        ({"check": "ping", "host": "a", "output": "no answer for 3 s"}, "ping: no answer for 3 s"),
        ({"probe-9": {"words": "It went wrong"}}, "It went wrong"),
        ({"alerts": [{"name": "Inner"}], "title": "[FIRING:1]"}, "Inner"),
        ({"title": "Outer", "events": [{"id": "e1"}]}, "Outer"),
    ],
)
def test_titles(document: Any, title: str) -> None:
    assert read(document)[0].title == title


@pytest.mark.parametrize(
    ("document", "severity"),
    [
        ({"title": "Xy", "severity": {"label": "HIGH"}}, "error"),
        ({"title": "Xy", "alert_priority": "P1"}, "critical"),
        ({"title": "Xy", "status": "CRITICAL"}, "critical"),
        ({"title": "Xy", "grade": "minor"}, "warning"),
        ({"title": "Xy", "fields": [{"name": "severity", "value": "info"}]}, "info"),
        ({"title": "Xy"}, "error"),
    ],
)
def test_severities(document: Any, severity: str) -> None:
    assert read(document)[0].severity == severity


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"title": "Xy", "state": "RESOLVED"}, "resolve"),
        ({"title": "Xy", "event_type": "incident.acknowledged"}, "acknowledge"),
        ({"title": "Xy", "eventType": "ALERT_CLEARED"}, "resolve"),
        ({"title": "Xy", "previous_state": "ok", "current_state": "down"}, "trigger"),
        ({"title": "Xy", "is_resolved": True}, "resolve"),
        ({"title": "Xy", "firing": False}, "resolve"),
        ({"title": "Xy", "firing": True}, "trigger"),
        ({"title": "Xy", "resolved_at": "2026-03-02T09:00:00Z"}, "resolve"),
        ({"title": "Xy", "resolved_at": None}, "trigger"),
        ({"title": "Xy", "action": "unresolved"}, "trigger"),
        ({"title": "Xy", "triggerType": "ResolvedCritical"}, "resolve"),
        ({"title": "Xy", "status": "ok_to_critical"}, "trigger"),
        ({"type": "url_verification", "challenge": "abc", "title": "Xy"}, "note"),
    ],
)
def test_states(document: Any, kind: str) -> None:
    assert read(document)[0].kind == kind


def test_unfilled_placeholders_are_no_values() -> None:
    document = {
        "title": "Xy",
        "service": "$SERVICE",
        "host": "{HOST.NAME}",
        "alert_id": "{{ alert.id }}",
        "app": "Shop",
    }
    (signal,) = read(document)
    assert (signal.service, signal.ci) == ("Shop", "")
    (mapped,) = read(document, Mapping(title="$.title", service="$.service", key="$.alert_id"))
    assert mapped.service == "" and len(mapped.key) == 32


class TestSeveral:
    def test_the_key_is_what_begin_and_end_share(self) -> None:
        def payload(number: int, job: str, status: str) -> dict[str, Any]:
            return {
                "uuid": f"u{number}",
                "job_ref": job,
                "incident_id": f"I-{job}",
                "title": f"{job} {status}",
                "status": status,
            }

        found = suggested([payload(1, "a", "failed"), payload(2, "b", "failed"), payload(3, "a", "ok")])
        assert (found.mapping.key, found.grounds["key"]) == ("$.incident_id", Ground.SHARED)
        assert (found.mapping.state, found.grounds["state"]) == ("$.status", Ground.BOTH)

    def test_an_id_of_the_message_is_no_key(self) -> None:
        rows = [("a", "down"), ("b", "down"), ("a", "up"), ("b", "up")]
        documents = [
            {"id": f"m{number}", "name": f"check {name}", "host": name, "status": status}
            for number, (name, status) in enumerate(rows)
        ]
        found = suggested(documents)
        assert "id" not in found.mapping.key
        keys = [read(document, found.mapping)[0].key for document in documents]
        assert keys[0] == keys[2] != keys[1] == keys[3]

    def test_a_title_that_says_the_state_gives_way_to_what_is_steady(self) -> None:
        rows = [("a", "down"), ("b", "down"), ("a", "up")]
        documents = [
            {"id": f"m{n}", "title": f"{h} is {s}", "host": h, "status": s} for n, (h, s) in enumerate(rows)
        ]
        keys = [read(document, suggested(documents).mapping)[0].key for document in documents]
        assert keys[0] == keys[2] != keys[1]

    def test_the_wording_of_a_message_is_no_identity(self) -> None:
        first = {"check": "ping", "host": "a", "state": "CRITICAL", "output": "no answer for 3 s"}
        keys = [
            read({**first, **more})[0].key
            for more in ({}, {"state": "OK", "output": "answers"}, {"host": "b"})
        ]
        assert keys == ["a/ping", "a/ping", "b/ping"]

    def test_words_of_a_tool_s_own_are_learned(self) -> None:
        documents = [{"title": "Xy", "status": word} for word in ("alarm_raised", "alarm_cleared")]
        mapping = suggested(documents).mapping
        assert "alarm_cleared" in mapping.resolved
        assert [read(document, mapping)[0].kind for document in documents] == ["trigger", "resolve"]

    def test_one_word_for_everything_is_no_title(self) -> None:
        documents = [
            {"title": "Notification", "message": f"{name} does not answer"} for name in ("a", "b", "c")
        ]
        assert suggested(documents).mapping.title == "$.message"

    def test_nothing_to_go_by(self) -> None:
        for documents in ([], [None, 3, "x"], [[]], [{}], [[[]]]):
            assert suggested(documents).mapping.title == ""


class TestKnown:
    @pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.tool)
    def test_every_documented_mapping_can_be_saved(self, shape: Any) -> None:
        assert mapping_from(msgspec.to_builtins(shape.mapping)) == shape.mapping

    def test_azure(self) -> None:
        essentials = {
            "alertId": "/sub/1",
            "alertRule": "CPU",
            "severity": "Sev1",
            "monitorCondition": "Resolved",
        }
        document = {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": essentials}}
        (signal,) = read(document)
        assert (signal.kind, signal.key, signal.title, signal.severity) == (
            "resolve",
            "/sub/1",
            "CPU",
            "error",
        )

    @pytest.mark.parametrize(
        ("severity", "expected"), [(9.1, "critical"), (7.5, "error"), (5, "warning"), (2, "info")]
    )
    def test_guardduty_by_numbers(self, severity: float, expected: str) -> None:
        service = {"serviceName": "guardduty", "archived": False}
        finding = {
            "accountId": "1",
            "arn": "arn:g",
            "type": "T:x/y",
            "service": service,
            "severity": severity,
        }
        (signal,) = read(finding)
        assert (signal.severity, signal.kind, signal.security) == (expected, "trigger", True)

    def test_states_that_are_no_alert_are_notes(self) -> None:
        event = {
            "event_type": "service.updated",
            "resource_type": "service",
            "data": {"id": "P", "summary": "S"},
        }
        assert read({"event": event})[0].kind is SignalKind.NOTE
        assert known({"event": {**event, "event_type": "incident.triggered"}}) is not None


class TestPaths:
    document = {
        "text": "/ack A-1 now",
        "fields": [{"key": "a b", "value": 1}, {"key": "c", "value": [{"x": 2}]}],
    }

    @pytest.mark.parametrize(
        ("template", "text"),
        [
            ("{text#2}", "A-1"),
            ("{text#9|'none'}", "none"),
            ("$.fields[key=a b].value", "1"),
            ("{fields[key=c].value[0].x}", "2"),
            ("{fields[key=d].value}", ""),
        ],
    )
    def test_words_and_choices(self, template: str, text: str) -> None:
        check(template)
        assert render(self.document, template) == text

    def test_a_choice_of_what_is_no_list(self) -> None:
        assert find({"fields": {"key": "a"}}, "$.fields[key=a]") is None
        with pytest.raises(PathError):
            check("$.fields[key=]")


def test_the_help_names_every_tool_that_is_recognised() -> None:
    text = help_text("generic", url="https://firstline.example", token="t")
    assert [
        shape.tool for shape in SHAPES if shape.tool.partition(",")[0].removesuffix(" finding") not in text
    ] == []
