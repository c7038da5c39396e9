"""Fronts that stand in for other products: PagerDuty's Events v1, Opsgenie, the command script of Nagios."""

import json
import time
import uuid
from typing import Any

import pytest

from firstline.gateway.intake import OWN, place_of
from firstline.intake.sources.base import Admission, IntakeRequest, Refusal, SourceInfo, new_request_id
from firstline.intake.sources.opsgenie.calls import Call, call_of
from firstline.intake.sources.registry import FRONTS

SOURCE = SourceInfo(id=7, kind="any")
V1 = "/generic/2010-04-15/create_event.json"
ID = "0192f0c4a7b87d51a2b3c4d5e6f70809"
ALERTS = "/v2/alerts"


def request(
    path: str, body: Any = None, *, method: str = "POST", query: bytes = b"", **headers: bytes
) -> IntakeRequest:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    named = {name.encode(): value for name, value in headers.items()}
    return IntakeRequest(id=ID, method=method, path=path, query=query, headers=named, body=raw)


def said(admission: Admission) -> Any:
    return json.loads(admission.body)


class TestEventsV1:
    front = OWN[V1]

    def event(self, **fields: Any) -> Admission:
        return self.front.admit(request(V1, {"service_key": "k", **fields}), SOURCE)

    def test_it_has_an_address_and_a_key_of_its_own(self) -> None:
        place = place_of(V1)
        assert place is not None and place.front is self.front and self.front.kind == "pagerduty"
        assert self.front.methods(V1) == ("POST",) and self.front.methods(V1 + "/x") == ()
        assert self.front.credential(request(V1, {"service_key": "secret"})) == "secret"
        assert self.front.credential(request(V1, b"no JSON")) is None

    def test_it_answers_as_documented(self) -> None:
        given = self.event(event_type="trigger", incident_key="srv01/HTTP", description="down")
        assert (given.status, said(given)) == (
            200,
            {"status": "success", "message": "Event processed", "incident_key": "srv01/HTTP"},
        )
        made = self.event(event_type="trigger", description="down")
        assert said(made)["incident_key"] == made.rows[0].dedup_key == ID

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            (
                {"event_type": "explode"},
                "event_type is invalid (must be one of: trigger acknowledge resolve)",
            ),
            ({"event_type": "trigger"}, "description is missing or blank"),
            ({"event_type": "resolve"}, "incident_key is missing or blank"),
            ({"event_type": "resolve", "incident_key": "k" * 256}, "incident_key is too long"),
            ({"event_type": "resolve", "incident_key": 5}, "incident_key is invalid"),
        ],
    )
    def test_it_says_why_an_event_is_invalid(self, fields: dict[str, Any], error: str) -> None:
        refused = self.event(**fields)
        assert (refused.status, said(refused)["status"], refused.rows) == (400, "invalid event", ())
        assert any(each.startswith(error) for each in said(refused)["errors"])

    def test_only_too_many_are_told_403_for_that_means_try_again(self) -> None:
        many = self.front.refuse(Refusal(status=429, message="too many", retry_after=2))
        assert (many.status, said(many)["status"]) == (403, "throttle exceeded")
        assert (b"retry-after", b"2") in many.headers
        for status in (401, 403):
            assert self.front.refuse(Refusal(status=status, message="no")).status == 400


