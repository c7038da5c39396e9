"""Intake through a real server and a real database."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from firstline.core import clock
from firstline.intake.models import Source

from .conftest import Running

TRIGGER = {"event_action": "trigger", "payload": {"summary": "s", "source": "h", "severity": "error"}}
JSON = {"Content-Type": "application/json"}


def test_a_pagerduty_trigger_is_stored_with_the_key_that_was_answered(
    gateway: Running, source: Callable[..., str]
) -> None:
    key = source("pagerduty")
    body = json.dumps({**TRIGGER, "routing_key": key}).encode()
    answer = gateway.ask("POST", "/v2/enqueue", body, JSON)
    assert answer.status == 202
    (row,) = gateway.rows()
    assert row["dedup_key"] == answer.json()["dedup_key"]
    assert (bytes(row["body"]), row["kind"], row["state"]) == (body, "alert", "new")
    assert row["content_type"] == "application/json"


def test_a_change_event_is_a_change(gateway: Running, source: Callable[..., str]) -> None:
    body = json.dumps({"routing_key": source("pagerduty"), "payload": {"summary": "deployed"}}).encode()
    assert gateway.ask("POST", "/v2/change/enqueue", body, JSON).status == 202
    assert [row["kind"] for row in gateway.rows()] == ["change"]


@pytest.mark.parametrize("sent", [b"not JSON", b"", b'{"routing_key": 3}', b'{"routing_key": "\xff"}'])
def test_pagerduty_answers_nonsense_in_its_own_shape(gateway: Running, sent: bytes) -> None:
    answer = gateway.ask("POST", "/v2/enqueue", sent, JSON)
    assert answer.status == 400
    assert answer.json()["status"] == "invalid event"
    assert answer.json()["errors"]
    assert gateway.rows() == []


def test_prometheus_pushes_to_the_base_address(gateway: Running, source: Callable[..., str]) -> None:
    base = f"/intake/{source('alertmanager')}"
    good = [{"labels": {"alertname": "X"}}]
    assert gateway.ask("POST", f"{base}/api/v2/alerts", json.dumps(good).encode(), JSON).status == 200
    mixed = gateway.ask("POST", f"{base}/api/v2/alerts", json.dumps([*good, {"labels": {}}]).encode(), JSON)
    assert (mixed.status, "alert 1" in mixed.json()) == (400, True)
    assert len(gateway.rows()) == 2, "the good ones of a mixed push are kept"
    assert gateway.ask("GET", f"{base}/api/v2/status").json()["cluster"]["status"] == "disabled"
    assert gateway.ask("DELETE", f"{base}/api/v2/alerts").status == 405
    assert gateway.ask("POST", f"{base}/api/v2/nothing", b"[]", JSON).status == 404


def test_a_beat_is_kept_with_its_path(gateway: Running, source: Callable[..., str]) -> None:
    token = source("heartbeat")
    for method, path in (("GET", ""), ("POST", "/fail"), ("POST", "/7")):
        assert gateway.ask(method, f"/beat/{token}{path}").status == 200
    assert [row["headers"]["path"] for row in gateway.rows()] == ["", "/fail", "/7"]
    assert gateway.ask("GET", f"/beat/{token}/nothing").status == 404
    assert gateway.ask("POST", f"/intake/{token}", b"{}").status == 401, (
        "a beat's token is good for beats only"
    )


def test_unknown_disabled_and_misplaced_tokens_are_answered_alike(
    gateway: Running, source: Callable[..., str]
) -> None:
    tokens = ["x" * 32, "short", "%00" * 10, source("generic", enabled=False), source("heartbeat")]
    answers = {(a.status, a.body) for t in tokens for a in [gateway.ask("POST", f"/intake/{t}", b"{}")]}
    assert len(answers) == 1
    assert answers.pop()[0] == 401


def test_a_replaced_token_is_good_until_its_overlap_ends(
    gateway: Running, source: Callable[..., str]
) -> None:
    now = clock.now()
    fine, late = "a" * 32, "b" * 32
    for token, until in ((fine, now + timedelta(hours=1)), (late, now - timedelta(seconds=1))):
        source(
            "generic", previous_token_hash=hashlib.sha256(token.encode()).hexdigest(), previous_until=until
        )
    assert gateway.ask("POST", f"/intake/{fine}", b"{}", JSON).status == 202
    assert gateway.ask("POST", f"/intake/{late}", b"{}", JSON).status == 401


def test_a_source_takes_only_from_its_networks(
    start: Callable[..., Running], source: Callable[..., str]
) -> None:
    gateway = start(FIRSTLINE_TRUSTED_PROXIES="127.0.0.0/8")
    token = source("generic", allowed_networks=["10.0.0.0/8"])
    address = f"/intake/{token}"
    assert gateway.ask("POST", address, b"{}", JSON).status == 403
    assert gateway.ask("POST", address, b"{}", {**JSON, "X-Forwarded-For": "10.1.2.3"}).status == 202
    spoofed = {**JSON, "X-Forwarded-For": "10.1.2.3, 192.0.2.1"}
    assert gateway.ask("POST", address, b"{}", spoofed).status == 403


def test_guessing_tokens_is_slowed_but_a_good_source_is_not(
    start: Callable[..., Running], source: Callable[..., str]
) -> None:
    gateway = start()
    good = source("generic")
    assert gateway.ask("POST", f"/intake/{good}", b"{}", JSON).status == 202
    statuses = [gateway.ask("POST", f"/intake/{number:032d}", b"{}", JSON).status for number in range(60)]
    assert statuses[0] == 401
    assert 429 in statuses
    limited = gateway.ask("POST", f"/intake/{99:032d}", b"{}", JSON)
    assert int(limited.headers["retry-after"]) >= 1
    assert gateway.ask("POST", f"/intake/{good}", b"{}", JSON).status == 202


def test_repeating_one_old_token_locks_nobody_out(
    start: Callable[..., Running], source: Callable[..., str]
) -> None:
    gateway = start()
    statuses = {gateway.ask("POST", f"/intake/{'o' * 32}", b"{}", JSON).status for _ in range(100)}
    assert statuses == {401}
    assert gateway.ask("POST", f"/intake/{source('generic')}", b"{}", JSON).status == 202


def test_bodies_are_bounded_by_format(gateway: Running, source: Callable[..., str]) -> None:
    generic, pagerduty = source("generic"), source("pagerduty")
    fits = b'"' + b"x" * (1024 * 1024 - 2) + b'"'
    assert gateway.ask("POST", f"/intake/{generic}", fits, JSON).status == 202
    assert gateway.ask("POST", f"/intake/{generic}", fits + b" ", JSON).status == 413
    large = json.dumps({**TRIGGER, "routing_key": pagerduty, "more": "x" * 512 * 1024}).encode()
    refused = gateway.ask("POST", "/v2/enqueue", large, JSON)
    assert (refused.status, refused.json()["status"]) == (413, "invalid event")
    assert len(gateway.rows()) == 1


def test_any_bytes_that_the_container_allows_are_kept_as_they_came(
    gateway: Running, source: Callable[..., str]
) -> None:
    token = source("generic")
    odd = json.dumps({"nul": "\0", "emoji": "🔥", "lone": "\ud800"}).encode()
    assert gateway.ask("POST", f"/intake/{token}", odd, JSON).status == 202
    assert (
        gateway.ask("POST", f"/intake/{token}", b"CRITICAL disk /", {"Content-Type": "text/plain"}).status
        == 202
    )
    refused = gateway.ask("POST", f"/intake/{token}", b'{"a": "\xff"}', JSON)
    assert (refused.status, "byte 7" in refused.json()["message"]) == (400, True)
    assert [bytes(row["body"]) for row in gateway.rows()] == [odd, b"CRITICAL disk /"]


def test_a_disabled_source_is_refused_within_seconds(gateway: Running, source: Callable[..., str]) -> None:
    from .conftest import wait_for

    token = source("generic")
    assert gateway.ask("POST", f"/intake/{token}", b"{}", JSON).status == 202
    Source.objects.filter(token_hash=hashlib.sha256(token.encode()).hexdigest()).update(enabled=False)
    wait_for(lambda: gateway.ask("POST", f"/intake/{token}", b"{}", JSON).status == 401)
