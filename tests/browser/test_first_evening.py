"""The first evening, as somebody new lives it: from a fresh `firstline up` to a rated incident, by visible labels only.

A real installation in an empty folder, a real mail server for what it sends, a wide window for the administrator and
phones for the page at night and for the caller.
"""

import email
import email.policy
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import Browser, Page, expect

from tests.machine import free_port, reachable_folder, running_machine, wait_until

PASSWORD = "correct horse battery staple"


class Mailbox:
    """What a mail server received, as (to, subject, text)."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str, str]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = message.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        self.mails.append((", ".join(envelope.rcpt_tos), str(message["Subject"]), text))
        return "250 kept"

    def link(self, to: str, part: str) -> str:
        """The first link with `part` in a mail to this address; waits for the mail."""
        found: list[str] = []

        def there() -> bool:
            found[:] = [
                url
                for rcpt, _subject, text in self.mails
                if to in rcpt
                for url in re.findall(r"https?://\S+", text)
                if part in url
            ]
            return bool(found)

        wait_until(there, f"a mail to {to} with {part}; there are {[m[:2] for m in self.mails]}")
        return found[0]


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


def window(browser: Browser, base_url: str, *, phone: bool = False) -> Page:
    size = {"width": 390, "height": 844} if phone else {"width": 1440, "height": 900}
    page = browser.new_context(viewport=size, base_url=base_url, has_touch=phone).new_page()
    page.set_default_timeout(20_000)
    return page


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=re.compile(rf"^{name}\b")).first.click()


def test_from_the_set_up_link_to_a_rated_incident(browser: Browser, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    with (
        reachable_folder() as folder,
        running_machine(folder / "data", FIRSTLINE_MAIL_URL=f"smtp://127.0.0.1:{port}") as machine,
    ):
        wait_until(lambda: machine.says("/setup/"), "the set-up link is printed")
        (link,) = re.findall(r"http://\S+/setup/\S+", machine.output)[:1]
        desk = window(browser, machine.url)
        become_administrator(desk, link)
        send_the_first_signal(desk)
        acknowledge_on_the_phone(window(browser, machine.url, phone=True), box)
        resolve(desk, "Disk of db-1 is full", diagnose=True)
        caller = window(browser, machine.url, phone=True)
        report(caller, box)
        resolve(desk, "Mail hangs when I press send")
        confirm_and_rate(caller, box)


def become_administrator(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Mail address").fill("olena@example.org")
    page.get_by_label("Your name").fill("Olena Kovalenko")
    page.get_by_label("Password").first.fill(PASSWORD)
    press(page, "Create administrator")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def send_the_first_signal(page: Page) -> None:
    """Add a source and run the snippet that its page shows, as copied."""
    page.get_by_role("link", name="Sources").first.click()
    page.get_by_role("link", name=re.compile("Add|New")).first.click()
    page.get_by_role("link", name=re.compile("PagerDuty")).first.click()
    page.get_by_label("Name").first.fill("Shop monitoring")
    press(page, "Make it")
    snippet = page.locator("pre").filter(has_text="curl").first.inner_text()
    ran = subprocess.run(["bash", "-c", snippet], capture_output=True, text=True, check=True, timeout=60)
    assert "success" in ran.stdout
    expect(page.get_by_text("1 signal").first).to_be_visible()
    page.get_by_role("link", name="Queue").first.click()
    expect(page.get_by_role("link", name=re.compile("Disk of db-1 is full"))).to_be_visible()


def acknowledge_on_the_phone(page: Page, box: Mailbox) -> None:
    """One tap from the link."""
    page.goto(box.link("olena@example.org", "/page/"))
    page.get_by_role("button", name="Acknowledge").tap()
    expect(page.get_by_text("You have acknowledged it.")).to_be_visible()


def resolve(page: Page, title: str, *, diagnose: bool = False) -> None:
    page.get_by_role("link", name="Queue").first.click()
    page.get_by_role("link", name=re.compile(title)).first.click()
    expect(page.get_by_role("heading", name=re.compile(title))).to_be_visible()
    press(page, "Take")
    if diagnose:  # what paged somebody is P1 or P2, and these end with a statement
        page.get_by_role("group", name="Actions").get_by_text("More").click()
        page.get_by_role("link", name="State the diagnosis").click()
        page.get_by_label("Cause").fill("Old backups were never deleted")
        page.get_by_label("confirmed").check()
        page.locator("main").get_by_role("button", name="State the diagnosis").click()
    page.get_by_role("link", name=re.compile("^Resolve")).first.click()
    page.get_by_label("How").select_option(index=1)
    page.get_by_label("What was done").fill("Made room; it works again.")
    page.locator("section").get_by_role("button", name="Resolve", exact=True).click()
    expect(page.get_by_text("Resolved").first).to_be_visible()


def report(page: Page, box: Mailbox) -> None:
    """Somebody without an account: three fields and two taps, and a link in their mail."""
    page.goto("/report/")
    page.get_by_label("What happens?").fill("Mail hangs when I press send")
    page.get_by_text("My team", exact=True).tap()
    page.get_by_text("With difficulty", exact=True).tap()
    page.get_by_label("Your mail address").fill("roman@example.com")
    page.locator("main").get_by_role("button", name="Report").tap()
    page.goto(box.link("roman@example.com", "/verify/"))
    page.get_by_role("button", name="Yes, report it").tap()
    expect(page.get_by_text(re.compile(r"Reported as INC-\d+"))).to_be_visible()


def confirm_and_rate(page: Page, box: Mailbox) -> None:
    page.goto(box.link("roman@example.com", "/answer/"))
    page.get_by_role("button", name="Yes, it is fixed").tap()
    page.get_by_role("link", name="Rate how it was handled").tap()
    page.get_by_label("5", exact=True).check(force=True)
    page.get_by_role("button", name="Rate").tap()
    expect(page.get_by_text("Thank you").first).to_be_visible()
