"""The mapping page: proposed from several payloads, tried on them, and saved by a person."""

from typing import Any

import pytest
from django.test import Client

from firstline.intake.models import Source
from tests.unit.console.test_source_inbox import signed_in
from tests.unit.intake.inboxes import Inbox as Box
from tests.unit.intake.inboxes import fresh_inbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def box() -> Box:
    return fresh_inbox()


@pytest.fixture
def admin(box: Box) -> Client:
    return signed_in("administrator")


def beat(number: int, probe: str, phase: str) -> dict[str, Any]:
    """A tool that nobody has heard of: its `id` is of the message, `probe` is what it is about."""
    return {
        "id": f"m-{number}",
        "probe": probe,
        "headline": f"{probe} does not answer",
        "phase": phase,
        "grade": "major",
    }


def source_with_payloads(box: Box) -> Source:
    source = box.source("generic")
    for number, (probe, phase) in enumerate(
        [("mail", "started"), ("shop", "started"), ("mail", "ended"), ("dns", "started"), ("shop", "ended")]
    ):
        box.put(source, beat(number, probe, phase))
    return source


def path(source: Source) -> str:
    return f"/console/sources/{source.id}/mapping/"


def fields(**changes: str) -> dict[str, str]:
    usual = {"title": "$.headline", "key": "$.probe", "state": "$.phase", "resolved": "ended"}
    return {**usual, "severity": "$.grade", **changes}


def test_a_proposal_is_shown_and_nothing_is_saved(box: Box, admin: Client) -> None:
    source = source_with_payloads(box)
    page = admin.get(path(source)).content.decode()
    assert "Proposed from the last 5 payloads" in page
    assert 'value="$.headline"' in page and 'value="$.phase"' in page and 'value="$.grade"' in page
    assert page.count("is over") >= 2 and page.count("triggers") >= 3
    assert Source.objects.get(id=source.id).mapping == {}


def test_what_the_form_says_is_tried_without_being_saved(box: Box, admin: Client) -> None:
    source = source_with_payloads(box)
    page = admin.post(path(source), fields(title="{probe}: {phase}", **{"try": "1"})).content.decode()
    assert "<b>shop: ended</b>" in page and "<code>shop</code>" in page
    assert Source.objects.get(id=source.id).mapping == {}


def test_a_saved_mapping_reads_what_comes_and_what_had_failed(box: Box, admin: Client) -> None:
    source = box.source("generic", mapping={"title": "$.nothing"})
    box.put(source, beat(1, "mail", "started"))
    box.drain()
    assert [row[0] for row in box.rows(source)] == ["failed"]
    page = admin.post(path(source), fields(), follow=True).content.decode()
    assert "could not be read before" in page
    kept = Source.objects.get(id=source.id).mapping
    assert (kept["title"], kept["resolved"]) == ("$.headline", ["ended"])
    admin.post(f"/console/sources/{source.id}/inbox/again")
    box.put(source, beat(2, "mail", "ended"))
    box.drain()
    spans = [(span.alert.dedup_key, span.state) for span in box.spans(source)]
    assert ("mail", "resolved") in spans
    assert {row[0] for row in box.rows(source)} == {"done"}


@pytest.mark.parametrize(
    ("changes", "marked"),
    [
        ({"title": ""}, "title"),
        ({"title": "$.a[["}, "title"),
        ({"key": "{a"}, "key"),
        ({"severities": "awful"}, "severities"),
        ({"severities": "x = awful"}, "severities"),
        ({"more": "{"}, "more"),
        ({"more": '{"tilte": 1}'}, "more"),
        ({"more": '{"entities": 3}'}, "title"),
    ],
)
def test_what_is_wrong_is_marked_and_nothing_is_saved(
    box: Box, admin: Client, changes: dict[str, str], marked: str
) -> None:
    source = source_with_payloads(box)
    answer = admin.post(path(source), fields(**changes))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [marked]
    assert Source.objects.get(id=source.id).mapping == {}


def test_what_the_form_has_no_field_for_survives_a_save(box: Box, admin: Client) -> None:
    more = {"labels": {"room": "$.room"}, "security": True, "techniques": "$.mitre[*].id"}
    source = box.source(
        "generic", mapping={"title": "$.headline", "severities": {"sev1": "critical"}, **more}
    )
    form = admin.get(path(source)).context["form"]
    admin.post(path(source), {name: form[name].value() for name in form.fields})
    kept = Source.objects.get(id=source.id).mapping
    assert {name: kept[name] for name in more} == more
    assert kept["severities"] == {"sev1": "critical"}


def test_a_known_tool_is_named(box: Box, admin: Client) -> None:
    source = box.source("generic")
    box.put(source, {"check_id": 1, "check_name": "Shop", "current_state": "DOWN", "description": "503"})
    assert "This looks like Pingdom" in admin.get(path(source)).content.decode()


def test_it_is_hidden_from_who_may_not_see_the_source(box: Box) -> None:
    source = source_with_payloads(box)
    assert signed_in("agent").get(path(source)).status_code in (403, 404)
    auditor = signed_in("auditor")
    assert "disabled" in auditor.get(path(source)).content.decode()
    assert auditor.post(path(source), fields()).status_code == 403


def test_a_mapping_can_be_removed(box: Box, admin: Client) -> None:
    source = box.source("grafana", mapping={"title": "$.headline"})
    admin.post(path(source), {"reset": "1"})
    assert Source.objects.get(id=source.id).mapping == {}
    assert admin.get(f"/console/sources/{box.source('mail').id}/mapping/").status_code == 404


def test_a_kind_with_a_format_of_its_own_is_read_by_that(box: Box, admin: Client) -> None:
    source = box.source("uptime_kuma")
    box.put(
        source,
        {"heartbeat": {"status": 0, "monitorID": 7, "msg": "503"}, "monitor": {"id": 7, "name": "Shop"}},
    )
    page = admin.get(path(source)).content.decode()
    assert "is read by its own format" in page and "<b>Shop is down</b>" in page
    assert "Proposed from" in admin.get(f"{path(source)}?propose=1").content.decode()
    assert Source.objects.get(id=source.id).mapping == {}
