"""The pages of a mail source: what came and why, one mail, a template, in both themes, wide and on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Site, Visitor


def _prepare() -> tuple[object, dict[str, str]]:
    import json

    from django.db import connection

    from firstline.accounts.actions import create_person
    from firstline.core import clock
    from firstline.core.actor import Actor
    from firstline.intake import actions, drain
    from firstline.intake.models import MailMessage, Source
    from firstline.workflow.seed import ensure_defaults

    now, maker = clock.now(), Actor.system("test")
    ensure_defaults(now=now)
    number = Source.objects.count()
    person = create_person(
        email=f"mailadmin{number}@example.org",
        name="Mail Admin",
        roles=["administrator"],
        actor=maker,
        now=now,
    )
    own = {"name": "Robots", "subject": ["{robot} stands still", "{robot} works again"], "key": "{robot}"}
    source, _token = actions.create_source(
        name=f"Help desk {number}", kind="mail", address=f"help{number}@example.org", mapping={"templates": [own]},
        settings={"imap": {"host": "127.0.0.1", "port": 1, "security": "none", "user": "help"}}, secret="x",
        actor=maker, now=now,
    )  # fmt: skip
    Source.objects.filter(id=source.id).update(
        mailbox={"error": "The server refused the login: invalid", "step": "sign_in"}
    )
    letters = [
        "From: Ann <ann@example.org>\nSubject: No printing since this morning on the third floor\n\nHelp <b>!",
        "From: nagios@mon1\nSubject: ** PROBLEM Service Alert: web1/HTTP is CRITICAL **\n\nState: CRITICAL",
        "From: bob@example.org\nSubject: Automatic reply: x\nAuto-Submitted: auto-replied\n\nAway until Monday",
        "From: R2 <plc@factory.example>\nSubject: R2 stands still\n\nHall 7",
    ]
    for place, letter in enumerate(letters):
        raw = f"Message-ID: <look{number}-{place}@client.example>\n{letter}"
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body) "
                "VALUES (%s, %s, 'mail', 'message/rfc822', %s, %s)",
                [now, source.id, json.dumps({}), raw.encode()],
            )
    drain.run(now)
    base = f"/console/sources/{source.id}"
    away = MailMessage.objects.get(source=source, verdict="auto_reply")
    return person, {
        "source": f"{base}/",
        "edit": f"{base}/edit/",
        "mail": f"{base}/mails/{away.id}/",
        "template": f"{base}/templates/of/Robots/",
        "new template": f"{base}/templates/new/?subject=R2%20stands%20still",
        "new source": "/console/sources/new/?kind=mail",
    }


@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible_and_fit(
    site: Site, visit: Visitor, accessible: Callable[[Page], None], theme: str, phone: bool
) -> None:
    person, addresses = site.do(_prepare)
    page = visit.page(person, theme=theme, phone=phone)
    for name, address in addresses.items():
        page.goto(address)
        accessible(page)
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, f"{name} is {beyond} px wider than the window"


def test_a_template_is_tried_and_a_mail_processed_again(site: Site, visit: Visitor) -> None:
    person, addresses = site.do(_prepare)
    page = visit.page(person)
    page.goto(addresses["template"])
    page.get_by_role("button", name="Try it first").click()
    page.get_by_text("What it makes of the last mails").wait_for()
    page.locator(".mails").get_by_text("triggers").first.wait_for()
    page.goto(addresses["source"])
    page.get_by_role("button", name="Test the connection").click()
    page.get_by_text("The mailbox can't be read.").wait_for()
    page.get_by_text("No connection to 127.0.0.1:1").first.wait_for()
    page.goto(addresses["mail"])
    page.get_by_role("button", name="Process it again").click()
    page.get_by_text("It was looked at again").wait_for()
