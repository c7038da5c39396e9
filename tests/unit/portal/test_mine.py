"""What a caller sees and does with their own incidents, and that nobody else's are there."""

import pytest
from django.test import Client

from firstline.accounts.models import OrganisationUnit, Person
from firstline.closure.asking import ask_due
from firstline.closure.models import Confirmation
from firstline.incidents import actions
from firstline.incidents.models import Incident
from firstline.portal.wording import Facts, status
from tests.organisation import MAKER, Organisation, organisation


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def test_my_incidents_are_mine(org: Organisation) -> None:
    mine, theirs = org.incident(title="Mine"), org.incident(title="Theirs", caller_id=org.colleague.id)
    rosa = signed_in(org.caller)
    page = text(rosa, "/my/")
    assert "Mine" in page and "Theirs" not in page
    assert rosa.get(f"/my/{mine.id}/").status_code == 200
    for verb, method in (
        ("", "get"),
        ("reply/", "post"),
        ("fixed/", "post"),
        ("still-broken/", "post"),
        ("rate/", "post"),
    ):
        for number in (theirs.id, 999999):
            answer = getattr(rosa, method)(f"/my/{number}/{verb}", {"body": "x", "rating": 5})
            assert answer.status_code == 404, (verb, number)
    assert not theirs.comments.exists()


def test_the_caller_sees_comments_but_never_notes(org: Organisation) -> None:
    row = org.incident(description="It began at **eight**")
    agent = org.by(org.agent)
    actions.comment(row.id, "We look at it", actor=agent, now=org.now)
    actions.comment(row.id, "He broke it himself", actor=agent, now=org.now, public=False)
    actions.override_priority(
        row.id, 5, reason="management", note="unimportant person", actor=agent, now=org.now
    )
    page = text(signed_in(org.caller), f"/my/{row.id}/")
    assert "We look at it" in page and "<strong>eight</strong>" in page
    assert "broke it himself" not in page and "unimportant" not in page and "P5" not in page


def test_what_people_write_is_shown_as_text(org: Organisation) -> None:
    row = org.incident(
        title="<script>alert(1)</script>", description="<img src=x onerror=alert(1)> [a](javascript:b)"
    )
    page = text(signed_in(org.caller), f"/my/{row.id}/")
    assert (
        "<script>alert" not in page and "<img" not in page and "javascript:b" not in page.split('href="')[-1]
    )
    assert 'href="javascript' not in page


def test_a_reply_resumes_what_waits_for_the_caller(org: Organisation) -> None:
    row = org.incident()
    later = org.now.replace(day=25)
    actions.hold(row.id, reason="caller", look_again_at=later, comment="Which app?", actor=MAKER, now=org.now)
    rosa = signed_in(org.caller)
    assert "We need something from you" in text(rosa, "/my/")
    assert rosa.post(f"/my/{row.id}/reply/", {"body": ""}).status_code == 422
    assert rosa.post(f"/my/{row.id}/reply/", {"body": "The web one"}).status_code == 302
    assert Incident.objects.get(id=row.id).state == "assigned"
    assert "The web one" in text(rosa, f"/my/{row.id}/")


def test_fixed_and_rated_in_the_portal(org: Organisation) -> None:
    row = org.resolved()
    ask_due(now=org.now)
    rosa = signed_in(org.caller)
    assert "Yes, it is fixed" in text(rosa, f"/my/{row.id}/")
    assert rosa.get(f"/my/{row.id}/fixed/").status_code == 405, "looking confirms nothing"
    rosa.post(f"/my/{row.id}/fixed/")
    assert Incident.objects.get(id=row.id).closed_how == "caller"
    assert "How was it handled?" in text(rosa, f"/my/{row.id}/")
    rosa.post(f"/my/{row.id}/rate/", {"rating": "4", "text": "fine"})
    assert Confirmation.objects.get().rating == 4
    assert rosa.post(f"/my/{row.id}/rate/", {"rating": "1"}).status_code == 409
    assert "How was it handled?" not in text(rosa, f"/my/{row.id}/")


def test_still_broken_in_the_portal(org: Organisation) -> None:
    row = org.resolved()
    ask_due(now=org.now)
    signed_in(org.caller).post(f"/my/{row.id}/still-broken/", {"text": "Hangs again"})
    assert Incident.objects.get(id=row.id).reopenings == 1
    assert "Hangs again" in text(signed_in(org.caller), f"/my/{row.id}/")


