"""Reporting: with an account, without one, and with what is known already beside it."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from firstline.accounts.models import Person
from firstline.core import installation
from firstline.core.errors import NotFound
from firstline.core.models import Blob, BlobChunk
from firstline.incidents import actions
from firstline.incidents.models import Incident
from firstline.intake import reports
from firstline.intake.models import UnverifiedReport
from firstline.notifications.models import Delivery
from firstline.problems.models import Problem
from tests.organisation import MAKER, Organisation, organisation

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100
ANSWERS = {
    "title": "Mail hangs",
    "extent": "several",
    "can_work": "no",
    "details": "Since eight",
    "phone": "4711",
}


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


@pytest.fixture
def rosa(org: Organisation) -> Client:
    return signed_in(org.caller)


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def verify_link(address: str = "new@example.org") -> str:
    body = Delivery.objects.filter(address=address).latest("id").message.body
    found = re.search(r"(/report/verify/\S+/)", body)
    assert found, body
    return found.group(1)


def test_three_answers_and_two_taps_register_an_incident(rosa: Client, org: Organisation) -> None:
    page = rosa.get("/report/").content.decode()
    assert 'value="4711"' in page and 'name="email"' not in page
    answer = rosa.post("/report/", {**ANSWERS, "service": org.mail.id})
    row = Incident.objects.get()
    assert answer.headers["Location"] == f"/my/{row.id}/"
    assert (row.caller_id, row.channel, row.extent, row.can_work) == (
        org.caller.id,
        "portal",
        "several",
        "no",
    )
    assert (row.service_id, row.degradation, row.caller_phone) == (org.mail.id, "down", "4711")
    assert row.number in rosa.get(f"/my/{row.id}/").content.decode()


@pytest.mark.parametrize("missing", ["title", "extent", "can_work"])
def test_what_is_missing_is_said_and_what_was_typed_stays(rosa: Client, missing: str) -> None:
    answer = rosa.post("/report/", {**ANSWERS, missing: ""})
    page = answer.content.decode()
    assert answer.status_code == 422 and "Since eight" in page and 'class="error"' in page
    assert not Incident.objects.exists()


def test_a_service_asks_its_own_questions_also_without_javascript(rosa: Client, org: Organisation) -> None:
    org.mail.questions = ["Which mailbox?", {"label": "Which app?", "choices": ["Web", "Phone"]}]
    org.mail.save()
    asked = rosa.post("/report/", {**ANSWERS, "service": org.mail.id})
    assert asked.status_code == 200 and "Which mailbox?" in asked.content.decode()
    assert not Incident.objects.exists()
    assert "Which app?" in rosa.get(f"/report/questions/?service={org.mail.id}").content.decode()
    rosa.post("/report/", {**ANSWERS, "service": org.mail.id, "q1": "sales@", "q2": "Phone"})
    assert Incident.objects.get().description == "Since eight\n\nWhich mailbox?: sales@\n\nWhich app?: Phone"


def test_files_come_along_and_are_told_by_their_content(rosa: Client) -> None:
    files = [
        SimpleUploadedFile("shot.png", PNG),
        SimpleUploadedFile("evil.html", b"<script>alert(1)</script>"),
    ]
    rosa.post("/report/", {**ANSWERS, "attachments": files})
    found = {a.blob.filename: a for a in Incident.objects.get().attachments.select_related("blob")}
    assert set(found) == {"shot.png", "evil.html"}
    picture = rosa.get(f"/my/files/{found['shot.png'].id}/")
    assert b"".join(picture.streaming_content) == PNG
    assert picture.headers["Content-Disposition"].startswith("inline")
    page = rosa.get(f"/my/files/{found['evil.html'].id}/")
    assert page.headers["Content-Type"] == "text/plain" and page.headers["Content-Disposition"].startswith(
        "attachment"
    )
    assert "sandbox" in page.headers["Content-Security-Policy"]
    kim = signed_in(Person.objects.get(email="kim@example.org"))
    assert kim.get(f"/my/files/{found['shot.png'].id}/").status_code == 404


def test_without_an_account_nothing_is_registered_before_the_button(
    client: Client, org: Organisation
) -> None:
    answer = client.post("/report/", {**ANSWERS, "email": "New@Example.org", "name": "Nina New"})
    assert answer.headers["Location"] == "/report/sent/" and client.get("/report/sent/").status_code == 200
    path = verify_link()
    assert UnverifiedReport.objects.count() == 1 and not Incident.objects.exists()
    for visit in (client.get, client.head, Client().get):  # a scanner that follows links
        assert visit(path).status_code == 200
    assert not Incident.objects.exists() and not Person.objects.filter(email="new@example.org").exists()
    org.advance(hours=2)
    page = client.post(path)
    row = Incident.objects.get()
    assert row.number in page.content.decode()
    assert row.caller is not None and (row.caller.email, row.caller.name) == ("new@example.org", "Nina New")
    assert row.caller.email_verified_at == org.now and row.received_at == org.now
    assert row.detected_at == org.now - timedelta(hours=2)
    client.post(path)
    assert Incident.objects.count() == 1, "pressed twice, one incident"


def test_a_visitor_can_report_for_a_known_address_but_only_with_its_mail(
    client: Client, org: Organisation
) -> None:
    client.post("/report/", {**ANSWERS, "email": "rosa@example.org", "name": "Eve"})
    assert not Incident.objects.exists()
    client.post(verify_link("rosa@example.org"))
    assert Incident.objects.get().caller_id == org.caller.id
    assert Person.objects.get(id=org.caller.id).name == "Rosa Caller"


def test_the_files_of_a_visitor_wait_too_and_are_dropped_with_the_report(
    client: Client, org: Organisation
) -> None:
    client.post(
        "/report/", {**ANSWERS, "email": "a@example.org", "attachments": [SimpleUploadedFile("a.png", PNG)]}
    )
    client.post(verify_link("a@example.org"))
    attached = Incident.objects.get().attachments.get()
    assert attached.blob.size == len(PNG) and BlobChunk.objects.count() == 1
    client.post(
        "/report/", {**ANSWERS, "email": "b@example.org", "attachments": [SimpleUploadedFile("b.png", PNG)]}
    )
    path = verify_link("b@example.org")
    assert reports.drop_unverified(now=org.advance(days=7)) == 2
    assert BlobChunk.objects.count() == 1 and Blob.objects.filter(erased_at__isnull=False).count() == 2
    assert client.get(path).status_code == 404 and client.post(path).status_code == 404


def test_too_many_or_too_large_files_are_refused(client: Client, org: Organisation) -> None:
    many = [SimpleUploadedFile(f"{n}.png", PNG) for n in range(4)]
    answer = client.post("/report/", {**ANSWERS, "email": "a@example.org", "attachments": many})
    assert answer.status_code == 422 and not UnverifiedReport.objects.exists() and not Blob.objects.exists()


def test_a_changed_link_registers_nothing(client: Client, org: Organisation) -> None:
    client.post("/report/", {**ANSWERS, "email": "new@example.org"})
    path = verify_link()
    for broken in (path.replace(":", "x", 1), "/report/verify/x/", path[:-3] + "/"):
        assert client.post(broken).status_code == 404
    with pytest.raises(NotFound):
        reports.verify("1:x:y", now=org.now)
    assert not Incident.objects.exists()


def test_where_it_is_switched_off_visitors_sign_in(client: Client, org: Organisation) -> None:
    installation.put("report_without_account", False, actor=MAKER, now=org.now)
    assert client.get("/report/").headers["Location"] == "/sign-in/"
    assert client.post("/report/", {**ANSWERS, "email": "a@example.org"}).headers["Location"] == "/sign-in/"
    assert client.get("/").headers["Location"] == "/sign-in/"
    assert not UnverifiedReport.objects.exists()


def test_one_address_can_not_flood_others_with_mail(client: Client, org: Organisation) -> None:
    for n in range(5):
        client.post(
            "/report/",
            {**ANSWERS, "email": "victim@example.org", "title": str(n)},
            REMOTE_ADDR=f"192.0.2.{n}",
        )
    refused = client.post("/report/", {**ANSWERS, "email": "victim@example.org"}, REMOTE_ADDR="192.0.2.99")
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
    assert Delivery.objects.filter(address="victim@example.org").count() == 5


def test_one_visitor_can_not_report_for_ever(client: Client, org: Organisation) -> None:
    codes = [
        client.post("/report/", {**ANSWERS, "email": f"v{n}@example.org"}).status_code for n in range(11)
    ]
    assert codes == [302] * 10 + [429]
    org.advance(hours=1)
    assert client.post("/report/", {**ANSWERS, "email": "later@example.org"}).status_code == 302


def published(org: Organisation) -> Incident:
    row = org.incident(title="sekret: Petra in payroll can't send", description="my password is 123")
    return actions.publish(
        row.id, title="Sending mail hangs", status="The web client works.", actor=MAKER, now=org.now
    )


def test_suggestions_show_what_was_published_and_nothing_else(client: Client, org: Organisation) -> None:
    published(org)
    org.incident(title="Sending mail hangs for Petra")
    hidden = Problem.objects.create(
        title="Mail hangs on send", workaround="internal", state="known_error", opened_at=org.now
    )
    page = client.get("/report/suggestions/?title=sending mail hangs").content.decode()
    assert "Sending mail hangs" in page and "The web client works." in page
    assert "Petra" not in page and "password" not in page and "internal" not in page
    hidden.public = True
    hidden.save()
    assert "internal" in client.get("/report/suggestions/?title=mail hangs on send").content.decode()
    assert client.get("/report/suggestions/?title=printer jam").content.decode().strip() == ""
    assert "Sending mail hangs" in client.get(f"/report/suggestions/?service={org.mail.id}").content.decode()


def test_me_too_joins_instead_of_reporting(org: Organisation) -> None:
    row = published(org)
    kim = signed_in(org.colleague)
    assert Client().get(f"/known/{row.id}/me-too/").headers["Location"].startswith("/sign-in/")
    page = kim.get(f"/known/{row.id}/me-too/").content.decode()
    assert "Sending mail hangs" in page and Incident.objects.get(id=row.id).affected_users == 1
    for _ in range(2):
        assert kim.post(f"/known/{row.id}/me-too/").status_code == 302
    assert Incident.objects.get(id=row.id).affected_users == 2 and Incident.objects.count() == 1
    assert kim.get(f"/my/{row.id}/").status_code == 200
    assert kim.post(f"/known/{org.incident().id}/me-too/").status_code == 404, "not published"


def test_what_somebody_joined_never_shows_a_colleagues_words(org: Organisation) -> None:
    row = published(org)
    kim = signed_in(org.colleague)
    kim.post(f"/known/{row.id}/me-too/")
    for path in (f"/my/{row.id}/", "/my/"):
        page = kim.get(path).content.decode()
        assert "Petra" not in page and "password" not in page and "Sending mail hangs" in page


def test_known_problems(client: Client, org: Organisation) -> None:
    row = published(org)
    problem = Problem.objects.create(
        title="Mail folder full",
        workaround="Empty **trash**",
        state="known_error",
        public=True,
        opened_at=org.now,
    )
    page = client.get("/knowledge/").content.decode()
    assert row.public_title in page and "Mail folder full" in page
    assert "<strong>trash</strong>" in client.get(f"/knowledge/{problem.id}/").content.decode()
    problem.public = False
    problem.save()
    assert client.get(f"/knowledge/{problem.id}/").status_code == 404
    assert "Mail folder full" not in client.get("/knowledge/?q=mail+folder").content.decode()
