"""The pages behind the links of a closing message: no sign-in, GET shows, only the button acts."""

import re

import pytest
from django.test import Client

from firstline.closure.asking import ask_due
from firstline.closure.models import Confirmation
from firstline.core.models import Event
from firstline.incidents import actions
from firstline.incidents.models import Incident
from firstline.notifications.models import Delivery
from tests.organisation import Organisation, organisation


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


def links(address: str = "rosa@example.org") -> dict[str, str]:
    """The three addresses of the last closing mail, by what stands above them."""
    body = Delivery.objects.filter(address=address, message__kind="resolved").latest("id").message.body
    paths = re.findall(r"(/answer/\S+/)", body)
    assert len(paths) == 3, body
    return dict(zip(("fixed", "broken", "rate"), paths, strict=True))


@pytest.fixture
def asked(org: Organisation) -> Incident:
    row = org.resolved()
    ask_due(now=org.now)
    return row


def fresh(row: Incident) -> Incident:
    return Incident.objects.get(id=row.id)


def test_a_scanner_that_opens_every_link_changes_nothing(asked: Incident, client: Client) -> None:
    before = (fresh(asked).version, Event.objects.count())
    for path in links().values():
        for ask in (client.get, client.head, Client().get):
            answer = ask(path)
            assert answer.status_code == 200 and answer.headers["Cache-Control"] == "private, no-store"
        assert client.options(path).status_code == 405
    assert (fresh(asked).version, Event.objects.count()) == before


def test_the_button_needs_the_page_it_stands_on(asked: Incident) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(links()["fixed"]).status_code == 403 and fresh(asked).state == "resolved"
    page = strict.get(links()["fixed"]).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    strict.post(links()["fixed"], {"csrfmiddlewaretoken": token.group(1)})
    assert fresh(asked).state == "closed"


def test_fixed_then_rated_without_signing_in(asked: Incident, client: Client) -> None:
    thanks = client.post(links()["fixed"]).content.decode()
    assert fresh(asked).closed_how == "caller" and "Rate how it was handled" in thanks
    rate = re.search(r'href="(/answer/[^"]+)"', thanks)
    assert rate
    assert client.post(rate.group(1), {"rating": "9"}).status_code == 422
    assert client.post(rate.group(1), {"rating": "2", "text": "slow"}).status_code == 200
    assert Confirmation.objects.get().rating == 2
    assert client.post(rate.group(1), {"rating": "5"}).status_code == 409
    assert "rated this already" in client.get(rate.group(1)).content.decode()
    assert "_auth_user_id" not in client.session, "a link signs nobody in"


def test_still_broken(asked: Incident, client: Client) -> None:
    client.post(links()["broken"], {"text": "Hangs again"})
    assert (fresh(asked).state, fresh(asked).reopenings) == ("assigned", 1)
    assert "worked on again" in client.get(links()["fixed"]).content.decode()
    assert client.post(links()["fixed"]).status_code == 409
    assert client.post(links()["broken"], {"text": "again"}).status_code == 409
    assert fresh(asked).reopenings == 1


def test_pressed_twice_is_once(asked: Incident, client: Client) -> None:
    assert client.post(links()["fixed"]).status_code == 200
    version = fresh(asked).version
    assert client.post(links()["fixed"]).status_code == 200
    assert fresh(asked).version == version
    assert client.post(links()["broken"], {"text": ""}).status_code == 409
    assert "closed already" in client.get(links()["broken"]).content.decode()


def test_damaged_foreign_and_expired_links(asked: Incident, client: Client, org: Organisation) -> None:
    path = links()["fixed"]
    flipped = path[:-5] + ("A" if path[-5] != "A" else "B") + path[-4:]
    for broken in (flipped, "/answer/x/", "/answer/1:2:3/", path.replace("/answer/", "/answer/x")):
        assert client.get(broken).status_code == 404 and client.post(broken).status_code == 404
    org.advance(days=30, seconds=1)
    expired = client.post(path)
    assert expired.status_code == 404 and "expired" in expired.content.decode()
    assert fresh(asked).state == "resolved"


def test_links_to_the_other_answers_do_not_live_longer(
    asked: Incident, client: Client, org: Organisation
) -> None:
    org.advance(days=29)
    page = client.get(links()["fixed"]).content.decode()
    other = re.search(r'href="(/answer/[^"]+)"', page)
    assert other and client.get(other.group(1)).status_code == 200
    org.advance(days=2)
    assert client.get(other.group(1)).status_code == 404


def test_a_link_of_an_earlier_resolution_acts_on_nothing(
    asked: Incident, client: Client, org: Organisation
) -> None:
    first = links()
    client.post(first["broken"], {"text": ""})
    actions.resolve(asked.id, code="fixed", notes="Again", actor=org.by(org.agent), now=org.advance(hours=1))
    ask_due(now=org.now)
    assert client.post(first["fixed"]).status_code == 409
    assert "earlier message" in client.get(first["fixed"]).content.decode()
    assert client.post(links()["fixed"]).status_code == 200 and fresh(asked).state == "closed"


def test_somebody_else_who_is_affected(org: Organisation, client: Client) -> None:
    row = org.resolved(title="Petra can't send")
    actions.me_too(row.id, actor=org.by(org.agent), now=org.now, person_id=org.colleague.id)
    ask_due(now=org.now)
    theirs = links("kim@example.org")
    body = Delivery.objects.get(address="kim@example.org", message__kind="resolved").message
    assert "Petra" not in body.subject + body.body
    assert "Petra" not in client.get(theirs["broken"]).content.decode()
    assert client.post(theirs["broken"], {"text": "not for me"}).status_code == 200
    assert (fresh(row).state, fresh(row).stop_auto_close) == ("resolved", True)
    assert client.post(theirs["rate"], {"rating": "1"}).status_code == 403
    assert client.post(links()["fixed"]).status_code == 200 and fresh(row).state == "closed"


def test_a_security_incident_shows_its_number_only(org: Organisation, client: Client) -> None:
    row = org.resolved(title="I clicked a bad link", security=True, group_id=org.security.id)
    ask_due(now=org.now)
    page = client.get(links()["fixed"]).content.decode()
    assert row.number in page and "bad link" not in page and "restarted" not in page


def test_nobody_presses_for_ever(asked: Incident, client: Client) -> None:
    codes = [client.post(links()["rate"], {"rating": "0"}).status_code for _ in range(21)]
    assert codes == [422] * 20 + [429] and fresh(asked).state == "resolved"


def test_a_deactivated_persons_link_is_dead(asked: Incident, client: Client, org: Organisation) -> None:
    org.caller.is_active = False
    org.caller.save()
    assert client.post(links()["fixed"]).status_code == 404 and fresh(asked).state == "resolved"


def test_the_last_second(asked: Incident, client: Client, org: Organisation) -> None:
    org.advance(days=30, seconds=-1)
    assert client.get(links()["fixed"]).status_code == 200