def test_a_security_incident_shows_its_caller_their_report_and_public_comments_only(
    org: Organisation,
) -> None:
    row = org.incident(title="I clicked a bad link", security=True, group_id=org.security.id)
    actions.comment(row.id, "Change your password", actor=org.by(org.guard), now=org.now)
    actions.comment(row.id, "Suspect is internal", actor=org.by(org.guard), now=org.now, public=False)
    page = text(signed_in(org.caller), f"/my/{row.id}/")
    assert "I clicked a bad link" in page and "Change your password" in page and "Suspect" not in page
    unit = OrganisationUnit.objects.create(name="Sales", shared=True)
    Person.objects.filter(id__in=[org.caller.id, org.colleague.id]).update(unit=unit)
    ordinary = org.incident()
    kim = signed_in(org.colleague)
    assert kim.get(f"/my/{ordinary.id}/").status_code == 200, "the unit shares"
    assert kim.get(f"/my/{row.id}/").status_code == 404, "never security"
    actions.add_affected(
        Incident.objects.get(id=row.id), org.colleague.id, why="me_too", actor=MAKER, now=org.now
    )
    assert kim.get(f"/my/{row.id}/").status_code == 404


def test_those_who_joined_see_what_is_published_and_what_they_wrote(org: Organisation) -> None:
    row = org.incident(title="Petra can't send", description="Petra's words")
    actions.me_too(row.id, actor=org.by(org.agent), now=org.now, person_id=org.colleague.id)
    actions.comment(row.id, "Dear Petra, call me", actor=org.by(org.agent), now=org.now)
    file = actions.attach(
        row.id, "petra.txt", [b"Petra"], actor=org.by(org.caller), now=org.now, as_caller=True
    )
    kim = signed_in(org.colleague)
    kim.post(f"/my/{row.id}/reply/", {"body": "Also from home"})
    page = text(kim, f"/my/{row.id}/")
    assert "Petra" not in page and "Also from home" in page and "Mail" in page
    assert "Petra" not in text(kim, "/my/")
    assert kim.get(f"/my/files/{file.id}/").status_code == 404
    assert signed_in(org.caller).get(f"/my/files/{file.id}/").status_code == 200


def test_the_list_is_paged(org: Organisation) -> None:
    for number in range(32):
        org.incident(title=f"Report number {number:02}")
    rosa = signed_in(org.caller)
    page = text(rosa, "/my/")
    assert page.count("Report number") == 30 and "Report number 31" in page
    cursor = page.split('href="?after=')[1].split('"')[0]
    assert text(rosa, f"/my/?after={cursor}").count("Report number") == 2
    assert rosa.get("/my/?after=bogus").status_code == 422


@pytest.mark.parametrize("rows", [1, 30])
def test_the_list_asks_a_bounded_number_of_queries(
    org: Organisation, rows: int, django_assert_max_num_queries: object
) -> None:
    for _ in range(rows):
        org.incident()
    rosa = signed_in(org.caller)
    with django_assert_max_num_queries(9):
        rosa.get("/my/")


def test_the_account_page_changes_ones_own_data_only(org: Organisation) -> None:
    rosa = signed_in(org.caller)
    fields = {"name": "Rosa C.", "phone": "12", "place": "B 3", "language": "de", "zone": "Europe/Kyiv"}
    rosa.post("/account/", {**fields, "roles": "administrator", "email": "admin@example.org"})
    changed = Person.objects.get(id=org.caller.id)
    assert (changed.name, changed.zone, changed.language) == ("Rosa C.", "Europe/Kyiv", "de")
    assert (changed.roles, changed.email) == ([], "rosa@example.org")
    assert rosa.post("/account/", {**fields, "zone": "Mars/Base"}).status_code == 422


def test_home_leads_everybody_to_their_place(org: Organisation) -> None:
    assert Client().get("/").headers["Location"] == "/report/"
    assert signed_in(org.caller).get("/").headers["Location"] == "/report/"
    for person in (org.agent, org.admin, org.auditor):
        assert signed_in(person).get("/").headers["Location"] == "/console/"


STATES = ("new", "assigned", "in_progress", "on_hold", "resolved", "closed", "cancelled")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("is_caller", [True, False])
def test_every_state_has_a_plain_sentence(state: str, is_caller: bool) -> None:
    for hold in ("", "caller", "vendor", "scheduled", "change", "problem"):
        found = status(Facts(state=state, hold_reason=hold, is_caller=is_caller))
        assert found.text.endswith((".", "?")) and state not in found.text.lower().split()
        assert not found.turn or (is_caller and (state == "resolved" or hold == "caller"))
