"""Incidents through the API: created, listed, read, changed, and driven through their life."""

import re

import pytest

from firstline.core.models import IdempotencyKey
from firstline.incidents import actions
from firstline.incidents.models import Incident
from tests.api_client import Caller, machine
from tests.organisation import MAKER, Organisation, organisation

NEW = {"title": "VPN drops", "extent": "several", "can_work": "no"}


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


@pytest.fixture
def robot(org: Organisation) -> Caller:
    return machine(org)


def test_a_machine_registers_without_a_caller(robot: Caller, org: Organisation) -> None:
    answer = robot.post(
        "/incidents", {**NEW, "service_id": org.mail.id, "detected_at": "2026-11-23T08:00:00Z"}
    )
    made = answer.json()
    assert answer.status_code == 201, made
    assert (made["channel"], made["caller"], made["service"]["name"]) == ("API", None, "Mail")
    assert answer["Location"] == f"/api/v1/incidents/{made['id']}" and answer["ETag"] == '"1"'
    assert made["detected_at"] == "2026-11-23T08:00:00Z"
    assert robot.get(f"/incidents/{made['id']}").json() == made


def test_what_is_wrong_is_a_problem_that_names_the_field(robot: Caller) -> None:
    answer = robot.post("/incidents", {"title": "", "extent": "planet"})
    problem = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert {error["field"] for error in problem["errors"]} == {"title", "extent"}
    assert problem["type"] == "urn:firstline:problem:invalid" and problem["status"] == 422
    unknown = robot.post("/incidents", {**NEW, "service_id": 999999})
    assert unknown.status_code == 422 and unknown.json()["errors"][0]["field"] == "service_id"
    assert not Incident.objects.exists()


