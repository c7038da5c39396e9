"""What each format's front makes of bytes: pure, and never at a loss."""

import json
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.gateway.asgi import client_of
from firstline.gateway.intake import place_of
from firstline.gateway.settings import from_environment, networks
from firstline.intake.sources.base import IntakeRequest, Refusal, SourceInfo
from firstline.intake.sources.registry import FRONTS

SOURCE = SourceInfo(id=7, kind="any")
PAYLOAD = {"summary": "s", "source": "h", "severity": "error"}


def request(body: bytes, path: str = "", content_type: bytes = b"application/json") -> IntakeRequest:
    headers = {b"content-type": content_type}
    return IntakeRequest(id="0" * 32, method="POST", path=path, headers=headers, body=body)


def ask(kind: str, value: Any, path: str = "") -> Any:
    return FRONTS[kind].admit(request(json.dumps(value).encode(), path), SOURCE)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("kind", sorted(FRONTS))
@given(body=st.binary(max_size=200) | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_get_an_answer_and_what_is_accepted_is_kept_whole(kind: str, body: bytes) -> None:
    path = {"alertmanager": "/api/v2/alerts", "opsgenie": "/v2/alerts"}.get(kind, "")
    admission = FRONTS[kind].admit(request(body, path), SOURCE)
    refused = (400, 403) if kind == "sns" else (400, 422)  # what nobody signed is refused there
    assert admission.status in (200, 202, *refused)
    assert all(row.body == body and row.source_id == 7 for row in admission.rows)
    assert bool(admission.rows) == (admission.status < 400) or kind == "alertmanager"


@pytest.mark.parametrize("kind", sorted(FRONTS))
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 429, 503])
def test_every_format_can_say_every_refusal(kind: str, status: int) -> None:
    refused = FRONTS[kind].refuse(Refusal(status=status, message="why not", retry_after=3))
    assert refused.status == (400 if (kind, status) == ("pagerduty", 401) else status)
    assert b"why not" in refused.body
    assert refused.rows == ()
    assert status == 401 or (b"retry-after", b"3") in refused.headers


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"event_action": "explode"}, "event_action"),
        ({"event_action": "trigger"}, "payload"),
        ({"event_action": "trigger", "payload": {**PAYLOAD, "source": None}}, "payload.source"),
        ({"event_action": "trigger", "payload": {**PAYLOAD, "summary": "  "}}, "payload.summary"),
        ({"event_action": "trigger", "payload": {**PAYLOAD, "severity": "bad"}}, "payload.severity"),
        ({"event_action": "trigger", "payload": "text"}, "payload"),
        ({"event_action": "resolve"}, "dedup_key"),
        ({"event_action": "trigger", "payload": PAYLOAD, "dedup_key": "k" * 256}, "dedup_key"),
        ({"event_action": "trigger", "payload": PAYLOAD, "dedup_key": 5}, "dedup_key"),
    ],
)
def test_pagerduty_names_the_field_that_it_refuses(event: dict[str, Any], named: str) -> None:
    refused = ask("pagerduty", event, "/v2/enqueue")
    body = json.loads(refused.body)
    assert (refused.status, body["status"], refused.rows) == (400, "invalid event", ())
    assert any(named in error for error in body["errors"])


def test_a_given_key_is_answered_and_a_missing_one_is_made_and_kept() -> None:
    given_key = ask(
        "pagerduty", {"event_action": "trigger", "payload": PAYLOAD, "dedup_key": "k"}, "/v2/enqueue"
    )
    made = ask("pagerduty", {"event_action": "trigger", "payload": PAYLOAD}, "/v2/enqueue")
    assert (json.loads(given_key.body)["dedup_key"], given_key.rows[0].dedup_key) == ("k", None)
    assert json.loads(made.body)["dedup_key"] == made.rows[0].dedup_key == "0" * 32


@pytest.mark.parametrize(
    ("path", "base", "token", "rest"),
    [
        ("/intake/abc", "/intake/", "abc", ""),
        ("/intake/abc/api/v2/alerts", "/intake/", "abc", "/api/v2/alerts"),
        ("/intake/abc/", "/intake/", "abc", ""),
        ("/intake//x", "/intake/", "", "/x"),
        ("/beat/abc/fail", "/beat/", "abc", "/fail"),
        ("/v2/enqueue", "", "", "/v2/enqueue"),
        ("/v2/enqueue/x", "", "", "/v2/enqueue/x"),
    ],
)
def test_where_intake_paths_lead(path: str, base: str, token: str, rest: str) -> None:
    place = place_of(path)
    assert place is not None
    assert (place.base, place.token, place.rest) == (base, token, rest)


@pytest.mark.parametrize(
    "path", ["/", "/intake", "/intake/", "/intakes/x", "/v2/enqueuer", "/v2", "/console/intake/x", ""]
)
def test_other_paths_are_the_web_process_s(path: str) -> None:
    assert place_of(path) is None


@pytest.mark.parametrize(
    ("peer", "said", "client"),
    [
        ("192.0.2.9", "10.0.0.1", "192.0.2.9"),
        ("10.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.5, 10.0.0.2", "203.0.113.5"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense, 10.0.0.2", "10.0.0.2"),
        ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_only_trusted_proxies_speak_for_others(peer: str, said: str, client: str) -> None:
    headers = {b"x-forwarded-for": said.encode()} if said else {}
    found = client_of({"client": (peer, 1)}, headers, networks(["10.0.0.0/8"]))
    assert found == ip_address(client)


def test_the_environment_is_read_with_its_bounds() -> None:
    needed = {"FIRSTLINE_DATABASE_URL": "d", "FIRSTLINE_WEB_SOCKET": "w", "FIRSTLINE_SECRET_KEY": "k"}
    assert from_environment({**needed, "FIRSTLINE_SMTP_PORT": "0"}).smtp_port is None
    proxies = from_environment({**needed, "FIRSTLINE_TRUSTED_PROXIES": "10.0.0.0/8, ::1"}).trusted_proxies
    assert proxies == networks(["10.0.0.0/8", "::1"])
    with pytest.raises(ValueError, match="nonsense"):
        from_environment({**needed, "FIRSTLINE_TRUSTED_PROXIES": "nonsense"})
