"""`firstline doctor` names what is wrong and what to do, and is silent about what is not."""

import json
from typing import Any

import pytest
from django.db import connections

from firstline.catalog.models import BusinessCalendar, CalendarVersion
from firstline.config import env
from firstline.config.examination import Result, examine
from firstline.core import clock
from tests.machine import firstline, reachable_folder, running_machine, wait_until

LOCAL: dict[str, str] = {"FIRSTLINE_MAIL_URL": "smtp://mail.example"}


def results(**settings: str) -> dict[str, Result]:
    return {result.part: result for result in examine(env.read(LOCAL | settings))}


def calendar(definition: Any) -> None:
    made = BusinessCalendar.objects.create(name="Odd hours")
    CalendarVersion.objects.create(calendar=made, number=1, definition=definition, valid_from=clock.now())


@pytest.mark.django_db
def test_plain_http_beyond_this_machine_is_a_finding() -> None:
    seen = results(FIRSTLINE_HOST="0.0.0.0", FIRSTLINE_URL="http://firstline.example.com")["address"]
    assert (seen.state, "https" in seen.advice) == ("finding", True)
    assert results()["address"].state == "ok"
    assert results(FIRSTLINE_URL="https://firstline.example.com")["address"].state == "ok"


@pytest.mark.django_db
def test_a_misspelt_setting_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLINE_PROT", "80")
    seen = results()["settings"]
    assert (seen.state, "FIRSTLINE_PROT" in seen.seen) == ("finding", True)


@pytest.mark.django_db
def test_a_calendar_that_never_opens_is_a_finding() -> None:
    calendar({"zone": "Europe/Berlin", "week": {}})
    assert results()["calendar Odd hours"].state == "finding"


@pytest.mark.django_db
def test_a_database_that_went_away_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connections.create_connection("default")
    connection.settings_dict = {**connection.settings_dict, "HOST": "/nowhere"}
    monkeypatch.setattr("firstline.config.examination.connection", connection)
    seen = results()
    assert (seen["database"].state, "engine" in seen) == ("finding", False)


def test_it_is_content_with_what_up_starts() -> None:
    with reachable_folder() as folder:
        settings = {"FIRSTLINE_DATA": str(folder / "data")}
        with running_machine(folder / "data"):
            said: dict[str, str] = {}

            def all_well() -> bool:
                examined = firstline("doctor", "--json", **settings)
                said.update({part["part"]: part["state"] for part in json.loads(examined.stdout)["parts"]})
                return examined.returncode == 0

            wait_until(all_well, "every part gave a sign of life")
    assert {part: state for part, state in said.items() if state != "ok"} == {"mail": "note"}
    assert {"database", "engine", "worker", "auditor", "escalation"} <= set(said)
