"""The API as a whole: everything documented exists, needs authentication, enforces its role, survives nonsense."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, settings
from schemathesis.checks import CheckContext
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from firstline.accounts.models import Token
from firstline.api import correlation, noise
from firstline.api import schemas as schemas_module
from firstline.api.main import api
from firstline.core.models import IdempotencyKey
from firstline.incidents.models import Incident
from firstline.intake.models import Source
from tests.api_client import Caller, machine
from tests.effort import cases
from tests.organisation import Organisation, organisation

EXAMPLES = cases(4, 100)
VERBS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


@pytest.fixture
def robot(org: Organisation) -> Caller:
    return machine(org)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, description) of everything that is documented."""
    for path, found in api.get_openapi_schema()["paths"].items():
        for method in set(found) & set(VERBS):
            yield method, path, found[method]


def filled(path: str, number: int = 999999) -> str:
    for name in ("incident_id", "alert_id", "service_id", "source_id", "rule_id"):
        path = path.replace(f"{{{name}}}", str(number))
    return path.removeprefix("/api/v1")


ALL = sorted((method, path) for method, path, _ in operations())


def test_what_the_issue_names_is_there() -> None:
    wanted = {"assign", "hold", "resume", "resolve", "reopen", "cancel", "escalate", "acknowledge", "merge"}
    paths = {path for _method, path in ALL}
    assert {
        path.rsplit("/", 1)[1] for path in paths if path.startswith("/api/v1/incidents/{incident_id}/")
    } >= wanted
    assert {
        "/api/v1/alerts",
        "/api/v1/services",
        "/api/v1/sources",
        "/api/v1/sources/{source_id}/rotate",
    } <= paths


def test_the_description_is_served_and_speaks_openapi_3_1(client: Client) -> None:
    found = client.get("/api/v1/openapi.json").json()
    assert found["openapi"].startswith("3.1") and len(found["paths"]) == len({path for _m, path in ALL})
    for method, path, operation in operations():
        assert operation.get("summary") and operation.get("security"), (method, path)
        assert "application/problem+json" in operation["responses"]["401"]["content"], (method, path)


def test_every_body_has_an_example_that_fits() -> None:
    schemas = api.get_openapi_schema()["components"]["schemas"]
    bodies = [
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        for _method, _path, operation in operations()
        if "requestBody" in operation
    ]
    declared = {
        name: found for module in (schemas_module, noise, correlation) for name, found in vars(module).items()
    }
    assert bodies
    for name in bodies:
        examples = schemas[name].get("examples")
        assert examples, name
        for example in examples:
            declared[name].model_validate(example)


@pytest.mark.parametrize(("method", "path"), ALL)
@pytest.mark.django_db
def test_it_needs_to_know_who_asks(method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
        answer = Caller(Client(), headers).send(method.upper(), filled(path), {})
        assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json"), headers
        assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), ALL)
def test_a_caller_of_the_portal_gets_nothing_but_their_own_report(
    org: Organisation, method: str, path: str
) -> None:
    client = Client()
    client.force_login(org.caller, backend="django.contrib.auth.backends.ModelBackend")
    example = {"/incidents": {"title": "x"}}.get(filled(path), body_of(method, path))
    answer = Caller(client, {}).send(method.upper(), filled(path), example)
    own = (method, filled(path)) == ("post", "/incidents")
    assert answer.status_code == (201 if own else 403), answer.content


def body_of(method: str, path: str) -> dict[str, Any] | None:
    """The documented example of a body."""
    found = api.get_openapi_schema()
    operation = found["paths"][path][method]
    if "requestBody" not in operation:
        return None
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    return dict(found["components"]["schemas"][name]["examples"][0])


@pytest.mark.parametrize(("method", "path"), ALL)
def test_a_token_without_scopes_does_nothing(org: Organisation, method: str, path: str) -> None:
    robot = machine(org)
    Token.objects.update(scopes=[])
    answer = robot.send(method.upper(), filled(path), body_of(method, path))
    assert answer.status_code == 403, answer.content


