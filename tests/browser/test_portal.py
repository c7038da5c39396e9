"""The portal and the ways in, in a real browser: every page in both themes and widths, and what a caller does there."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visitor

SHOTS = os.environ.get("FIRSTLINE_SHOTS", "")  # a folder, to look at the pages afterwards


def _prepare() -> tuple[object, object, dict[str, str]]:
    """A caller with incidents at every stage, their colleague, and the addresses to look at."""
    from firstline.closure.asking import ask_due
    from firstline.closure.links import VALID, ClosureLink, Verb
    from firstline.closure.queries import latest
    from firstline.core import clock
    from firstline.core.actor import Actor
    from firstline.incidents import actions
    from firstline.problems.models import Problem
    from tests.browser import scene

    office, now, maker = scene.open_scene(), clock.now(), Actor.system("test")
    running = scene.report(office)
    scene.talk(office, running)
    actions.publish(
        running.pk,
        title="VPN disconnects in Lviv",
        status="We replace the concentrator, until noon.",
        actor=maker,
        now=now,
    )
    held = scene.report(office, "No sound in meetings")
    actions.hold(
        held.pk,
        reason="caller",
        look_again_at=now + VALID,
        comment="Which headset is it?",
        actor=maker,
        now=now,
    )
    done = scene.report(office, "Printer on floor 3 prints in pink")
    actions.resolve(done.pk, code="fixed", notes="We **changed** the cartridge.", actor=maker, now=now)
    over = scene.report(office, "Mailbox full")
    actions.resolve(over.pk, code="fixed", notes="It is larger now.", actor=maker, now=now)
    ask_due(now=now)
    from firstline.closure.actions import confirm

    confirm(over.pk, actor=Actor.person(office.caller.pk, via="portal"), now=now)
    problem = Problem.objects.create(
        title="Outlook asks for the password again and again",
        workaround="Remove the stored password under *Credentials*, then sign in once.",
        state="known_error",
        public=True,
        opened_at=now,
    )
    row = latest(done.pk)
    assert row is not None
    link = ClosureLink(row.pk, office.caller.pk, Verb.FIXED, now + VALID)
    addresses = {
        "report": f"/report/?service={office.service.pk}",
        "mine": "/my/",
        "running": f"/my/{running.pk}/",
        "waiting for me": f"/my/{held.pk}/",
        "resolved": f"/my/{done.pk}/",
        "closed": f"/my/{over.pk}/",
        "fixed link": f"/answer/{link.token()}/",
        "broken link": f"/answer/{link.other(Verb.STILL_BROKEN).token()}/",
        "rate link": f"/answer/{link.other(Verb.RATE).token()}/",
        "damaged link": "/answer/damaged/",
        "knowledge": "/knowledge/",
        "article": f"/knowledge/{problem.pk}/",
        "me too": f"/known/{running.pk}/me-too/",
        "account": "/account/",
        "second factor": "/account/second-factor/",
        "password": "/account/password/",
        "sign out": "/sign-out/",
    }
    return office.caller, office.colleague, addresses


STRANGERS = {
    "sign in": "/sign-in/",
    "code": "/sign-in/code/",
    "forgotten": "/account/password/forgotten/",
    "forgotten sent": "/account/password/forgotten/sent/",
    "report without account": "/report/",
    "sent": "/report/sent/",
    "no account": "/sign-in/new/",
}


def _look(page: Page, name: str, address: str, accessible: Callable[[Page], None], suffix: str) -> None:
    page.goto(address)
    inline = page.evaluate(
        '[...document.querySelectorAll("[style], style, script:not([src])")].map((e) => e.outerHTML)'
    )
    assert not inline, inline
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name.replace(' ', '-')}-{suffix}.png", full_page=True)
    accessible(page)
    beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert beyond <= 0, f"{name} is {beyond} px wider than the window"


@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible_and_fit(
    site: Site, visit: Visitor, accessible: Callable[[Page], None], theme: str, phone: bool
) -> None:
    caller, _colleague, addresses = site.do(_prepare)
    suffix = f"{theme}-{'phone' if phone else 'wide'}"
    complaints: list[str] = []
    for person, pages in ((caller, addresses), (None, STRANGERS)):
        page = visit.page(person, theme=theme, phone=phone)
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for name, address in pages.items():
            _look(page, name, address, accessible, suffix)
    assert not [text for text in complaints if "404" not in text]


def test_a_caller_reports_and_sees_what_is_known_while_typing(site: Site, visit: Visitor) -> None:
    caller, _colleague, _addresses = site.do(_prepare)
    page = visit.page(caller, phone=True)
    page.goto("/")
    page.get_by_label("What happens?").press_sequentially("VPN disconnects")
    known = page.locator(".known", has_text="VPN disconnects in Lviv").first
    expect(known).to_contain_text("until noon")
    known.get_by_role("link", name="Mine is different").click()
    page.get_by_text("My team", exact=True).click()
    page.get_by_text("With difficulty", exact=True).click()
    page.get_by_role("button", name="Report", exact=True).click()
    expect(page.get_by_text(re.compile(r"Reported as INC-\d{6}"))).to_be_visible()
    page.get_by_role("link", name="My incidents").click()
    expect(page.get_by_role("link", name="VPN disconnects")).to_contain_text("Received")


def test_me_too(site: Site, visit: Visitor) -> None:
    _caller, colleague, _addresses = site.do(_prepare)
    page = visit.page(colleague)
    page.goto("/report/")
    page.get_by_label("What happens?").fill("VPN disconnects in Lviv")
    page.locator(".known", has_text="VPN disconnects in Lviv").first.get_by_role(
        "link", name="Me too"
    ).click()
    page.get_by_role("button", name="Me too").click()
    expect(page.get_by_text("You are counted in")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("VPN disconnects in Lviv")


def test_everything_works_without_javascript(site: Site, visit: Visitor) -> None:
    caller, _colleague, addresses = site.do(_prepare)
    page = visit.page(caller, javascript=False)
    page.goto("/report/")
    page.get_by_role("button", name="Report", exact=True).click()
    expect(page.get_by_text("Say in a few words what happens.")).to_be_visible()
    page.get_by_label("What happens?").fill("No sound")
    page.get_by_label("Only me").check()
    page.get_by_label("Yes", exact=True).check()
    page.get_by_role("button", name="Report", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("No sound")
    page.get_by_label("Write to us").fill("It is the left ear")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("It is the left ear")).to_be_visible()
    page.goto(addresses["resolved"])
    page.get_by_text("No, it is still broken").click()
    page.get_by_label("What is still wrong?").fill("Still pink")
    page.get_by_role("button", name="Still broken").click()
    expect(page.get_by_text("It goes back to those who work on it.")).to_be_visible()


def test_the_link_of_a_mail_confirms_with_one_tap_and_rates(site: Site, visit: Visitor) -> None:
    _caller, _colleague, addresses = site.do(_prepare)
    page = visit.page(None, phone=True)
    page.goto(addresses["fixed link"])
    page.get_by_role("button", name="Yes, it is fixed").click()
    expect(page.get_by_text("It is closed.")).to_be_visible()
    page.get_by_role("link", name="Rate how it was handled").click()
    page.get_by_text("4", exact=True).click()
    page.get_by_role("button", name="Rate", exact=True).click()
    expect(page.get_by_text("Your rating is noted.")).to_be_visible()


def test_the_keyboard_is_enough(site: Site, visit: Visitor) -> None:
    caller, _colleague, _addresses = site.do(_prepare)
    page = visit.page(caller)
    page.goto("/report/")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to content")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Service")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("Keyboard only")
    for choose in ("Only me", "With difficulty"):
        page.get_by_label(choose).focus()
        page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Keyboard only")
