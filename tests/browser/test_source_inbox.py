"""The inbox of a source in the browser: a request that can't be read, the mapping mended, read again."""

import json
import os
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visitor

ODD = {
    "headline": "Tape library is offline",
    "token": "s3cret-s3cret",
    "markup": "<img src=x onerror=alert(1)>",
}


def _administrator_and_source() -> tuple[Any, Any, str]:
    from firstline.accounts.models import Person
    from firstline.core import clock
    from firstline.core.actor import Actor
    from firstline.intake import actions
    from firstline.workflow.seed import ensure_defaults

    now = clock.now()
    ensure_defaults(now=now)
    number = Person.objects.count()
    person = Person.objects.create(
        email=f"inbox{number}@example.org", name="Olena", roles=["administrator", "agent"], created_at=now
    )
    source, token = actions.create_source(
        name=f"Tape robots {number}",
        kind="generic",
        mapping={"title": "$.title"},
        owner_id=person.pk,
        actor=Actor.person(person.pk),
        now=now,
    )
    return person, source, token


def _drain() -> None:
    from firstline.core import clock
    from firstline.intake import drain

    while drain.run(clock.now()):
        pass


def _mend(source: Any, person: Any) -> None:
    from firstline.core import clock
    from firstline.core.actor import Actor
    from firstline.intake import actions

    actions.save_mapping(source.pk, {"title": "$.headline"}, actor=Actor.person(person.pk), now=clock.now())


def send(site: Site, token: str, body: dict[str, str]) -> None:
    request = urllib.request.Request(
        f"{site.url}/intake/{token}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 202


@pytest.fixture
def broken(site: Site) -> tuple[Any, Any]:
    """A source with three requests that its mapping can't read."""
    person, source, token = site.do(_administrator_and_source)
    for number in range(3):
        send(site, token, {**ODD, "number": str(number)})
    site.do(_drain)
    return person, source


def shot(page: Page, name: str) -> None:
    """A picture for whoever looks at the page with their own eyes (FIRSTLINE_SHOTS: a folder)."""
    if folder := os.environ.get("FIRSTLINE_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_a_failed_request_is_looked_at_and_read_again(
    site: Site, visit: Visitor, broken: tuple[Any, Any], accessible: Callable[[Page], None]
) -> None:
    person, source = broken
    page = visit.page(person)
    page.goto(f"/console/sources/{source.pk}/")
    page.get_by_role("link", name="See why, mend it and read them again").click()
    rows = page.locator(".payloads > li")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("no title found")
    expect(rows.first).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator("body")).not_to_contain_text("s3cret")
    accessible(page)
    shot(page, "inbox")
    rows.first.get_by_role("link", name="Whole request").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Request")
    accessible(page)
    shot(page, "inbox-row")
    page.get_by_role("link", name="Back to the inbox").click()
    site.do(_mend, source, person)
    page.locator(".payloads > li").first.get_by_role("button", name="Read it again").click()
    expect(page.get_by_text("1 request is read again.")).to_be_visible()
    site.do(_drain)
    page.reload()
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Read all 2 again").press("Enter")
    expect(page.get_by_text("2 requests are read again.")).to_be_visible()
    site.do(_drain)
    page.reload()
    expect(page.get_by_text("Everything could be read")).to_be_visible()
    page.goto("/console/alerts/?state=all&q=tape+library")
    expect(page.get_by_text(ODD["headline"]).first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_page(
    visit: Visitor, broken: tuple[Any, Any], accessible: Callable[[Page], None], theme: str
) -> None:
    person, source = broken
    page = visit.page(person, theme=theme, phone=True)
    page.goto(f"/console/sources/{source.pk}/inbox/")
    expect(page.locator(".payloads > li")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    accessible(page)
    shot(page, f"inbox-phone-{theme}")
    page.get_by_role("link", name="Whole request").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Request")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(page, f"inbox-row-phone-{theme}")
