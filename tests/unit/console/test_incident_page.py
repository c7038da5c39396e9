"""The incident page as Django makes it: its cost, its doors, its forms."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from firstline.core.actor import Actor
from tests.unit.desk.office import NOW, Office

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Office:
    from tests.unit.desk.office import open_office

    return open_office()


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def say(office: Office, incident_id: int, times: int) -> None:
    from firstline.incidents.actions import talking

    for number in range(times):
        actor = Actor.person(office.agent.pk)
        talking.comment(incident_id, f"Said {number}", public=number % 2 == 0, actor=actor, now=NOW)


def test_the_page_costs_the_same_however_long_the_conversation(office: Office) -> None:
    incident = office.report()
    client = signed_in(office.agent)
    say(office, incident.pk, 1)
    client.get(f"/console/incidents/{incident.pk}/")

    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(f"/console/incidents/{incident.pk}/").status_code == 200
        return len(caught)

    one = cost()
    say(office, incident.pk, 49)
    assert cost() == one <= 60


def test_the_queue_costs_the_same_with_one_row_and_with_fifty(office: Office) -> None:
    client = signed_in(office.agent)
    office.report()
    client.get("/console/")

    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get("/console/").status_code == 200
        return len(caught)

    one = cost()
    for number in range(49):
        office.report(f"Another {number}")
    assert cost() == one <= 25


def test_a_stranger_signs_in_and_a_caller_is_shown_the_portal(office: Office) -> None:
    incident = office.report()
    address = f"/console/incidents/{incident.pk}/"
    stranger = Client().get(address)
    assert stranger.status_code == 302
    assert "next=" in stranger.headers["Location"]
    caller = signed_in(office.caller).get(address)
    assert (caller.status_code, caller.headers["Location"]) == (302, "/")


def test_a_security_incident_does_not_exist_for_others(office: Office) -> None:
    secret = office.report("Credentials stolen", security=True, group_id=office.guards.pk)
    outsider = signed_in(office.agent)
    for address in ("", "part/talk", "assign/", "viewers", "clock/resolution/"):
        answer = outsider.get(f"/console/incidents/{secret.pk}/{address}")
        assert answer.status_code == 404, address
        assert b"Credentials" not in answer.content
    assert outsider.post(f"/console/incidents/{secret.pk}/take/").status_code in (302, 404)
    secret.refresh_from_db()
    assert secret.assignee_id is None
    assert signed_in(office.guard).get(f"/console/incidents/{secret.pk}/").status_code == 200


def test_an_auditor_reads_and_changes_nothing(office: Office) -> None:
    incident = office.report()
    office.guard.roles = ["auditor"]
    office.guard.save()
    office.guard.memberships.all().delete()
    auditor = signed_in(office.guard)
    page = auditor.get(f"/console/incidents/{incident.pk}/")
    assert page.status_code == 200
    assert b'class="actions"' not in page.content
    assert b'id="composer"' not in page.content
    for address in ("take/", "say", "watch"):
        answer = auditor.post(f"/console/incidents/{incident.pk}/{address}", {"body": "x"})
        assert answer.status_code in (302, 403)
    incident.refresh_from_db()
    assert (incident.assignee_id, incident.version) == (None, 1)


@pytest.mark.parametrize(
    ("key", "data", "wrong"),
    [
        ("resolve", {"resolution_code": "", "resolution_notes": ""}, "id_resolution_notes_error"),
        ("escalate", {"group": "", "reason": ""}, "id_reason_error"),
        ("merge", {"original": "not a number"}, "id_original_error"),
        ("cancel", {}, "error"),
    ],
)
def test_a_form_says_what_is_missing_and_nothing_happens(
    office: Office, key: str, data: dict[str, str], wrong: str
) -> None:
    incident = office.report()
    answer = signed_in(office.agent).post(f"/console/incidents/{incident.pk}/{key}/", data)
    assert answer.status_code == 422
    assert wrong in answer.content.decode()
    incident.refresh_from_db()
    assert incident.version == 1


def test_an_unknown_action_is_not_found(office: Office) -> None:
    incident = office.report()
    assert signed_in(office.agent).get(f"/console/incidents/{incident.pk}/explode/").status_code == 404
