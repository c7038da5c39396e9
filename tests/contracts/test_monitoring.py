"""What monitoring and cloud tools send, each in the shapes that its documentation has."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from firstline.intake.helping import samples
from firstline.intake.signal import Severity, Signal, SignalKind
from firstline.intake.sources.parsing import ParseError, Received
from firstline.intake.sources.registry import PARSERS

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TRIGGER, RESOLVE, CHANGE = SignalKind.TRIGGER, SignalKind.RESOLVE, SignalKind.CHANGE


def read(fmt: str, body: object, /, **fields: Any) -> list[Signal]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    settings = fields.pop("settings", {})
    row = Received(id=7, received_at=AT, body=raw, **{"content_type": "application/json", **fields})
    return PARSERS[fmt](row, settings)


def sample(kind: str, name: str, **changes: Any) -> Any:
    body = json.loads(next(each for each in samples(kind) if each.name == name).body)
    return {**body, **changes}


def said(kind: str, name: str, **fields: Any) -> Signal:
    """The one signal of a sample, by its own content type; SNS samples as the test that Firstline itself sends."""
    found = next(each for each in samples(kind) if each.name == name)
    headers = {"test": "1", **fields.pop("headers", {})}
    signals = read(kind, found.body.encode(), content_type=found.content_type, headers=headers, **fields)
    return signals[0]


PAIRS = {
    "cloudevents": ("failed", "resolve"),
    "datadog": ("triggered", "resolve"),
    "github": ("workflow_run", "resolve"),
    "healthchecks": ("down", "resolve"),
    "sentry": ("event_alert", "resolve"),
    "sns": ("alarm", "resolve"),
    "statuscake": ("down", "resolve"),
    "uptime_kuma": ("down", "resolve"),
    "zabbix": ("problem", "resolve"),
}


@pytest.mark.parametrize(("kind", "names"), sorted(PAIRS.items()))
def test_the_end_has_the_identity_of_the_beginning(kind: str, names: tuple[str, str]) -> None:
    began, ended = (said(kind, name) for name in names)
    assert (began.kind, ended.kind) == (TRIGGER, RESOLVE)
    assert began.key == ended.key
    assert "Test" in began.title


@pytest.mark.parametrize(
    ("kind", "name", "severity", "service", "ci"),
    [
        ("cloudevents", "failed", "error", "Shop", "shop-web-1"),
        ("datadog", "triggered", "error", "Shop", "shop-web-1"),
        ("github", "workflow_run", "warning", "shop", "example/shop"),
        ("github", "dependabot_alert", "error", "shop", "example/shop"),
        ("grafana", "firing", "critical", "Shop", "queue-1.example.org:9419"),
        ("grafana", "legacy", "warning", "", "db-1"),
        ("healthchecks", "down", "critical", "shop", "Test: nightly backup of db-1"),
        ("healthchecks", "json", "warning", "", "Test: nightly report"),
        ("sentry", "event_alert", "error", "Shop", "shop-web-1"),
        ("sentry", "metric_alert", "critical", "shop", ""),
        ("sns", "alarm", "error", "", "i-0123456789abcdef0"),
        ("splunk", "alert", "error", "Shop", "shop-web-1"),
        ("statuscake", "down", "critical", "", "Test shop front page"),
        ("uptime_kuma", "down", "critical", "Shop", "Test shop front page"),
        ("zabbix", "problem", "error", "Shop", "db-1"),
    ],
)
def test_samples(kind: str, name: str, severity: str, service: str, ci: str) -> None:
    signal = said(kind, name)
    assert (signal.kind, signal.severity, signal.service, signal.ci) == (TRIGGER, severity, service, ci)
    assert signal.occurred_at <= AT and signal.clock_ahead == 0


class TestGrafana:
    def test_values_and_links(self) -> None:
        signal = said("grafana", "firing")
        assert "A: 1204" in signal.description and signal.labels["org_id"] == "1"
        assert signal.key == "5f21a9d07b6a4c11" and 'alertname="QueueBacklog"' in signal.group
        assert {link.text for link in signal.links} >= {"source", "silence", "dashboard", "panel", "runbook"}

    @pytest.mark.parametrize(
        ("state", "kinds"),
        [("alerting", [TRIGGER]), ("ok", [RESOLVE]), ("no_data", [TRIGGER]), ("pending", []), ("paused", [])],
    )
    def test_legacy_states(self, state: str, kinds: list[SignalKind]) -> None:
        signals = read("grafana", sample("grafana", "legacy", state=state))
        assert [signal.kind for signal in signals] == kinds
        assert all(signal.key == "rule/1/17" for signal in signals)

    def test_each_series_of_a_legacy_rule_counts(self) -> None:
        match = {"metric": "m", "value": 1, "tags": {}}
        signals = read(
            "grafana", {"ruleId": 3, "ruleName": "R", "state": "alerting", "evalMatches": [match, match]}
        )
        assert [signal.key for signal in signals] == ["rule/3", "rule/3"]

    def test_an_unknown_shape_is_an_error_with_its_place(self) -> None:
        with pytest.raises(ParseError, match=r"\$\.alerts"):
            read("grafana", {"hello": 1})


class TestZabbix:
    @pytest.mark.parametrize(
        ("fields", "kind"),
        [
            ({"event_value": "0"}, RESOLVE),
            ({"event_update_status": "1", "event_update_action": "acknowledged"}, SignalKind.ACKNOWLEDGE),
            ({"event_update_status": "1", "event_update_action": "unacknowledged"}, SignalKind.NOTE),
            ({"event_update_status": "1", "event_update_action": "commented"}, SignalKind.NOTE),
            ({"event_update_status": "0"}, TRIGGER),
        ],
    )
    def test_what_happens_to_a_problem(self, fields: dict[str, str], kind: SignalKind) -> None:
        (signal,) = read("zabbix", sample("zabbix", "problem", **fields))
        assert (signal.kind, signal.key, signal.group) == (kind, "48213", "trigger/16211")

    @pytest.mark.parametrize(
        ("number", "severity"),
        [("0", "info"), ("1", "info"), ("2", "warning"), ("3", "warning"), ("4", "error"), ("5", "critical")],
    )
    def test_severities(self, number: str, severity: str) -> None:
        (signal,) = read("zabbix", sample("zabbix", "problem", event_nseverity=number))
        assert signal.severity == severity

    def test_macros_that_zabbix_left_unfilled_say_nothing(self) -> None:
        body = {
            "event_name": "N",
            "host_name": "{HOST.NAME}",
            "event_opdata": "*UNKNOWN*",
            "zabbix_url": "{$ZABBIX.URL}",
        }
        (signal,) = read("zabbix", body)
        assert (signal.ci, signal.description, signal.links) == ("", "", ())

    def test_a_message_as_text(self) -> None:
        text = "Problem started at 10:00\nProblem name: Too many processes\nHost: db-1\nSeverity: High\n"
        text += "Original problem ID: 77\n"
        (began,) = read("zabbix", text.encode(), content_type="text/plain; charset=utf-8")
        over = text.replace("Problem started at", "Problem has been resolved at")
        (ended,) = read("zabbix", over.encode(), content_type="text/plain")
        assert (began.title, began.ci, began.severity) == ("Too many processes", "db-1", Severity.ERROR)
        assert (ended.kind, ended.key) == (RESOLVE, began.key)


class TestCloudEvents:
    def test_binary_mode(self) -> None:
        headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/a", "ce-type": "org.x.disk.failed"}
        headers |= {
            "ce-subject": "vol%20%C3%BC",
            "ce-severitynumber": "21",
            "ce-time": "2026-03-02T09:00:00Z",
        }
        (signal,) = read("cloudevents", b"it is full", content_type="text/plain", headers=headers)
        assert (signal.title, signal.key) == ("org.x.disk.failed: vol ü", "/a/vol ü")
        assert (signal.severity, signal.description) == (Severity.CRITICAL, "it is full")
        assert signal.occurred_at == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def test_batch_and_base64(self) -> None:
        data = base64.b64encode(b'{"title": "Tape", "alert_id": "k", "status": "resolved"}').decode()
        event = {"specversion": "1.0", "id": "1", "source": "s", "type": "t"}
        first, second = read("cloudevents", [{**event, "type": "t.opened"}, {**event, "data_base64": data}])
        assert (first.kind, first.key, first.position) == (TRIGGER, "s/t", 0)
        assert (second.kind, second.key, second.title, second.position) == (RESOLVE, "k", "Tape", 1)

    @pytest.mark.parametrize(
        "event", [3, {}, {"type": "t"}, {"type": "t", "source": "s", "data_base64": "?"}]
    )
    def test_what_is_no_event_is_named(self, event: object) -> None:
        with pytest.raises(ParseError):
            read("cloudevents", [event])


class TestDatadog:
    def test_the_default_payload_has_its_identity_in_the_title(self) -> None:
        body = {
            "id": "1",
            "title": "[P2] [Triggered on {host:db-1,env:prod}] CPU",
            "body": "%%%\nBusy\n@webhook-firstline\n",
        }
        (began,) = read("datadog", body)
        (ended,) = read(
            "datadog", {**body, "id": "2", "title": "[P2] [Recovered on {host:db-1,env:prod}] CPU"}
        )
        assert (began.key, began.title, began.ci, began.severity) == (
            "CPU/host:db-1,env:prod",
            "CPU",
            "db-1",
            "error",
        )
        assert (ended.kind, ended.key, began.description) == (RESOLVE, began.key, "Busy")

    def test_encoded_as_a_form(self) -> None:
        form = urlencode(
            {"alert_title": "CPU", "alert_id": "5", "alert_scope": "host:a", "alert_transition": "Warn"}
        )
        (signal,) = read("datadog", form.encode(), content_type="application/x-www-form-urlencoded")
        assert (signal.key, signal.severity) == ("5/host:a", Severity.WARNING)

    @pytest.mark.parametrize("transition", ["Re-Triggered", "Renotify", "No Data", "Re-Warn"])
    def test_repetitions_are_the_same_alert(self, transition: str) -> None:
        (signal,) = read("datadog", sample("datadog", "triggered", alert_transition=transition))
        assert (signal.kind, signal.key) == (TRIGGER, said("datadog", "triggered").key)


class TestSentry:
    @pytest.mark.parametrize(
        ("action", "kinds"),
        [
            ("created", [TRIGGER]),
            ("unresolved", [TRIGGER]),
            ("resolved", [RESOLVE]),
            ("archived", [RESOLVE]),
            ("ignored", [RESOLVE]),
            ("assigned", []),
        ],
    )
    def test_issues(self, action: str, kinds: list[SignalKind]) -> None:
        body = sample("sentry", "resolve", action=action)
        signals = read("sentry", body, headers={"sentry-hook-resource": "issue"})
        assert [signal.kind for signal in signals] == kinds
        assert all(signal.key == "issue/1170820242" and signal.service == "shop" for signal in signals)

    def test_metric_alerts_are_their_rule(self) -> None:
        (ended,) = read("sentry", sample("sentry", "metric_alert", action="resolved"))
        assert (
            (ended.kind, ended.key) == (RESOLVE, said("sentry", "metric_alert").key) == (RESOLVE, "metric/17")
        )

    @pytest.mark.parametrize("resource", ["installation", "comment", "seer"])
    def test_other_resources_are_no_alerts(self, resource: str) -> None:
        assert (
            read("sentry", {"action": "created", "data": {}}, headers={"sentry-hook-resource": resource})
            == []
        )


class TestSplunk:
    def test_it_expires_because_splunk_never_says_that_it_is_over(self) -> None:
        assert said("splunk", "alert").ends_at == AT + timedelta(days=1)
        assert said("splunk", "alert", settings={"expires_after": 600}).ends_at == AT + timedelta(minutes=10)

    def test_a_run_is_no_identity(self) -> None:
        body = sample("splunk", "alert")
        (one,), (two,) = read("splunk", body), read("splunk", {**body, "sid": "another"})
        assert one.key == two.key == "search/Test: too many errors in the access log/shop-web-1"
        (ended,) = read("splunk", {**body, "result": {**body["result"], "status": "resolved"}})
        assert (ended.kind, ended.key, ended.ends_at) == (RESOLVE, one.key, None)


class TestUptimeKuma:
    @pytest.mark.parametrize(("status", "kinds"), [(0, [TRIGGER]), (1, [RESOLVE]), (2, []), (3, [])])
    def test_states(self, status: int, kinds: list[SignalKind]) -> None:
        body = sample("uptime_kuma", "down")
        body["heartbeat"]["status"] = status
        assert [signal.kind for signal in read("uptime_kuma", body)] == kinds

    def test_notices_about_one_certificate_are_one_alert(self) -> None:
        texts = [f"[Shop][https://x] Certificate will be expired in {days} days" for days in (14, 7)]
        first, second = (
            read("uptime_kuma", {"heartbeat": None, "monitor": None, "msg": text})[0] for text in texts
        )
        assert first.key == second.key and first.severity is Severity.WARNING

    def test_as_a_form(self) -> None:
        body = json.dumps(sample("uptime_kuma", "down"))
        form = f'--x\r\nContent-Disposition: form-data; name="data"\r\n\r\n{body}\r\n--x--\r\n'
        (signal,) = read("uptime_kuma", form.encode(), content_type="multipart/form-data; boundary=x")
        assert signal.key == "monitor/7"


class TestHealthchecks:
    @pytest.mark.parametrize("status", ["new", "paused", "grace", "started"])
    def test_what_is_no_outage_says_nothing(self, status: str) -> None:
        assert read("healthchecks", sample("healthchecks", "down", status=status)) == []

    def test_template_and_json_placeholder_have_one_identity(self) -> None:
        code = "31365bce-8da9-4729-8ff3-aaa71d56b712"
        assert said("healthchecks", "json").key == f"check/{code}"
        (signal,) = read("healthchecks", sample("healthchecks", "down", code=code))
        assert signal.key == f"check/{code}"


class TestGitHub:
    def run(self, **fields: Any) -> list[Signal]:
        body = sample("github", "workflow_run")
        body["workflow_run"] |= fields
        return read("github", body, headers={"x-github-event": "workflow_run"}, settings=self.settings)

    settings: dict[str, Any] = {}

    @pytest.mark.parametrize(
        ("conclusion", "kinds"),
        [("timed_out", [TRIGGER]), ("success", [RESOLVE]), ("cancelled", []), ("startup_failure", [TRIGGER])],
    )
    def test_conclusions(self, conclusion: str, kinds: list[SignalKind]) -> None:
        assert [signal.kind for signal in self.run(conclusion=conclusion)] == kinds

    def test_only_the_default_branch_matters(self) -> None:
        assert self.run(head_branch="topic") == []
        assert self.run(event="pull_request") == []
        self.settings = {"branches": ["topic"]}
        assert len(self.run(head_branch="topic")) == 1

    def test_a_deployment_is_a_change_and_ends_a_failed_one(self) -> None:
        body = sample("github", "change")
        change, over = read("github", body)
        body["deployment_status"]["state"] = "failure"
        (failed,) = read("github", body)
        assert (change.kind, change.title) == (CHANGE, "example/shop v4.2.1 deployed to production")
        assert (failed.kind, over.kind, over.key) == (TRIGGER, RESOLVE, failed.key)

    def test_security_alerts(self) -> None:
        opened = said("github", "dependabot_alert")
        (fixed,) = read("github", sample("github", "dependabot_alert", action="auto_dismissed"))
        assert opened.security and (fixed.kind, fixed.key) == (RESOLVE, opened.key)
        secret = {
            "action": "created",
            "alert": {"number": 3, "secret_type": "x_key"},
            "repository": {"full_name": "a/b"},
        }
        (leak,) = read("github", secret, headers={"x-github-event": "secret_scanning_alert"})
        assert (leak.security, leak.severity, leak.key) == (True, Severity.CRITICAL, "secret/a/b/3")

    def test_a_release_is_a_change(self) -> None:
        body = {
            "action": "published",
            "release": {"id": 1, "name": "4.2"},
            "repository": {"full_name": "a/b"},
        }
        (signal,) = read("github", body, headers={"x-github-event": "release"})
        assert (signal.kind, signal.title, signal.key) == (CHANGE, "a/b 4.2 released", "release/a/b/1")

    @pytest.mark.parametrize("event", ["push", "ping", "issues", "star"])
    def test_everything_else_gives_no_signal(self, event: str) -> None:
        assert read("github", {"zen": "…", "repository": {}}, headers={"x-github-event": event}) == []

    def test_as_a_form(self) -> None:
        body = urlencode({"payload": json.dumps(sample("github", "workflow_run"))}).encode()
        (signal,) = read("github", body, content_type="application/x-www-form-urlencoded")
        assert signal.key == "workflow/example/shop/501/main"


class TestStatusCake:
    def test_uptimerobot_by_its_address(self) -> None:
        query = {"monitorID": "9", "monitorFriendlyName": "Shop", "alertType": "1", "alertDetails": "timeout"}
        (down,) = read("statuscake", b"", headers={"query": urlencode(query)})
        (up,) = read("statuscake", b"", headers={"query": urlencode({**query, "alertType": "2"})})
        (expiry,) = read("statuscake", b"", headers={"query": urlencode({**query, "alertType": "3"})})
        assert (down.kind, down.key, down.title) == (TRIGGER, "9", "Shop is down")
        assert (up.kind, up.key) == (RESOLVE, "9")
        assert expiry.key != "9" and expiry.severity is Severity.WARNING

    def test_its_token_is_no_label(self) -> None:
        (signal,) = read(
            "statuscake", b"Name=a&Status=Down&Token=secret", content_type="application/x-www-form-urlencoded"
        )
        assert "secret" not in str(signal)


class TestEventBridge:
    def event(self, **fields: Any) -> list[Signal]:
        return read(
            "sns", {"version": "0", "account": "1", "region": "r", **fields}, settings={"unsigned": True}
        )

    def test_an_alarm_is_the_same_as_by_sns(self) -> None:
        arn = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:Test: CPU of db-1"
        detail = {
            "alarmName": "Test: CPU of db-1",
            "state": {"value": "OK", "timestamp": "2026-03-02T09:20:00Z"},
        }
        (signal,) = self.event(
            **{
                "detail-type": "CloudWatch Alarm State Change",
                "source": "aws.cloudwatch",
                "resources": [arn],
                "detail": detail,
            }
        )
        assert (signal.kind, signal.key) == (RESOLVE, said("sns", "alarm").key)

    def test_findings_are_security_alerts(self) -> None:
        finding = {
            "Id": "arn:f",
            "Title": "Port is open",
            "Severity": {"Label": "HIGH"},
            "RecordState": "ACTIVE",
        }
        source = {"detail-type": "Security Hub Findings - Imported", "source": "aws.securityhub"}
        one, two = self.event(
            **source, detail={"findings": [finding, {**finding, "RecordState": "ARCHIVED"}]}
        )
        assert (one.security, one.severity, one.kind, two.kind) == (True, Severity.ERROR, TRIGGER, RESOLVE)
        (duty,) = self.event(
            **{"detail-type": "GuardDuty Finding", "source": "aws.guardduty"},
            detail={"id": "g", "arn": "arn:g", "title": "Mining", "severity": 8.0},
        )
        assert (duty.key, duty.severity) == ("arn:g", Severity.ERROR)

    def test_health_and_others(self) -> None:
        health = {
            "service": "EC2",
            "eventTypeCode": "AWS_EC2_OUTAGE",
            "eventArn": "arn:h",
            "statusCode": "closed",
        }
        (over,) = self.event(**{"detail-type": "AWS Health Event", "source": "aws.health"}, detail=health)
        assert (over.kind, over.key) == (RESOLVE, "arn:h")
        (other,) = self.event(
            **{"detail-type": "ECS Task State Change", "source": "aws.ecs", "resources": ["arn:t"]},
            detail={"stoppedReason": "Out of memory"},
        )
        assert (other.key, other.ci) == ("ECS Task State Change/arn:t", "arn:t")
