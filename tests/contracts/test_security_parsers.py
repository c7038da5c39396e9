"""The formats of security tools against their own samples: identity, severity, state, observables, ATT&CK."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firstline.intake.entities import normalised
from firstline.intake.helping import samples
from firstline.intake.signal import Entity, EntityKind, Severity, Signal, SignalKind
from firstline.intake.sources.parsing import ParseError, Received
from firstline.intake.sources.registry import PARSERS, SECURITY_KINDS

AT = datetime(2026, 3, 2, 9, 16, tzinfo=UTC)
SHA = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
TRIGGER, ACKNOWLEDGE, RESOLVE = SignalKind.TRIGGER, SignalKind.ACKNOWLEDGE, SignalKind.RESOLVE
KIND = EntityKind


def read(kind: str, body: object, **fields: Any) -> list[Signal]:
    raw = (
        body
        if isinstance(body, bytes)
        else body.encode()
        if isinstance(body, str)
        else json.dumps(body).encode()
    )
    settings = fields.pop("settings", {})
    return PARSERS[kind](Received(id=7, received_at=AT, body=raw, **fields), settings)


def sample(kind: str, name: str) -> list[Signal]:
    return read(kind, next(each for each in samples(kind) if each.name == name).body)


@pytest.mark.parametrize("kind", sorted(SECURITY_KINDS))
def test_every_sample_is_a_security_signal_in_canonical_spelling(kind: str) -> None:
    names = [each.name for each in samples(kind)]
    assert names
    for name in names:
        for signal in sample(kind, name):
            assert signal.security and signal.title and signal.key
            assert all(each.startswith("TA") for each in signal.tactics)
            for each in signal.entities:
                assert normalised(each.kind, each.value) == each.value


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("elastic_security", "alert"),
        ("sentinel", "incident"),
        ("ocsf", "detection"),
        ("aws_securityhub", "finding"),
    ],
)
def test_the_end_has_the_key_of_the_beginning(kind: str, first: str) -> None:
    begun, ended = sample(kind, first)[0], sample(kind, "resolve")[0]
    assert (begun.kind, ended.kind) == (TRIGGER, RESOLVE)
    assert begun.key == ended.key
    assert ended.ends_at is None


def test_elastic() -> None:
    (signal,) = sample("elastic_security", "alert")
    assert signal.key == "0d1f2a3b-0000-4000-8000-5a6b7c8d9e0f/files-1.corp.example/198.51.100.23"
    assert (signal.severity, signal.ci) == (Severity.ERROR, "FILES-1.corp.example")
    assert signal.tactics == ("TA0006",) and signal.techniques == ("T1110", "T1110.001")
    assert set(signal.entities) == {
        Entity(KIND.HOST, "files-1.corp.example", "target"),
        Entity(KIND.IP, "10.20.0.31", "target"),
        Entity(KIND.IP, "fe80::1", "target"),
        Entity(KIND.IP, "198.51.100.23", "source"),
        Entity(KIND.USER, "alice@corp", "actor"),
        Entity(KIND.PROCESS, "c:\\windows\\system32\\lsass.exe", "actor"),
    }
    assert signal.ends_at == AT + timedelta(days=1)


@pytest.mark.parametrize(
    ("risk", "severity"), [(21, "info"), (47, "warning"), (73, "error"), (99, "critical")]
)
def test_elastic_by_risk_score(risk: int, severity: str) -> None:
    (signal,) = read("elastic_security", {"kibana.alert.rule.name": "r", "kibana.alert.risk_score": risk})
    assert signal.severity == severity


def test_elastic_nested_and_of_7() -> None:
    nested = {
        "kibana": {"alert": {"rule": {"name": "r", "uuid": "u"}, "severity": "low"}},
        "host": {"name": "H"},
    }
    old = {
        "_source": {
            "signal": {"rule": {"name": "r", "id": "u", "severity": "low"}, "status": "in-progress"},
            "host": {"name": "H"},
        }
    }
    (one,), (other,) = read("elastic_security", nested), read("elastic_security", [old])
    assert one.key == other.key == "u/h"
    assert (one.kind, other.kind) == (TRIGGER, ACKNOWLEDGE)
    assert one.severity == other.severity == Severity.INFO


def test_sentinel() -> None:
    (signal,) = sample("sentinel", "incident")
    assert signal.key == "3c1b2a90-0000-4000-8000-000000000042"
    assert signal.tactics == ("TA0001", "TA0006") and signal.techniques == ("T1078",)
    assert set(signal.entities) == {
        Entity(KIND.USER, "alice@corp.example"),
        Entity(KIND.IP, "198.51.100.23"),
        Entity(KIND.HOST, "files-1.corp.example"),
        Entity(KIND.FILE_HASH, SHA),
    }
    assert signal.ends_at is None and signal.labels["number"] == "4711"


def test_defender() -> None:
    signal, acknowledged = sample("sentinel", "defender")
    assert (signal.kind, acknowledged.kind, signal.key) == (TRIGGER, ACKNOWLEDGE, acknowledged.key)
    assert (signal.severity, signal.tactics, signal.techniques) == (
        Severity.WARNING,
        ("TA0005",),
        ("T1564.001",),
    )
    assert {
        Entity(KIND.HOST, "files-1.corp.example", "target"),
        Entity(KIND.IP, "198.51.100.23", "source"),
        Entity(KIND.USER, "alice@corp"),
        Entity(KIND.PROCESS, "c:\\users\\public\\update.exe", "actor"),
        Entity(KIND.PROCESS, "c:\\windows\\explorer.exe", "parent"),
    } <= set(signal.entities)


def test_streamed_evidence_is_no_alert_of_its_own() -> None:
    about = {
        "category": "AdvancedHunting-AlertInfo",
        "properties": {"AlertId": "a1", "Title": "t", "Severity": "High"},
    }
    evidence = {"category": "AdvancedHunting-AlertEvidence", "properties": {"AlertId": "a1", "Title": "t"}}
    (signal,) = read("sentinel", {"records": [about, evidence]})
    assert (signal.key, signal.severity) == ("a1", Severity.ERROR)


def test_ocsf() -> None:
    (signal,) = sample("ocsf", "detection")
    assert (signal.key, signal.severity, signal.ci) == ("finding-4711", Severity.ERROR, "WEB-1.shop.example")
    assert signal.tactics == ("TA0011",) and signal.techniques == ("T1071", "T1071.001")
    assert set(signal.entities) == {
        Entity(KIND.HOST, "web-1.shop.example", "target"),
        Entity(KIND.IP, "10.20.0.11", "target"),
        Entity(KIND.IP, "10.20.0.11", "source"),
        Entity(KIND.IP, "203.0.113.66", "target"),
        Entity(KIND.USER, "www-data", "actor"),
        Entity(KIND.PROCESS, "/tmp/nc", "actor"),
        Entity(KIND.PROCESS, "nc", "actor"),
        Entity(KIND.FILE_HASH, SHA),
        Entity(KIND.URL, "https://c2.example/a"),
    }


def test_ocsf_other_categories_make_no_alert() -> None:
    login = {"class_uid": 3002, "category_uid": 3, "message": "Alice signed in"}
    finding = {"class_uid": 2001, "finding": {"uid": "f", "title": "t"}, "state_id": 2}
    signals = read("ocsf", [login, finding])
    assert [(each.kind, each.key) for each in signals] == [(TRIGGER, "f"), (ACKNOWLEDGE, "f")]
    assert read("ocsf", login) == []


@pytest.mark.parametrize(
    ("number", "severity"),
    [
        (0, "warning"),
        (1, "info"),
        (2, "info"),
        (3, "warning"),
        (4, "error"),
        (5, "critical"),
        (6, "critical"),
        (99, "warning"),
    ],
)
def test_ocsf_severities(number: int, severity: str) -> None:
    (signal,) = read("ocsf", {"class_uid": 2004, "severity_id": number, "finding_info": {"title": "t"}})
    assert signal.severity == severity


def test_security_hub() -> None:
    (signal,) = sample("aws_securityhub", "finding")
    assert signal.key.endswith("/finding/4711") and signal.severity is Severity.CRITICAL
    assert signal.tactics == ("TA0001",)
    assert set(signal.entities) == {
        Entity(KIND.IP, "198.51.100.23", "source"),
        Entity(KIND.IP, "10.20.0.11", "target"),
        Entity(KIND.HOST, "i-0abc", "target"),
        Entity(KIND.DOMAIN, "c2.example"),
    }


def test_guardduty() -> None:
    (signal,) = sample("aws_securityhub", "guardduty")
    assert (signal.severity, signal.tactics) == (Severity.ERROR, ("TA0006",))
    assert set(signal.entities) == {
        Entity(KIND.USER, "deploy", "actor"),
        Entity(KIND.IP, "203.0.113.66", "source"),
    }


@pytest.mark.parametrize(
    ("number", "severity"),
    [(1, "info"), (3.9, "info"), (4, "warning"), (6.9, "warning"), (7, "error"), (9, "critical")],
)
def test_guardduty_severities(number: float, severity: str) -> None:
    (signal,) = read(
        "aws_securityhub", {"id": "i", "type": "t", "title": "t", "severity": number, "service": {}}
    )
    assert signal.severity == severity


def test_samples_of_aws_and_what_calls_itself_harmless_make_no_alert() -> None:
    guard = {
        "id": "i",
        "type": "t",
        "title": "t",
        "severity": 8,
        "service": {"additionalInfo": {"sample": True}},
    }
    hub = {"Id": "i", "ProductArn": "p", "Title": "t", "Severity": {"Label": "HIGH"}}
    assert read("aws_securityhub", guard) == []
    assert read("aws_securityhub", hub | {"Sample": True}) == []
    assert read("aws_securityhub", hub | {"Title": "Non-suspicious activity detected"}) == []
    assert len(read("aws_securityhub", hub | {"Title": "Benign program loaded a malicious library"})) == 1


def test_suricata() -> None:
    (signal,) = sample("suricata", "alert")
    assert signal.key == "2900001/198.51.100.23/10.20.0.11"
    assert (signal.severity, signal.ci) == (Severity.CRITICAL, "10.20.0.11")
    assert signal.tactics == ("TA0001",) and signal.techniques == ("T1190",)
    assert set(signal.entities) == {
        Entity(KIND.IP, "198.51.100.23", "source"),
        Entity(KIND.IP, "10.20.0.11", "target"),
        Entity(KIND.HOST, "sensor-1", "sensor"),
        Entity(KIND.DOMAIN, "shop.example", "target"),
        Entity(KIND.FILE_HASH, SHA),
        Entity(KIND.URL, "http://shop.example/cart?id=1;id", "target"),
    }


def test_suricata_lines_of_other_types_make_no_alert() -> None:
    alert = {
        "event_type": "alert",
        "src_ip": "192.0.2.1",
        "alert": {"signature": "s", "signature_id": 5, "severity": 2},
    }
    lines = "\n".join(json.dumps(each) for each in ({"event_type": "flow"}, alert, {"event_type": "dns"}))
    (signal,) = read("suricata", lines, content_type="application/x-ndjson")
    assert (signal.key, signal.severity) == ("5/192.0.2.1", Severity.WARNING)
    assert read("suricata", {"event_type": "stats"}) == []


def test_suricata_target_keyword_wins_over_the_direction() -> None:
    alert = {
        "event_type": "alert",
        "src_ip": "10.0.0.1",
        "dest_ip": "192.0.2.1",
        "alert": {"signature": "s", "source": {"ip": "192.0.2.1"}, "target": {"ip": "10.0.0.1"}},
    }
    (signal,) = read("suricata", {"message": json.dumps(alert)})
    assert set(signal.entities) == {
        Entity(KIND.IP, "192.0.2.1", "source"),
        Entity(KIND.IP, "10.0.0.1", "target"),
    }


def test_falco() -> None:
    (signal,) = sample("falco", "event")
    assert signal.key == "Test: Terminal shell in container/node-3/shop-web-5d8c7"
    assert (signal.severity, signal.ci, signal.service) == (Severity.CRITICAL, "node-3", "shop")
    assert signal.tactics == ("TA0002",) and signal.techniques == ("T1059",)
    assert signal.labels["uuid"] == "0f1e2d3c-0000-4000-8000-000000000001"
    assert set(signal.entities) == {
        Entity(KIND.HOST, "node-3", "target"),
        Entity(KIND.USER, "www-data", "actor"),
        Entity(KIND.PROCESS, "/tmp/.x/bash", "actor"),
        Entity(KIND.PROCESS, "bash", "actor"),
        Entity(KIND.PROCESS, "nginx", "parent"),
        Entity(KIND.IP, "10.20.0.11", "source"),
        Entity(KIND.IP, "203.0.113.66", "target"),
    }


def test_falco_fields_without_a_value_are_none() -> None:
    fields = {"user.name": "<NA>", "proc.name": "proc.name", "fd.sip": None, "container.id": "host"}
    (signal,) = read("falco", {"rule": "r", "priority": "Notice", "output_fields": fields, "hostname": "h"})
    assert (signal.entities, signal.key) == ((Entity(KIND.HOST, "h", "target"),), "r/h")


def test_aminer() -> None:
    (signal,) = sample("aminer", "event")
    assert (signal.severity, signal.ci) == (Severity.WARNING, "WEB-1")
    assert signal.key.startswith("Test: New request method in the access log/10.20.0.11/")
    assert signal.occurred_at == datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
    assert set(signal.entities) == {
        Entity(KIND.IP, "10.20.0.11", "target"),
        Entity(KIND.HOST, "web-1", "target"),
        Entity(KIND.IP, "198.51.100.23"),
    }


def test_wazuh_by_syslog_output() -> None:
    body = {
        "crit": 10,
        "id": 5551,
        "component": "(web1) 10.0.0.9->/var/log/auth.log",
        "description": "Many failures",
        "message": "m",
    }
    (signal,) = read("wazuh", body)
    assert (signal.key, signal.severity, signal.ci) == ("5551/web1", Severity.WARNING, "web1")
    assert Entity(KIND.IP, "10.0.0.9", "target") in signal.entities


def test_windows_accounts_in_wazuh() -> None:
    event = {
        "targetUserName": "Alice",
        "targetDomainName": "CORP",
        "subjectUserName": "-",
        "ipAddress": "::ffff:192.0.2.4",
    }
    alert = {
        "rule": {"id": "60122", "level": 5, "description": "Logon failure"},
        "data": {"win": {"eventdata": event}},
    }
    (signal,) = read("wazuh", alert)
    assert set(signal.entities) == {
        Entity(KIND.USER, "alice@corp", "target"),
        Entity(KIND.IP, "192.0.2.4", "source"),
    }


@pytest.mark.parametrize(
    "kind", ["elastic_security", "sentinel", "ocsf", "aws_securityhub", "suricata", "falco", "aminer"]
)
@pytest.mark.parametrize("body", ["{}", "[]", "[1]", '{"x": {"y": 1}}', "not json"])
def test_another_shape_is_refused(kind: str, body: str) -> None:
    with pytest.raises(ParseError):
        read(kind, body)


def test_a_bad_record_does_not_hold_up_the_good_one() -> None:
    bad = {"event_type": "alert", "alert": {}}
    good = {"event_type": "alert", "alert": {"signature": "s", "signature_id": 5}}
    assert [each.key for each in read("suricata", [bad, good])] == ["5"]
    with pytest.raises(ParseError, match="signature"):
        read("suricata", [bad])


def test_a_lifetime_of_ones_own() -> None:
    (signal,) = read("falco", {"rule": "r", "output": "o"}, settings={"expires_after": 60})
    assert signal.ends_at == AT + timedelta(seconds=60)
