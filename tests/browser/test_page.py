"""The page at three in the morning: a phone, half asleep, no sign-in."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visitor


def _paged(**fields: Any) -> tuple[Any, str, int]:
    from firstline.core import clock
    from firstline.oncall import links
    from firstline.oncall.models import Page as PageRow
    from tests.browser import scene

    office, now = scene.open_scene(), clock.now()
    incident = scene.report(office, "Checkout returns 502 for about half of requests", **fields)
    row = PageRow.objects.create(
        incident=incident,
        person=office.agent,
        because={"kind": "person"},
        due_at=now,
        created_at=now,
        key=f"test:{incident.pk}",
    )
    return office, f"/page/{links.token(row.pk, now=now)}", row.pk


def _answer(page_id: int) -> tuple[str, bool]:
    from firstline.oncall.models import Page as PageRow

    row = PageRow.objects.get(pk=page_id)
    return row.answer, row.acknowledged_at is not None


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_one_tap_acknowledges_and_looking_does_not(
    site: Site, visit: Visitor, accessible: Callable[[Page], None], theme: str
) -> None:
    _office, address, page_id = site.do(_paged)
    page = visit.page(theme=theme, phone=True, javascript=theme == "dark")
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Checkout returns 502 for about half of requests"
    )
    expect(page.get_by_text("The policy names you")).to_be_visible()
    if theme == "dark":
        accessible(page)
    assert site.do(_answer, page_id) == ("", False)
    button = page.get_by_role("button", name="Acknowledge")
    box = button.bounding_box()
    assert box is not None and box["height"] >= 48 and box["y"] + box["height"] < 600, (
        "reached with a thumb at once"
    )
    button.tap()
    expect(page.get_by_text("You have acknowledged it.")).to_be_visible()
    assert site.do(_answer, page_id) == ("acknowledged", True)


def test_i_cant(site: Site, visit: Visitor) -> None:
    _office, address, page_id = site.do(_paged)
    page = visit.page(phone=True)
    page.goto(address)
    page.get_by_role("button", name="I can’t — escalate now").tap()
    expect(page.get_by_text("The next one is being paged.")).to_be_visible()
    assert site.do(_answer, page_id) == ("declined", False)


def test_a_restricted_incident_shows_nothing_but_its_number(site: Site, visit: Visitor) -> None:
    _office, address, _page_id = site.do(_paged, security=True)
    page = visit.page(phone=True)
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("A restricted incident")
    expect(page.locator("body")).not_to_contain_text("Checkout")
    expect(page.get_by_role("button", name="Acknowledge")).to_be_visible()


def test_a_damaged_link_says_so(site: Site, visit: Visitor) -> None:
    _office, address, _page_id = site.do(_paged)
    page = visit.page(phone=True)
    answer = page.goto(address[:-3] + "xyz")
    assert answer is not None and answer.status == 404
    expect(page.get_by_text("This link is damaged.")).to_be_visible()