@pytest.mark.parametrize(("method", "path"), [(m, p) for m, p in ALL if "{" in p])
def test_what_is_not_there_is_not_found(robot: Caller, method: str, path: str) -> None:
    answer = robot.send(
        method.upper(),
        filled(path),
        {k: v for k, v in (body_of(method, path) or {}).items() if not k.endswith("_id") or k == "into_id"},
    )
    assert answer.status_code == 404 and answer.json()["type"] == "urn:firstline:problem:not-found", (
        answer.content
    )


def test_tokens_end(org: Organisation, robot: Caller) -> None:
    assert robot.get("/services").status_code == 200
    assert Token.objects.get().last_used_at == org.now
    Token.objects.update(expires_at=org.now)
    assert robot.get("/services").status_code == 401
    Token.objects.update(expires_at=None, revoked_at=org.now)
    assert robot.get("/services").status_code == 401


def test_a_session_needs_the_csrf_token_for_writes(org: Organisation) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(org.agent, backend="django.contrib.auth.backends.ModelBackend")
    person = Caller(client, {})
    assert person.get("/incidents").status_code == 200
    refused = person.post("/incidents", {"title": "x"})
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
    client.get("/report/")
    token = client.cookies["firstline_csrf"].value
    assert person.post("/incidents", {"title": "x"}, X_CSRFToken=token).status_code == 201


def test_guessing_tokens_ends_and_the_limit_says_when(org: Organisation) -> None:
    stranger = Caller(Client(), {"Authorization": "Bearer guess"})
    codes = [stranger.get("/services").status_code for _ in range(61)]
    assert codes == [401] * 60 + [429]
    assert int(stranger.get("/services")["Retry-After"]) <= 60
    org.advance(minutes=1)
    assert stranger.get("/services").status_code == 401


def test_sources_are_made_and_rotated(org: Organisation, robot: Caller) -> None:
    answer = robot.post("/sources", {"name": "Prometheus", "kind": "alertmanager"}, Idempotency_Key="s")
    made = answer.json()
    assert answer.status_code == 201 and len(made["token"]) == 32
    row = Source.objects.get()
    assert made["token"] not in json.dumps(IdempotencyKey.objects.get().body), "kept encrypted"
    again = robot.post("/sources", {"name": "Prometheus", "kind": "alertmanager"}, Idempotency_Key="s")
    assert again.json() == made and Source.objects.count() == 1
    rotated = robot.post(f"/sources/{row.id}/rotate", {"overlap_hours": 2}).json()
    fresh = Source.objects.get()
    assert rotated["token"] != made["token"] and fresh.previous_token_hash == row.token_hash
    assert robot.post("/sources", {"name": "x", "kind": "carrier_pigeon"}).status_code == 422
    assert machine(org, "source:read").post("/sources", {"name": "y", "kind": "generic"}).status_code == 403
    assert robot.get(f"/sources/{row.id}").json()["token_hint"] == fresh.token_hint
    assert "token_hash" not in robot.get("/sources").content.decode()


schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())


def no_server_error(_context: CheckContext, response: Any, _case: Any) -> None:
    assert response.status_code < 500, response.text


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """The end of a request closes idle connections; here it would end the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=True,
)
def test_nonsense_is_refused_as_documented(
    case: schemathesis.Case, robot: Caller, org: Organisation, kept_connection: None
) -> None:
    """Each documented operation, fed with what its description allows and what it doesn't."""
    row = Incident.objects.order_by("id").first() or org.incident()
    if case.path_parameters and isinstance(case.path_parameters.get("incident_id"), int):
        case.path_parameters["incident_id"] = row.id
    case.call_and_validate(
        headers={**robot.headers, "Host": "testserver"},
        checks=[
            no_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
    )
