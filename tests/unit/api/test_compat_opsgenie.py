"""Opsgenie's API as far as web answers it: for the source whose key is sent, and for what it sent itself."""

import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from firstline.core.actor import Actor
from firstline.core.models import RateWindow
from firstline.incidents.models import Comment
from firstline.intake import actions
from firstline.intake.models import AlertSpan, Source
from firstline.intake.sources.base import IntakeRequest, SourceInfo
from firstline.intake.sources.registry import FRONTS
from tests.unit.intake.inboxes import Inbox, fresh_inbox

MAKER = Actor.system("test")
ALIAS = "identifierType=alias"


class Opsgenie:
    """A source, and a client that asks web as the gateway would have passed it on."""

    def __init__(self, name: str = "OG", **fields: Any) -> None:
        self.inbox = fresh_inbox() if not Source.objects.exists() else Inbox()
        self.source, self.token = actions.create_source(
            name=name, kind="opsgenie", actor=MAKER, now=self.inbox.now, **fields
        )
        self.client = Client()

    def send(self, path: str = "/v2/alerts", body: Any = None, query: str = "") -> str:
        """What the gateway takes; the answer is the request's id."""
        raw = b"" if body is None else json.dumps(body).encode()
        request = IntakeRequest(
            id=_id_at(self.inbox), method="POST", path=path, query=query.encode(), body=raw
        )
        admission = FRONTS["opsgenie"].admit(request, SourceInfo(id=self.source.id, kind="opsgenie"))
        assert admission.status == 202, admission.body
        (row,) = admission.rows
        self.inbox.put(self.source, row.body, headers=row.headers, dedup_key=row.dedup_key)
        return str(json.loads(admission.body)["requestId"])

    def ask(self, path: str, *, method: str = "GET", body: Any = None, token: str | None = None) -> Any:
        key = self.token if token is None else token
        return self.client.generic(
            method,
            f"/v2/alerts{path}",
            b"" if body is None else json.dumps(body).encode(),
            content_type="application/json",
            headers={"Authorization": f"GenieKey {key}"},
        )

    def status(self, number: str) -> Any:
        return self.ask(f"/requests/{number}")


def _id_at(inbox: Inbox) -> str:
    """An id as the gateway makes it, on the inbox's clock."""
    milliseconds = int(inbox.now.timestamp() * 1000)
    random = uuid.uuid4().int & ((1 << 80) - 1) & ~(0xF << 76) & ~(0x3 << 62)
    return f"{milliseconds << 80 | random | 0x7 << 76 | 0x2 << 62:032x}"


@pytest.fixture
def og(db: None) -> Opsgenie:
    return Opsgenie()


def test_a_request_is_not_found_until_it_is_read_and_then_tells_the_alert(og: Opsgenie) -> None:
    number = og.send(body={"message": "Disk full", "alias": "disk", "priority": "P1", "tags": ["db"]})
    early = og.status(number)
    assert (early.status_code, early.json()["message"]) == (
        404,
        "Request not found. It might not be processed, yet.",
    )
    og.inbox.drain()
    data = og.status(number).json()["data"]
    assert (data["success"], data["isSuccess"], data["action"], data["status"], data["alias"]) == (
        True,
        True,
        "Create",
        "Created alert",
        "disk",
    )
    shown = og.ask(f"/{data['alertId']}").json()["data"]
    assert (shown["message"], shown["priority"], shown["status"], shown["tags"], shown["count"]) == (
        "Disk full",
        "P1",
        "open",
        ["db"],
        1,
    )
    assert og.ask(f"/{shown['tinyId']}?identifierType=tiny").json()["data"]["id"] == data["alertId"]
    assert og.ask(f"/disk?{ALIAS}").json()["data"]["id"] == data["alertId"]


