"""Take the pictures of the README from the demo: start it, sign in as its people, look at the pages.

Usage: screenshots.py [--url URL --password PASSWORD]   (without them, a demo of its own is started and stopped)
Writes docs/images/*.png.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
PASSWORD = re.compile(r"Sign in at (\S+) with the password (\S+)")
ADDRESS = re.compile(r"^\s+(\S+@\S+) \((.*)\)", re.MULTILINE)
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@contextmanager
def demo() -> Iterator[tuple[str, str, str]]:
    """A demo of its own: (address, password, who works on first line)."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = Path(tempfile.mkdtemp(prefix="firstline-pictures-"))
    command = [str(Path(sys.executable).with_name("firstline")), "up", "--demo"]
    command += ["--data", str(data), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield _told(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        shutil.rmtree(data, ignore_errors=True)


def _told(process: "subprocess.Popen[str]") -> tuple[str, str, str]:
    """What the demo says once its company has moved in."""
    said, known = "", None
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        known = known or PASSWORD.search(line)
        if known and (who := _first_line(said)):
            return known.group(1), known.group(2), who
    raise SystemExit(f"the demo did not start:\n{said[-3000:]}")


def _first_line(said: str) -> str:
    return next((address for address, what in ADDRESS.findall(said) if "first line" in what), "")


def sign_in(browser: Browser, url: str, who: str, password: str, *, dark: bool, phone: bool = False) -> Page:
    context = browser.new_context(
        base_url=url,
        viewport=PHONE if phone else WIDE,
        color_scheme="dark" if dark else "light",
        device_scale_factor=1.5 if phone else 1,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto("/sign-in/")
    page.locator("input[name=login]").fill(who)
    page.locator("input[name=password]").fill(password)
    page.locator("form:has(input[name=password]) button:not([name])").first.click()
    page.wait_for_url(lambda address: "/sign-in" not in address)
    return page


def pictures(browser: Browser, url: str, password: str, who: str) -> None:
    """The queue by day, an incident by night, both on a phone, and what a caller sees."""
    IMAGES.mkdir(parents=True, exist_ok=True)

    def keep(page: Page, name: str) -> None:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=IMAGES / f"{name}.png")
        sys.stdout.write(f"docs/images/{name}.png\n")

    page = sign_in(browser, url, who, password, dark=False)
    page.goto("/console/?q=is:open")
    keep(page, "queue")
    page.context.close()
    page = sign_in(browser, url, who, password, dark=True)
    page.goto("/console/?q=is:open")
    page.locator("tr[data-row] .title a").nth(1).click()
    page.wait_for_url("**/incidents/**")
    keep(page, "incident")
    page.context.close()
    page = sign_in(browser, url, who, password, dark=False, phone=True)
    page.goto("/console/?q=is:open")
    keep(page, "queue-phone")
    page.goto("/report/")
    keep(page, "report-phone")
    page.context.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url")
    arguments.add_argument("--password")
    arguments.add_argument("--who", default="maren.thorsen@haldenbrook.example")
    given = arguments.parse_args()
    chromium = os.environ.get("FIRSTLINE_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(args=flags, executable_path=chromium)
        if given.url and given.password:
            pictures(browser, given.url, given.password, given.who)
        else:
            with demo() as (url, password, who):
                pictures(browser, url, password, who)
        browser.close()


if __name__ == "__main__":
    main()
