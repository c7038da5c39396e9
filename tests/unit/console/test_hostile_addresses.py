"""What no browser sends: addresses made up by hand. Each is answered with a refusal or a page, never with a crash."""

import base64

import pytest
from django.test import Client

from tests.organisation import Organisation, organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organisation:
    return organisation()


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


ADDRESSES = [
    "/console/?q=priority:²",
    "/console/?q=caller:%00",
    "/console/?q=%00",
    "/console/?category=%00",
    "/console/?q=opened:9999-12-31",
    "/console/?q=resolved:..9999-12-31",
    "/console/?after=" + cursor("[" * 9000),
    "/console/?after=" + cursor('["2026-01-01T00:00:00+00:00", Infinity]'),
    "/console/queue/rows?rows=²,1",
    "/console/queue/new?since=2026-01-01T00:00:00Z&q=caller:%00",
    "/console/alerts/?q=%00",
    "/console/problems/?q=%00",
    "/console/problems/new/?incident=²",
    "/console/people/?q=%00",
    "/console/reports/?group=²&service=²",
    "/console/audit/?person=²",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_made_up_by_hand_is_refused_and_breaks_nothing(org: Organisation, address: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(org.admin)
    assert client.get(address).status_code < 500


def test_a_zero_byte_in_a_form_is_refused(org: Organisation) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(org.agent)
    made = org.incident()
    said = client.post(f"/console/incidents/{made.id}/say", {"body": "a\x00b", "to": "note"})
    assert said.status_code == 400


def test_rows_chosen_with_odd_digits_are_left_out(org: Organisation) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(org.agent)
    made = org.incident()
    sent = {"row": ["²", str(made.id)], "verb": "person", "person": "²"}
    assert client.post("/console/queue/act", sent).status_code == 302
