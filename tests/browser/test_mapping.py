"""The mapping page in the browser: proposed from live payloads, changed by hand, tried while typing, then saved."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visitor


def _source() -> Any:
    from firstline.accounts.models import Person
    from firstline.core import clock
    from firstline.core.actor import Actor
    from firstline.intake.actions import create_source

    number = Person.objects.count()
    admin = Person.objects.create(
        email=f"mapper{number}@example.org", name="Ann", roles=["administrator"], created_at=clock.now()
    )
    source, _token = create_source(
        name=f"Probes {number}", kind="generic", actor=Actor.system("test"), now=clock.now()
    )
    return admin, source


def _send(source: Any, probe: str, phase: str) -> None:
    import json

    from django.db import connection

    from firstline.core import clock

    body = {"id": f"{probe}-{phase}", "probe": probe, "headline": f"{probe} does not answer", "phase": phase}
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body) "
            "VALUES (%s, %s, 'alert', 'application/json', '{}', %s)",
            [clock.now(), source.pk, json.dumps({**body, "password": "hunter2"}).encode()],
        )


def _mapping(source: Any) -> dict[str, Any]:
    source.refresh_from_db()
    return dict(source.mapping)


def test_a_mapping_is_proposed_tried_and_saved(
    site: Site, visit: Visitor, accessible: Callable[[Page], None]
) -> None:
    admin, source = site.do(_source)
    page = visit.page(admin)
    page.goto(f"/console/sources/{source.pk}/mapping/")
    expect(page.get_by_text("Send a payload or two first")).to_be_visible()

    for probe, phase in (("mail", "started"), ("shop", "started"), ("mail", "ended")):
        site.do(_send, source, probe, phase)
    outcomes = page.locator("#trials .outcome")
    page.reload()
    expect(page.get_by_text("Proposed from the last 3 payloads")).to_be_visible()
    expect(outcomes).to_have_count(3)
    expect(outcomes.filter(has_text="is over")).to_have_count(1)
    expect(page.get_by_label("Title")).to_have_value("$.headline")
    accessible(page)

    page.get_by_label("Title").fill("Probe {probe}: {phase}")
    expect(outcomes.filter(has_text="Probe shop: started")).to_have_count(1)
    assert site.do(_mapping, source) == {}

    site.do(_send, source, "dns", "started")  # while the page is open
    expect(outcomes.filter(has_text="Probe dns: started")).to_have_count(1, timeout=15_000)

    page.locator("#id_key").fill("{probe")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("is not closed").first).to_be_visible()
    page.locator("#id_key").fill("$.probe")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("is read this way")).to_be_visible()
    kept = site.do(_mapping, source)
    assert (kept["title"], kept["key"]) == ("Probe {probe}: {phase}", "$.probe")
    expect(page.locator("#trials code", has_text="dns")).to_have_count(1)
    page.locator("#trials summary").first.click()
    expect(page.locator("#trials pre").first).to_contain_text("•••")
    assert "hunter2" not in page.content()


def test_a_test_can_be_sent_from_the_page(site: Site, visit: Visitor) -> None:
    admin, source = site.do(_source)
    page = visit.page(admin)
    page.goto(f"/console/sources/{source.pk}/mapping/")
    page.get_by_role("button", name="Send test").click()
    page.wait_for_url(f"**/sources/{source.pk}/mapping/")
    expect(page.locator("#trials .outcome")).to_have_count(1, timeout=15_000)
