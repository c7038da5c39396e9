"""What asks instead of sending goes on to the web process, once its token is known to be good."""

import json
from collections.abc import Callable, Iterator

import pytest

from .conftest import Running
from .test_forward import Web
from .test_forward import web as web_server

web: Callable[..., Iterator[Web]] = web_server


@pytest.mark.parametrize(
    ("kind", "method", "below"),
    [
        ("alertmanager", "GET", "/api/v2/alerts?filter=a%3D%22b%22"),
        ("alertmanager", "GET", "/api/v2/alerts/groups"),
        ("alertmanager", "GET", "/api/v2/receivers"),
        ("alertmanager", "GET", "/api/v2/silences"),
        ("alertmanager", "POST", "/api/v2/silences"),
        ("alertmanager", "GET", "/api/v2/silence/x"),
        ("alertmanager", "DELETE", "/api/v2/silence/x"),
        ("opsgenie", "GET", "/v2/alerts/requests/x"),
        ("opsgenie", "POST", "/v2/alerts/7/close?identifierType=tiny"),
    ],
)
def test_a_question_is_passed_on_whole(
    gateway: Running, source: Callable[..., str], web: Web, kind: str, method: str, below: str
) -> None:
    path = f"/intake/{source(kind)}{below}"
    body = b'{"matchers": []}' if method == "POST" else None
    assert gateway.ask(method, path, body).body == b"ok"
    head, _, sent = web.requests[-1].partition(b"\r\n\r\n")
    assert head.splitlines()[0].decode() == f"{method} {path} HTTP/1.1"
    assert sent == (body or b"")
    assert gateway.rows() == []


def test_opsgenies_key_in_the_header_is_checked_before(
    gateway: Running, source: Callable[..., str], web: Web
) -> None:
    key = source("opsgenie")
    asked = gateway.ask("GET", "/v2/alerts", headers={"Authorization": f"GenieKey {key}"})
    assert asked.body == b"ok" and web.header("Authorization") == [f"GenieKey {key}"]
    for headers in ({"Authorization": "GenieKey " + "x" * 32}, {"Authorization": f"Bearer {key}"}, {}):
        refused = gateway.ask("GET", "/v2/alerts", headers=headers)
        assert (refused.status, refused.json()["message"]) == (401, "unknown or disabled source")
    assert len(web.requests) == 1


def test_a_wrong_token_a_foreign_network_and_another_kind_never_reach_web(
    gateway: Running, source: Callable[..., str], web: Web
) -> None:
    elsewhere = source("alertmanager", allowed_networks=["192.0.2.0/24"])
    tokens = {"x" * 32: 401, elsewhere: 403, source("generic"): 404}
    for token, status in tokens.items():
        assert gateway.ask("GET", f"/intake/{token}/api/v2/alerts").status == status
    assert web.requests == []


def test_what_is_sent_is_taken_here(gateway: Running, source: Callable[..., str], web: Web) -> None:
    """The same address: POST of alerts is intake's, and so are the status, health and the API of version 1."""
    base = f"/intake/{source('alertmanager')}"
    push = json.dumps([{"labels": {"alertname": "X"}}]).encode()
    assert gateway.ask("POST", f"{base}/api/v2/alerts", push).status == 200
    assert gateway.ask("POST", f"{base}/api/v1/alerts", push).json() == {"status": "success"}
    assert gateway.ask("GET", f"{base}/api/v2/status").json()["cluster"]["status"] == "disabled"
    assert gateway.ask("GET", f"{base}/-/ready").body == b"OK"
    key = {"Authorization": f"GenieKey {source('opsgenie')}"}
    assert gateway.ask("POST", "/v2/alerts", b'{"message": "down"}', key).status == 202
    assert gateway.ask("POST", "/v2/alerts/a%2Fb/close?identifierType=alias", None, key).status == 202
    assert len(gateway.rows()) == 4 and web.requests == []
    assert gateway.rows()[-1]["headers"][":path"] == "/v2/alerts/a/b/close"


def test_while_web_is_away_a_question_is_told_so(gateway: Running, source: Callable[..., str]) -> None:
    answer = gateway.ask("GET", f"/intake/{source('alertmanager')}/api/v2/alerts")
    assert answer.status == 502 and answer.headers["retry-after"] == "3"