def test_what_an_action_came_to_is_told_truly(og: Opsgenie) -> None:
    og.send(body={"message": "Disk full", "alias": "disk"})
    og.inbox.drain()
    og.inbox.pass_time(minutes=1)
    acked = og.send("/v2/alerts/disk/acknowledge", {"user": "Ada", "note": "on it"}, ALIAS)
    nobody = og.send("/v2/alerts/other/close", None, ALIAS)
    og.inbox.drain()
    og.inbox.pass_time(minutes=1)
    closed = og.send("/v2/alerts/disk/close", {}, ALIAS)
    og.inbox.drain()
    og.inbox.pass_time(minutes=1)
    again = og.send("/v2/alerts/disk/close", {}, ALIAS)
    og.inbox.drain()
    told = {each: og.status(each).json()["data"] for each in (acked, nobody, closed, again)}
    assert [each["success"] for each in told.values()] == [True, False, True, False]
    assert [each["status"] for each in told.values()] == [
        "Acknowledged alert",
        "Alert does not exist",
        "Closed alert",
        "Alert does not exist",
    ]
    assert told[nobody]["alertId"] == "" and told[acked]["alertId"] == told[closed]["alertId"]
    assert og.ask(f"/disk?{ALIAS}").json()["data"]["status"] == "closed"


def test_a_note_becomes_a_work_note_of_the_incident(og: Opsgenie) -> None:
    og.send(body={"message": "Disk full", "alias": "disk"})
    noted = og.send("/v2/alerts/disk/notes", {"user": "Ada", "note": "grew since Monday"}, ALIAS)
    og.inbox.drain()
    (comment,) = Comment.objects.select_related("content")
    assert (comment.public, comment.automatic, comment.from_address, comment.content.body) == (
        False,
        True,
        "OG",
        "Ada: grew since Monday",
    )
    assert og.status(noted).json()["data"] | {"alertId": ""} == {
        "action": "AddNote",
        "alertId": "",
        "alias": "disk",
        "integrationId": str(og.source.id),
        "isSuccess": True,
        "processedAt": "2026-11-23T09:00:00.000Z",
        "status": "Added note to alert",
        "success": True,
    }


@pytest.mark.parametrize("by", ["id", "tiny"])
def test_an_action_by_a_number_of_opsgenies_goes_through_the_inbox_like_any_other(
    og: Opsgenie, by: str
) -> None:
    number = og.send(body={"message": "Disk full"})
    og.inbox.drain()
    shown = og.ask(f"/{og.status(number).json()['data']['alertId']}").json()["data"]
    named = {"id": shown["id"], "tiny": shown["tinyId"]}[by]
    answer = og.ask(f"/{named}/close?identifierType={by}", method="POST", body={"note": "swept"})
    assert (answer.status_code, answer.json()["result"]) == (202, "Request will be processed")
    assert AlertSpan.objects.get().state == "firing"
    og.inbox.drain()
    assert AlertSpan.objects.get().state == "resolved"
    assert og.ask(f"/{named}?identifierType={by}").json()["data"]["status"] == "closed"
    assert Comment.objects.count() == 1


def test_an_id_of_before_does_not_close_the_alert_of_now(og: Opsgenie) -> None:
    for _ in range(2):
        og.send(body={"message": "Disk full", "alias": "disk"})
        og.inbox.pass_time(minutes=1)
        og.send("/v2/alerts/disk/close", {}, ALIAS)
        og.inbox.drain()
        og.inbox.pass_time(minutes=1)
    first, second = AlertSpan.objects.order_by("id")
    assert og.ask(f"/{first.id}/close?identifierType=tiny", method="POST", body={}).status_code == 404
    assert og.ask(f"/{second.id}/close?identifierType=tiny", method="POST", body={}).status_code == 202