class TestOpsgenie:
    front = FRONTS["opsgenie"]

    def test_the_key_is_in_the_header(self) -> None:
        for text in (b"GenieKey abc", b"geniekey  abc "):
            assert self.front.credential(request(ALERTS, authorization=text)) == "abc"
        for text in (b"Bearer abc", b"", b"abc"):
            assert self.front.credential(request(ALERTS, authorization=text)) is None

    def test_create(self) -> None:
        admission = self.front.admit(request(ALERTS, {"message": "down"}), SOURCE)
        answer = said(admission)
        assert (admission.status, answer["result"]) == (202, "Request will be processed")
        assert answer["requestId"] == str(uuid.UUID(ID)) == admission.rows[0].dedup_key
        assert dict(admission.headers)[b"x-ratelimit-state"] == b"OK"
        assert admission.rows[0].headers == {":method": "POST", ":path": ALERTS, ":query": ""}

    @pytest.mark.parametrize("action", ["acknowledge", "close", "notes"])
    def test_actions_by_alias_are_stored_with_what_their_address_says(self, action: str) -> None:
        asked = request(f"{ALERTS}/srv01/HTTP/{action}", {"note": "n"}, query=b"identifierType=alias")
        assert not self.front.forwards("POST", asked.path, asked.query)
        (row,) = self.front.admit(asked, SOURCE).rows
        assert row.headers[":path"] == asked.path and row.headers[":query"] == "identifierType=alias"

    def test_an_action_without_a_body_is_fine_but_a_note_needs_one(self) -> None:
        alias = b"identifierType=alias"
        assert self.front.admit(request(f"{ALERTS}/a/close", query=alias), SOURCE).status == 202
        note = self.front.admit(request(f"{ALERTS}/a/notes", {}, query=alias), SOURCE)
        assert (note.status, said(note)["errors"]) == (422, {"note": "Note can not be empty."})

    def test_a_bad_body_is_told_in_opsgenies_words(self) -> None:
        refused = self.front.admit(request(ALERTS, {"alias": "a"}), SOURCE)
        assert (refused.status, said(refused)["errors"]) == (422, {"message": "Message can not be empty."})
        assert self.front.admit(request(ALERTS, b"{"), SOURCE).status == 400

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/a/snooze"),
            ("POST", "/a/unacknowledge"),
            ("POST", "/a/tags"),
            ("PUT", "/a/priority"),
            ("DELETE", "/a"),
            ("PATCH", "/a/x"),
        ],
    )
    def test_what_firstline_does_not_do_is_refused_and_not_taken_silently(
        self, method: str, path: str
    ) -> None:
        refused = self.front.admit(
            request(ALERTS + path, {}, method=method, query=b"identifierType=alias"), SOURCE
        )
        assert (refused.status, said(refused)["code"], refused.rows) == (403, 40302, ())

    @pytest.mark.parametrize(
        ("method", "path", "query", "forwarded"),
        [
            ("GET", ALERTS, b"", True),
            ("GET", f"{ALERTS}/requests/x", b"", True),
            ("POST", ALERTS, b"", False),
            ("POST", f"{ALERTS}/7/close", b"identifierType=tiny", True),
            ("POST", f"{ALERTS}/7/close", b"", True),
            ("POST", f"{ALERTS}/7/snooze", b"", False),
        ],
    )
    def test_only_what_needs_the_database_goes_to_web(
        self, method: str, path: str, query: bytes, forwarded: bool
    ) -> None:
        assert self.front.forwards(method, path, query) is forwarded

    def test_too_many(self) -> None:
        many = self.front.refuse(Refusal(status=429, message="too many", retry_after=4))
        headers = dict(many.headers)
        assert (many.status, headers[b"x-ratelimit-state"], headers[b"x-ratelimit-period-in-sec"]) == (
            429,
            b"THROTTLED",
            b"4",
        )

    @pytest.mark.parametrize(
        ("method", "path", "query", "call"),
        [
            ("POST", ALERTS, "", Call("create")),
            ("GET", f"{ALERTS}/", "", Call("list")),
            ("GET", f"{ALERTS}/count", "", Call("count")),
            ("GET", f"{ALERTS}/requests/abc", "", Call("request", "abc")),
            ("GET", f"{ALERTS}/a/b", "identifierType=alias", Call("get", "a/b", "alias")),
            ("GET", f"{ALERTS}/7/logs", "", Call("", "7/logs")),
            ("POST", f"{ALERTS}/a/b/close", "identifierType=ALIAS", Call("close", "a/b", "alias")),
            ("POST", f"{ALERTS}/close", "", Call("", "close")),
            ("POST", f"{ALERTS}/a/close", "identifierType=name", Call("", "a/close", "name")),
        ],
    )
    def test_calls(self, method: str, path: str, query: str, call: Call) -> None:
        assert call_of(method, path, query) == call


class TestNagios:
    front = FRONTS["nagios"]

    def test_the_script_is_served_to_whoever_has_the_token(self) -> None:
        answer = self.front.admit(request("/firstline-notify", method="GET"), SOURCE)
        assert answer.status == 200 and answer.body.startswith(b"#!/usr/bin/env python3") and not answer.rows
        compile(answer.body, "firstline-notify", "exec")

    @pytest.mark.parametrize("body", [b'{"host": "a"}', b"[]", b"[1427950229] HOST ALERT: a;DOWN;HARD;1;x"])
    def test_events_and_log_lines_are_taken(self, body: bytes) -> None:
        assert len(self.front.admit(request("", body), SOURCE).rows) == 1

    @pytest.mark.parametrize("body", [b"", b"host is down", b"[1427950229] nothing", b"7"])
    def test_anything_else_is_not_the_container(self, body: bytes) -> None:
        assert self.front.admit(request("", body), SOURCE).status == 400


def test_ids_of_requests_are_uuids_that_begin_with_the_time() -> None:
    before = time.time_ns() // 1_000_000
    first, second = uuid.UUID(new_request_id()), uuid.UUID(new_request_id())
    after = time.time_ns() // 1_000_000
    assert before <= first.int >> 80 <= after and first != second
    assert (first.version, first.variant) == (7, uuid.RFC_4122)
