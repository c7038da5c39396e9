"""The pages of a syslog source and of a security tool: set-up, settings, an alert; both themes, wide and on a phone."""

import os
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visitor

LINES = (
    "<11>Mar  2 09:00:00 db-1 kernel: I/O error on device sda1, sector 4711\n"
    "<13>Mar  2 09:00:00 fw-1 CEF:0|Example|Firewall|2|100|Exploit attempt|9|src=198.51.100.23 dst=10.20.0.11 "
    "cs1Label=MITRE Tactic cs1=Initial Access cs2Label=MITRE Technique cs2=T1190"
)


def _prepare() -> tuple[object, dict[str, str], int]:
    from django.db import connection

    from firstline.accounts.actions import create_person
    from firstline.accounts.models import Membership, SupportGroup
    from firstline.core import clock
    from firstline.core.actor import Actor
    from firstline.incidents.models import Incident
    from firstline.intake import actions, drain
    from firstline.intake.models import AlertSpan, Source
    from firstline.workflow.seed import ensure_defaults

    now, maker = clock.now(), Actor.system("test")
    ensure_defaults(now=now)
    number = Source.objects.count()
    person = create_person(
        email=f"netadmin{number}@example.org", name="Net Admin", roles=["administrator"], actor=maker, now=now
    )
    group = SupportGroup.objects.create(name=f"Blue {number}", slug=f"blue-{number}", security=True)
    Membership.objects.create(group=group, person=person)
    source, _token = actions.create_source(
        name=f"Network {number}", kind="syslog", group_id=group.id, actor=maker, now=now
    )
    tool, _token = actions.create_source(
        name=f"Kibana {number}", kind="elastic_security", actor=maker, now=now
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body) "
            "VALUES (%s, %s, 'alert', 'text/plain', '{}', %s)",
            [now, source.id, LINES.encode()],
        )
    drain.run(now)
    alert = AlertSpan.objects.get(source=source, security=False).alert_id
    span = AlertSpan.objects.get(source=source, security=True)
    Incident.objects.filter(id=span.incident_id).update(group=group)  # it may be that of the test before
    attack = span.alert_id
    return (
        person,
        {
            "source": f"/console/sources/{source.id}/",
            "edit": f"/console/sources/{source.id}/edit/",
            "new": "/console/sources/new/?kind=syslog",
            "kinds": "/console/sources/new/",
            "tool": f"/console/sources/{tool.id}/",
            "alert": f"/console/alerts/{alert}/",
            "attack": f"/console/alerts/{attack}/",
        },
        source.id,
    )


@pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible_and_fit(
    site: Site, visit: Visitor, accessible: Callable[[Page], None], theme: str, phone: bool
) -> None:
    person, addresses, _ = site.do(_prepare)
    page = visit.page(person, theme=theme, phone=phone)
    for name, address in addresses.items():
        answer = page.goto(address)
        assert answer is not None and answer.ok, name
        accessible(page)
        if os.environ.get("SHOTS"):
            page.screenshot(path=f"{os.environ['SHOTS']}/{name}-{theme}-{phone}.png", full_page=True)
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, f"{name} is {beyond} px wider than the window"


def test_an_attack_shows_its_observables_and_tactics(site: Site, visit: Visitor) -> None:
    person, addresses, _ = site.do(_prepare)
    page = visit.page(person)
    page.goto(addresses["attack"])
    card = page.locator("section.card").filter(has=page.get_by_role("heading", name="Observables"))
    expect(card).to_contain_text("TA0001 Initial Access")
    expect(card).to_contain_text("T1190")
    expect(card.locator("dd").filter(has_text="198.51.100.23")).to_contain_text("where it came from")
    page.goto(addresses["alert"])
    expect(page.get_by_role("heading", name="Observables")).to_have_count(0)


def test_what_is_set_is_kept_and_a_zone_must_be_one(site: Site, visit: Visitor) -> None:
    person, addresses, source = site.do(_prepare)
    page = visit.page(person)
    page.goto(addresses["edit"])
    page.get_by_label("A plain message is an alert from").select_option("error")
    page.get_by_label("Devices write the time of").fill("Mars/Base")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("There is no such time zone.")).to_be_visible()
    page.get_by_label("Devices write the time of").fill("Europe/Kyiv")
    page.get_by_role("button", name="Save").click()
    expect(page).not_to_have_url(re.compile("edit"))
    assert site.do(_settings_of, source) == {
        "threshold": "error",
        "time_zone": "Europe/Kyiv",
        "expires_after": None,
    }


def _settings_of(source: int) -> dict[str, object]:
    from firstline.intake.models import Source

    found: dict[str, object] = Source.objects.get(id=source).settings
    return found