def test_lists_are_filtered_sorted_and_paged_to_the_end(robot: Caller, org: Organisation) -> None:
    made = [org.incident(title=f"Report {n}").id for n in range(5)]
    actions.resolve(made[0], code="fixed", notes="x", actor=MAKER, now=org.now)
    seen, cursor = [], ""
    while True:
        page = robot.get(f"/incidents?q=is:open&sort=opened&size=2&cursor={cursor}").json()
        seen += [row["id"] for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted(made[1:], reverse=True)
    assert robot.get("/incidents?q=state:bogus").status_code == 422
    assert robot.get("/incidents?cursor=bogus").status_code == 422
    assert robot.get("/incidents?size=1000").status_code == 422


def test_if_match_refuses_a_stale_write_and_changes_nothing(robot: Caller, org: Organisation) -> None:
    row = org.incident()
    seen = robot.get(f"/incidents/{row.id}")["ETag"]
    assert robot.patch(f"/incidents/{row.id}", {"title": "First"}, If_Match=seen).status_code == 200
    stale = robot.patch(f"/incidents/{row.id}", {"description": "Other field"}, If_Match=seen)
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:firstline:problem:stale")
    assert Incident.objects.get(id=row.id).description == ""
    fresh = robot.get(f"/incidents/{row.id}")["ETag"]
    assert robot.post(f"/incidents/{row.id}/start", If_Match=seen).status_code == 412
    assert robot.post(f"/incidents/{row.id}/start", If_Match=fresh).status_code == 200


def test_without_it_fields_merge_unless_they_conflict(robot: Caller, org: Organisation) -> None:
    row = org.incident()
    seen = robot.get(f"/incidents/{row.id}").json()["version"]
    robot.patch(f"/incidents/{row.id}", {"title": "Theirs"})
    merged = robot.patch(f"/incidents/{row.id}", {"extent": "site", "version": seen})
    assert merged.status_code == 200 and merged.json()["title"] == "Theirs"
    refused = robot.patch(f"/incidents/{row.id}", {"title": "Mine", "version": seen})
    assert refused.status_code == 409 and refused.json()["theirs"]["title"]["value"] == "Theirs"
    assert Incident.objects.get(id=row.id).title == "Theirs"


def test_a_post_sent_twice_is_done_once(robot: Caller, org: Organisation) -> None:
    first = robot.post("/incidents", NEW, Idempotency_Key="a")
    again = robot.post("/incidents", NEW, Idempotency_Key="a")
    assert (first.status_code, again.status_code) == (201, 201) and first.json() == again.json()
    assert Incident.objects.count() == 1
    assert robot.post("/incidents", {**NEW, "title": "Other"}, Idempotency_Key="a").status_code == 422
    assert robot.post("/incidents", NEW, Idempotency_Key="b").json()["id"] != first.json()["id"]
    assert machine(org).post("/incidents", NEW, Idempotency_Key="a").json()["id"] != first.json()["id"]
    org.advance(days=2)
    assert robot.post("/incidents", NEW, Idempotency_Key="a").json()["id"] != first.json()["id"]


def test_a_key_of_a_refused_request_is_free_again(robot: Caller, org: Organisation) -> None:
    row = org.incident()
    refused = robot.post(f"/incidents/{row.id}/reopen", {"comment": ""}, Idempotency_Key="r")
    assert refused.status_code in (409, 422) and not IdempotencyKey.objects.exists()
    actions.resolve(row.id, code="fixed", notes="x", actor=MAKER, now=org.now)
    assert robot.post(f"/incidents/{row.id}/reopen", {"comment": ""}, Idempotency_Key="r").status_code == 200


def test_the_whole_life(robot: Caller, org: Organisation) -> None:
    made = robot.post("/incidents", NEW).json()
    path = f"/incidents/{made['id']}"

    def state(verb: str, data: object = None) -> str:
        answer = robot.post(f"{path}/{verb}", data)
        assert answer.status_code == 200, answer.content
        body = answer.json()
        return str((body.get("incident") or body)["state"])

    assert state("assign", {"group_id": org.first.id, "reason": "theirs"}) == "assigned"
    assert state("acknowledge") == "assigned"
    assert state("start") == "in_progress"
    assert state("hold", {"reason": "vendor", "look_again_at": "2026-11-24T09:00:00Z"}) == "on_hold"
    assert state("resume") == "assigned"
    assert state("priority", {"priority": 4, "reason": "management"}) == "assigned"
    assert state("resolve", {"code": "fixed", "notes": "Restarted"}) == "resolved"
    assert state("reopen", {"comment": "Not yet"}) == "assigned"
    assert state("escalate", {"group_id": org.other.id, "reason": "Printer after all"}) == "assigned"
    assert state("cancel", {"reason": "false_alarm", "note": "Test"}) == "cancelled"
    refused = robot.post(f"{path}/start")
    assert refused.status_code == 409 and refused.json()["type"] == "urn:firstline:problem:invalid-transition"


def test_merge_answers_the_original(robot: Caller, org: Organisation) -> None:
    original, duplicate = org.incident(), org.incident()
    answer = robot.post(f"/incidents/{duplicate.id}/merge", {"into_id": original.id})
    assert answer.json()["id"] == original.id
    assert robot.get(f"/incidents/{duplicate.id}").json()["merged_into_id"] == original.id


def test_comments_and_notes(robot: Caller, org: Organisation) -> None:
    row = org.incident()
    for body, public in (("To the caller", True), ("Among us", False)):
        assert (
            robot.post(f"/incidents/{row.id}/comments", {"body": body, "public": public}).status_code == 201
        )
    found = robot.get(f"/incidents/{row.id}/comments").json()["items"]
    assert [(c["body"], c["public"]) for c in found] == [("To the caller", True), ("Among us", False)]


def test_security_incidents_are_not_there_for_others(org: Organisation, robot: Caller) -> None:
    hidden = org.incident(security=True, group_id=org.security.id)
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("POST", "/start"),
        ("GET", "/comments"),
        ("POST", "/acknowledge"),
    ):
        answer = robot.send(
            method, f"/incidents/{hidden.id}{path}", {"title": "x"} if method == "PATCH" else None
        )
        assert answer.status_code == 404, (method, path)
    assert robot.get("/incidents?q=is:any").json()["items"] == []
    other = org.incident()
    assert robot.post(f"/incidents/{other.id}/merge", {"into_id": hidden.id}).status_code == 404
    guard = machine(org, groups=(org.security.id,))
    assert guard.get(f"/incidents/{hidden.id}").status_code == 200


@pytest.mark.parametrize(
    ("scopes", "method", "path", "allowed"),
    [
        (("incident:read",), "GET", "/incidents", True),
        (("incident:write",), "GET", "/incidents", False),
        (("incident:read",), "POST", "/incidents", False),
        (("incident:write", "incident:read"), "POST", "/incidents", True),
        (("incident:read",), "GET", "/alerts", False),
        (("alert:read",), "GET", "/alerts", True),
        (("service:read",), "GET", "/services", True),
        (("source:read",), "GET", "/services", False),
    ],
)
def test_a_token_does_only_what_its_scopes_say(
    org: Organisation, scopes: tuple[str, ...], method: str, path: str, allowed: bool
) -> None:
    answer = machine(org, *scopes).send(method, path, NEW if method == "POST" else None)
    assert answer.status_code == ((201 if method == "POST" else 200) if allowed else 403)


def test_limits_are_in_the_headers(robot: Caller) -> None:
    first, second = robot.get("/services"), robot.get("/services")
    left = [int(re.findall(r"r=(\d+)", answer["RateLimit"])[0]) for answer in (first, second)]
    assert left[0] - left[1] == 1 and "q=1200" in first["RateLimit-Policy"]