def test_lists_are_searched_and_paged(og: Opsgenie) -> None:
    for number, priority in enumerate(("P1", "P2", "P3"), 1):
        og.send(body={"message": f"Disk {number} full", "alias": f"d{number}", "priority": priority})
        og.inbox.drain()
        og.inbox.pass_time(minutes=1)
    og.send("/v2/alerts/d2/close", {}, ALIAS)
    og.inbox.drain()

    def aliases(query: str) -> list[str]:
        return [each["alias"] for each in og.ask(f"?{query}").json()["data"]]

    assert aliases("") == ["d3", "d2", "d1"]
    assert aliases("query=status:open") == ["d3", "d1"]
    assert aliases("query=status%3Aclosed") == ["d2"]
    assert aliases("query=priority:P1 AND disk") == ["d1"]
    assert aliases("query=alias:d3") == ["d3"]
    assert aliases('query=message:"disk 2"') == ["d2"]
    assert aliases("sort=createdAt&order=asc&limit=2") == ["d1", "d2"]
    paging = og.ask("?limit=2&order=asc").json()["paging"]
    assert "offset=2" in paging["next"] and "prev" not in paging
    assert aliases("limit=2&order=asc&offset=2") == ["d3"]
    assert og.ask("/count?query=status:open").json()["data"] == {"count": 2}
    refused = og.ask("?query=owner:ada")
    assert (refused.status_code, "status:" in refused.json()["errors"]["query"]) == (422, True)
    assert og.ask("?limit=101").status_code == 422


def test_nobody_sees_what_another_source_sent(og: Opsgenie) -> None:
    number = og.send(body={"message": "Disk full", "alias": "disk"})
    og.inbox.drain()
    span = AlertSpan.objects.get()
    other = Opsgenie(name="Other")
    assert other.ask("").json()["data"] == []
    assert other.status(number).status_code == 404
    for path in (f"/disk?{ALIAS}", f"/{span.id}?identifierType=tiny"):
        assert other.ask(path).status_code == 404
    assert other.ask(f"/{span.id}/close?identifierType=tiny", method="POST", body={}).status_code == 404
    generic, token = actions.create_source(name="G", kind="generic", actor=MAKER, now=og.inbox.now)
    assert generic.enabled and og.ask("", token=token).status_code == 401


def test_a_wrong_key_a_switched_off_source_and_a_foreign_network_are_told_the_same(og: Opsgenie) -> None:
    assert og.ask("", token="x" * 32).json()["message"] == "unknown or disabled source"
    og.source.allowed_networks = ["192.0.2.0/24"]
    og.source.save()
    assert og.ask("").status_code == 401
    og.source.allowed_networks, og.source.enabled = ["127.0.0.0/8"], True
    og.source.save()
    assert og.ask("").status_code == 200
    actions.set_enabled(og.source.id, False, actor=MAKER, now=og.inbox.now)
    assert og.ask("").status_code == 401


def test_guessing_keys_ends_soon(og: Opsgenie) -> None:
    answers = [og.ask("", token=f"{number:032d}").status_code for number in range(62)]
    assert answers[:60] == [401] * 60 and answers[-1] == 429
    assert RateWindow.objects.exists()
    assert og.ask("").status_code == 200


def test_what_firstline_does_not_offer_is_said(og: Opsgenie) -> None:
    answer = og.ask("/7/logs")
    assert (answer.status_code, answer.json()["code"]) == (403, 40302)


def test_an_unreadable_request_is_no_success(og: Opsgenie) -> None:
    number = og.send(body={"message": "Disk full", "alias": "disk"})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE inbox SET state = 'failed', error = 'broken'")
    data = og.status(number).json()["data"]
    assert (data["success"], data["status"]) == (False, "broken")


@pytest.mark.parametrize(
    "number",
    ["x", "0" * 32, "3f6d1c9e-7a54-4b0e-9c1d-2e8a5b7c9d10", "0192f0c4-a7b8-7d51-a2b3-c4d5e6f70809"],
)
def test_unknown_numbers(og: Opsgenie, number: str) -> None:
    assert og.status(number).status_code == 404
