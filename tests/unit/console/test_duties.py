"""Swaps, shifts from a file, calendar feeds, load and the ledger of pages, as their pages do it."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import icalendar
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from firstline.accounts.actions import create_person
from firstline.accounts.models import Person
from firstline.core import clock
from firstline.oncall import configure
from firstline.oncall.directory import Directory
from firstline.oncall.models import Escalation, Page, Schedule, SwapRequest
from firstline.oncall.rotation import Rotation
from firstline.oncall.schedule import Layer
from firstline.oncall.schedule import Schedule as Document
from tests.organisation import MAKER, Organisation, organisation


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


@pytest.fixture
def boss(org: Organisation) -> Person:
    return create_person(
        email="boss@example.org", roles=["administrator", "auditor"], actor=MAKER, now=org.now
    )


@pytest.fixture
def schedule(org: Organisation) -> Schedule:
    """The agent one week, the outsider the next, for ever."""
    start = (org.now - timedelta(days=org.now.weekday(), weeks=1)).replace(
        tzinfo=None, hour=9, minute=0, second=0
    )
    rotation = Rotation(every=1, unit="week", start=start, participants=(org.agent.id, org.outsider.id))
    document = Document(zone="Europe/Kyiv", layers=(Layer(name="week", rotation=rotation),))
    return configure.create_schedule(
        name="Mail team", definition=document, actor=MAKER, now=org.now - timedelta(days=40)
    )


def client(person: Person) -> Client:
    found = Client()
    found.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return found


def address(name: str, *parts: object) -> str:
    return reverse(f"console:{name}", args=parts)


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


def test_cover_me_is_offered_taken_by_a_colleague_and_the_schedule_follows(
    org: Organisation, schedule: Schedule, boss: Person
) -> None:
    start = clock.now() + timedelta(days=1)
    Person.objects.update(zone="UTC")
    (before,) = {duty.person for duty in Directory().on_duty_at(schedule.id, start + timedelta(hours=1))}
    giver = Person.objects.get(id=before)
    page = client(giver)
    answer = page.post(
        address("swap_ask", schedule.id),
        {"start": moment(start), "end": moment(start + timedelta(hours=6))},
        follow=True,
    )
    assert "You stay on call until somebody takes it" in answer.content.decode()
    (swap,) = SwapRequest.objects.all()
    shown = client(boss).get(address("schedule", schedule.id)).content.decode()
    assert f"{giver.name} asks to be covered" in shown and "Take this shift" in shown
    client(boss).post(address("swap_take", schedule.id, swap.id))
    assert {duty.person for duty in Directory().on_duty_at(schedule.id, start + timedelta(hours=1))} == {
        boss.id
    }
    assert {duty.person for duty in Directory().on_duty_at(schedule.id, start + timedelta(hours=7))} == {
        giver.id
    }
    refused = page.post(address("swap_cancel", schedule.id, swap.id), follow=True)
    assert "Somebody has taken this swap" in refused.content.decode()


def test_a_calendar_file_becomes_a_layer_and_says_whom_it_left_out(
    org: Organisation, schedule: Schedule, boss: Person
) -> None:
    start = (clock.now() + timedelta(days=3)).replace(microsecond=0)
    text = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"
        f"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:{start:%Y%m%dT%H%M%SZ}\r\nDURATION:PT4H\r\n"
        f"RRULE:FREQ=DAILY;COUNT=3\r\nATTENDEE:mailto:{boss.email}\r\nATTENDEE:mailto:gone@example.org\r\nEND:VEVENT\r\n"
        "END:VCALENDAR\r\n"
    )
    send = {"layer": "holidays", "file": SimpleUploadedFile("x.ics", text.encode())}
    answer = client(boss).post(address("shifts_import", schedule.id), send, follow=True).content.decode()
    assert "3 shifts are in the layer" in answer and "gone@example.org" in answer
    assert {duty.person for duty in Directory().on_duty_at(schedule.id, start + timedelta(hours=25))} == {
        boss.id
    }
    again = {"layer": "holidays", "file": SimpleUploadedFile("x.ics", b"no calendar")}
    assert (
        "calendar"
        in client(boss).post(address("shifts_import", schedule.id), again, follow=True).content.decode()
    )
    assert {duty.person for duty in Directory().on_duty_at(schedule.id, start + timedelta(hours=25))} == {
        boss.id
    }


def test_feeds_open_with_their_token_alone_until_new_ones_are_made(
    org: Organisation, schedule: Schedule, boss: Person
) -> None:
    page = client(org.agent)
    shown = page.post(address("me_calendar"), {"do": "renew"}).content.decode()
    mine, team = re.findall(r'value="[^"]*(/calendar/[^"]+)"', shown)
    feed = icalendar.Calendar.from_ical(Client().get(mine).content)
    starts = [event["DTSTART"].dt for event in feed.walk("VEVENT")]
    assert len(starts) >= 10 and len(starts) == len(set(starts))
    everybody = icalendar.Calendar.from_ical(Client().get(team).content)
    assert {str(event["SUMMARY"]) for event in everybody.walk("VEVENT")} == {
        org.agent.name,
        org.outsider.name,
    }
    again = icalendar.Calendar.from_ical(Client().get(mine).content)
    assert [str(e["UID"]) for e in again.walk("VEVENT")] == [str(e["UID"]) for e in feed.walk("VEVENT")]
    assert address("me") and mine not in page.get(address("me")).content.decode()

    renewed = page.post(address("me_calendar"), {"do": "renew"}).content.decode()
    assert Client().get(mine).status_code == 404
    (new, _team) = re.findall(r'value="[^"]*(/calendar/[^"]+)"', renewed)
    assert Client().get(new).status_code == 200
    page.post(address("me_calendar"), {"do": "drop"})
    assert Client().get(new).status_code == 404


def test_a_feed_ends_with_its_owner_and_opens_nothing_else(org: Organisation, schedule: Schedule) -> None:
    shown = client(org.agent).post(address("me_calendar"), {"do": "renew"}).content.decode()
    mine = re.findall(r'value="[^"]*(/calendar/[^"]+)"', shown)[0]
    token = mine.split("/")[2]
    assert Client().get("/api/v1/incidents", headers={"Authorization": f"Bearer {token}"}).status_code == 403
    Person.objects.filter(id=org.agent.id).update(is_active=False)
    assert Client().get(mine).status_code == 404
    assert [Client().get(f"/calendar/wrong{n}/mine.ics").status_code for n in range(35)][-1] == 429


def test_load_names_each_person_with_hours_and_pages(
    org: Organisation, schedule: Schedule, boss: Person
) -> None:
    paged(org, schedule, clock.now() - timedelta(hours=1))
    shown = client(boss).get(address("oncall_load"), {"days": "28"}).content.decode()
    assert org.agent.name in shown and org.outsider.name in shown
    assert "Pages as CSV" in shown
    ahead = client(org.agent).get(address("oncall_load"), {"days": "7", "ahead": "1"}).content.decode()
    assert org.agent.name in ahead and "Pages as CSV" not in ahead


def test_the_ledger_as_csv_has_a_row_a_page_and_runs_no_formula(
    org: Organisation, schedule: Schedule, boss: Person
) -> None:
    Person.objects.filter(id=org.agent.id).update(name="=1+1")
    page = paged(org, schedule, clock.now() - timedelta(hours=1))
    answer = client(boss).get(address("oncall_pages"), {"days": "7"})
    (row,) = csv.DictReader(io.StringIO(b"".join(answer).decode()))
    assert (row["incident"], row["person"], row["step"]) == (page.incident.number, "'=1+1", "1")
    assert row["because"] == "kind=schedule" and row["due_at"].endswith("+00:00")
    assert client(org.agent).get(address("oncall_pages")).status_code == 403


def paged(org: Organisation, schedule: Schedule, at: datetime) -> Page:
    incident = org.incident()
    escalation = Escalation.objects.create(
        incident=incident, snapshot={}, cursor={}, started_at=at, priority=3
    )
    return Page.objects.create(
        escalation=escalation, incident=incident, person=org.agent, because={"kind": "schedule"}, due_at=at,
        created_at=at, attempted_at=at, key=f"{escalation.id}",
    )  # fmt: skip
