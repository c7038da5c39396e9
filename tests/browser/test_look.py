"""Every page that the console has, in both themes, wide and on a phone: no violation, nothing beyond the edge."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visitor


def _prepare() -> tuple[object, dict[str, str]]:
    from tests.browser import scene

    office = scene.open_scene()
    incident = scene.report(office)
    scene.talk(office, incident)
    scene.report(office, 'A second one <b>with</b> marks & quotes "here"')
    here = f"/console/incidents/{incident.pk}/"
    return office.agent, {
        "queue": f"/console/?q=is:open+group:{office.group.slug}",
        "empty queue": "/console/?q=is:open+zebra",
        "incident": here,
        "assign": f"{here}assign/",
        "hold": f"{here}hold/",
        "resolve": f"{here}resolve/",
        "priority": f"{here}priority/",
        "edit": f"{here}edit/",
        "diagnosis": f"{here}diagnosis/",
        "late replies": "/console/mail/",
        "new incident": "/console/incidents/new/",
        "alerts": "/console/alerts/",
        "to confirm": "/console/to-confirm/",
        "me": "/console/me/",
        "styleguide": "/console/styleguide/",
        "not found": "/console/incidents/999999999/",
    }


@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible_and_fit(
    site: Site, visit: Visitor, accessible: Callable[[Page], None], theme: str, phone: bool
) -> None:
    agent, addresses = site.do(_prepare)
    page = visit.page(agent, theme=theme, phone=phone)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name, address in addresses.items():
        page.goto(address)
        accessible(page)
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, f"{name} is {beyond} px wider than the window"
    assert not [c for c in complaints if "404" not in c]


def test_the_theme_is_kept_and_there_from_the_first_byte(site: Site, visit: Visitor) -> None:
    agent, _addresses = site.do(_prepare)
    page = visit.page(agent, theme="light")
    page.goto("/console/me/")
    page.locator("main").get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    answer = page.request.get("/console/me/")
    assert '<html lang="en" data-theme="dark">' in answer.text()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_nothing_inline_is_needed(site: Site, visit: Visitor) -> None:
    """The policy that the server sends allows no inline script and no inline style."""
    agent, addresses = site.do(_prepare)
    page = visit.page(agent)
    answer = page.goto(addresses["incident"])
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe-inline" not in policy and "unsafe-eval" not in policy
    assert page.locator("[style]").count() == 0
    assert page.locator("script:not([src])").count() == 0
