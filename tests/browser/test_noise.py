"""Muting in the browser: a rule is shown on past alerts, saved, mutes; its window ends, the incident opens."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor


def administrator() -> Any:
    from tests.browser.scene import open_scene

    scene = open_scene()
    scene.agent.roles = ["agent", "administrator"]
    scene.agent.save(update_fields=["roles"])
    return scene


def source_of(name: str, group_id: int) -> int:
    from firstline.core import clock
    from firstline.core.actor import Actor
    from firstline.intake.actions import create_source

    made, _token = create_source(
        name=name, kind="generic", group_id=group_id, actor=Actor.system("test"), now=clock.now()
    )
    return made.id


def send(source_id: int, key: str, title: str) -> None:
    """One signal, drained."""
    from django.db import connection

    from firstline.core import clock
    from firstline.intake import drain

    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox (received_at, source_id, kind, content_type, body) VALUES (%s, %s, 'alert', %s, %s)",
            [now, source_id, "application/json", json.dumps({"title": title, "dedup_key": key}).encode()],
        )
    drain.run(now)


def after(minutes: int) -> None:
    """The engine's part of muting, so many minutes later."""
    from firstline.core import clock
    from firstline.intake import noise

    noise.run(clock.now() + timedelta(minutes=minutes))


def incidents_of(source_id: int) -> int:
    from firstline.incidents.models import Incident

    return Incident.objects.filter(source_id=source_id).count()


def test_from_a_rule_to_the_incident_when_it_ends(visit: Visitor, accessible: Callable[[Page], None]) -> None:
    site = visit.site
    scene = site.do(administrator)
    source = site.do(source_of, f"Robot of {scene.agent.name}", scene.group.pk)
    site.do(send, source, "disk-1", "Lab disk is full")
    assert site.do(incidents_of, source) == 1
    page = visit.page(scene.agent)
    page.goto("/console/alerts/")
    page.get_by_role("link", name="Lab disk is full").first.click()
    page.get_by_role("link", name="Mute alerts like this").click()
    page.get_by_label("Name", exact=True).fill("Lab disks")
    page.get_by_label("Why").fill("New ones come on Friday")
    lines = page.get_by_role("group", name="Condition 1")
    expect(lines.get_by_label("Value")).to_have_value("Lab disk is full")
    lines.get_by_label("How").select_option("contains")
    lines.get_by_label("Value").fill("lab disk")
    expect(page.get_by_label("Ends")).not_to_have_value("")
    page.get_by_role("button", name="Show what it mutes, then save").click()
    expect(page.get_by_role("heading", name="It would have muted 1 of the last")).to_be_visible()
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Lab disks")).to_be_visible()
    accessible(page)

    site.do(send, source, "disk-2", "Lab disk two is full")
    assert site.do(incidents_of, source) == 1, "muted: no second incident"
    page.goto("/console/alerts/?state=muted")
    muted = page.get_by_role("row").filter(has_text="Lab disk two is full")
    expect(muted.get_by_role("link", name="Rule “Lab disks”")).to_be_visible()

    site.do(after, 5 * 60)
    page.goto("/console/alerts/?state=open&q=two")
    firing = page.get_by_role("row").filter(has_text="Lab disk two is full")
    expect(firing).to_contain_text("INC-")
    expect(firing.get_by_role("link", name="Rule “Lab disks”")).to_have_count(0)


def test_maintenance_of_a_service_by_one_click(visit: Visitor, accessible: Callable[[Page], None]) -> None:
    site = visit.site
    scene = site.do(administrator)
    page = visit.page(scene.agent, phone=True)
    page.goto(f"/console/services/{scene.service.pk}/")
    page.get_by_role("link", name="Maintenance").first.click()
    page.get_by_label("Name", exact=True).fill(f"Patching {scene.service.name}")
    expect(page.get_by_role("checkbox", name=scene.service.name, exact=True)).to_be_checked()
    page.get_by_role("button", name="Show what it mutes, then save").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="The next two weeks")).to_be_visible()
    expect(page.get_by_role("link", name=f"Patching {scene.service.name}").first).to_be_visible()
    accessible(page)
