"""Signed requests through a real server: what isn't signed with the source's secret is refused and not kept."""

import hmac
import json
from collections.abc import Callable

import pytest

from firstline.core.secrets import encrypt
from firstline.intake.models import Source

from .conftest import KEY, Running

SECRET = "made up for a test"
FORM = "application/x-www-form-urlencoded"
SIGNED = {
    "github": ("X-Hub-Signature-256", "sha256="),
    "sentry": ("Sentry-Hook-Signature", ""),
    "grafana": ("X-Grafana-Alerting-Signature", ""),
}


def signature(body: bytes, secret: str = SECRET) -> str:
    return hmac.digest(secret.encode(), body, "sha256").hex()


def give_secret(kind: str, secret: str = SECRET, key: str = KEY) -> None:
    Source.objects.filter(kind=kind).update(secret=encrypt(secret, key=key))


@pytest.mark.parametrize("kind", sorted(SIGNED))
def test_only_what_is_signed_is_taken(gateway: Running, source: Callable[..., str], kind: str) -> None:
    header, prefix = SIGNED[kind]
    address, body = f"/intake/{source(kind)}", json.dumps({"action": "x"}).encode()
    give_secret(kind)
    right = prefix + signature(body)
    for wrong in (
        None,
        "",
        "nonsense",
        prefix + signature(body, "another"),
        prefix + signature(body + b" "),
        "ü",
    ):
        headers = {"Content-Type": "application/json"} | ({} if wrong is None else {header: wrong})
        answer = gateway.ask("POST", address, body, headers)
        assert answer.status == 401
        assert header.lower() in answer.json()["message"]
    assert gateway.rows() == []
    taken = gateway.ask("POST", address, body, {"Content-Type": "application/json", header: right})
    assert taken.status == 200
    assert [bytes(row["body"]) for row in gateway.rows()] == [body]
    assert right not in json.dumps([row["headers"] for row in gateway.rows()])


def test_without_a_secret_the_address_is_enough(gateway: Running, source: Callable[..., str]) -> None:
    assert gateway.ask("POST", f"/intake/{source('github')}", b"{}", {"X-GitHub-Event": "push"}).status == 200
    assert gateway.rows()[0]["headers"]["x-github-event"] == "push"


def test_a_secret_that_cannot_be_read_lets_nothing_in(gateway: Running, source: Callable[..., str]) -> None:
    token = source("github")
    give_secret("github", key="the key before it was changed")
    headers = {"X-Hub-Signature-256": "sha256=" + signature(b"{}")}
    assert gateway.ask("POST", f"/intake/{token}", b"{}", headers).status == 401
    assert gateway.rows() == []


def test_statuscake_sends_its_token_in_a_field(gateway: Running, source: Callable[..., str]) -> None:
    address = f"/intake/{source('statuscake')}"
    give_secret("statuscake", "0123456789abcdef")
    fields = b"Name=Shop&Status=Down&Token="
    assert gateway.ask("POST", address, fields + b"wrong", {"Content-Type": FORM}).status == 401
    assert gateway.ask("POST", address, fields + b"0123456789abcdef", {"Content-Type": FORM}).status == 200
    assert gateway.ask("GET", f"{address}?Name=Shop&Status=Up&Token=0123456789abcdef").status == 200
    assert [row["headers"].get("query", "")[:9] for row in gateway.rows()] == ["", "Name=Shop"]


def test_cloudevents_in_binary_mode_and_its_handshake(gateway: Running, source: Callable[..., str]) -> None:
    address = f"/intake/{source('cloudevents')}"
    asked = gateway.ask("OPTIONS", address, headers={"WebHook-Request-Origin": "eventgrid.azure.net"})
    assert (asked.status, asked.headers["webhook-allowed-origin"]) == (200, "eventgrid.azure.net")
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/s",
        "ce-type": "t",
        "Content-Type": "text/plain",
    }
    assert gateway.ask("POST", address, b"it is full", headers).status == 202
    missing = gateway.ask(
        "POST", address, b"x", {name: text for name, text in headers.items() if name != "ce-type"}
    )
    assert (missing.status, "ce-type" in missing.json()["message"]) == (400, True)
    assert [row["headers"]["ce-type"] for row in gateway.rows()] == ["t"]


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_grafana_posts_or_puts(gateway: Running, source: Callable[..., str], method: str) -> None:
    assert gateway.ask(method, f"/intake/{source('grafana')}", b'{"alerts": []}').status == 200


def test_what_amazon_did_not_sign_is_refused(gateway: Running, source: Callable[..., str]) -> None:
    address = f"/intake/{source('sns')}"
    forged = {"Type": "Notification", "Message": "x", "SigningCertURL": "https://evil.example/a.pem"}
    answer = gateway.ask(
        "POST", address, json.dumps(forged).encode(), {"Content-Type": "text/plain; charset=UTF-8"}
    )
    assert (answer.status, "SigningCertURL" in answer.json()["message"]) == (403, True)
    assert gateway.ask("POST", address, b"{}").status == 403
    assert gateway.rows() == []
