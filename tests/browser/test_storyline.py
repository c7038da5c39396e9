"""The storyline of an attack, and alerts that a person splits out and brings back."""

import json
from datetime import timedelta
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Site, Visitor

ATTACKER = "198.51.100."
STEPS: tuple[tuple[Any, ...], ...] = (
    ("5710", "sshd: attempt to login using a non-existent user", "vpn-1", "TA0006", "T1110", 1),
    ("31101", "Web server 400 error code", "web-1", "TA0043", "T1595", 12),
    ("31106", "A web attack returned code 200 (success)", "web-1", "TA0001", "T1190", 2),
    ("5402", "Successful sudo to ROOT executed", "web-1", "TA0004", "T1548", 1),
)


def _attack() -> tuple[Any, Any, Any]:
    """A security group with a member, and an attack that its source reported."""
    from firstline.accounts.models import Membership, Person, SupportGroup
    from firstline.core import clock
    from firstline.incidents.models import Incident
    from firstline.intake import drain
    from firstline.intake.models import Source
    from firstline.workflow import triage
    from firstline.workflow.seed import ensure_defaults
    from tests.browser import scene

    now = clock.now()
    ensure_defaults(now=now)
    n = Source.objects.count() + 1
    guard = Person.objects.create(
        email=f"guard{n}@example.org", name=f"Gina Guard {n}", roles=["agent"], created_at=now
    )
    group = SupportGroup.objects.create(name=f"Security {n}", slug=f"security-{n}", security=True)
    Membership.objects.create(group=group, person=guard)
    source = Source.objects.create(
        name=f"SIEM {n}", kind="wazuh", token_hash=f"{n:064}", created_at=now, security=True, group=group
    )
    for place, step in enumerate(STEPS):
        for number in range(step[5]):
            _put(source.pk, n, step, now - timedelta(minutes=10 - place, seconds=-number))
    while drain.run(now):
        pass
    while triage.run(now):
        pass
    incident = Incident.objects.filter(source_id=source.pk).get()
    Incident.objects.filter(pk=incident.pk).update(group=group)
    return guard, incident, scene.open_scene().agent


def _put(source: int, n: int, step: tuple[Any, ...], at: Any) -> None:
    from django.db import connection

    rule, title, host, tactic, technique, _count = step
    body = {
        "timestamp": at.isoformat(),
        "rule": {
            "id": rule, "level": 10, "description": title, "mitre": {"id": [technique], "tactic": [tactic]},
        },
        "agent": {"id": host, "name": f"{host}-{n}", "ip": f"10.0.{n}.4"},
        "data": {"srcip": f"{ATTACKER}{n}"},
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox (received_at, source_id, kind, content_type, headers, body) "
            "VALUES (%s, %s, 'alert', 'application/json', '{}', %s)",
            [at, source, json.dumps(body).encode()],
        )


def test_the_storyline_and_a_split_that_is_undone(site: Site, visit: Visitor) -> None:
    guard, incident, _outsider = site.do(_attack)
    page = visit.page(guard)
    page.goto(f"/console/incidents/{incident.pk}/")
    story = page.locator("#storyline")
    expect(story.locator("ol.steps > li")).to_have_count(4)
    expect(story.locator("ol.steps > li").nth(1)).to_contain_text("12 signals")
    expect(story).to_contain_text(ATTACKER)
    expect(story.locator("svg.storygraph .entity")).not_to_have_count(0)
    story.get_by_text("Entities and the steps that they occur in").click()
    expect(story.get_by_text("steps 1, 2, 3, 4").first).to_be_visible()

    page.goto(f"/console/incidents/{incident.pk}/split/")
    page.get_by_label("sshd: attempt").check()
    page.get_by_role("button", name="Split alerts out").last.click()
    expect(page.get_by_text("Split. Undo it from here")).to_be_visible()
    expect(page.locator("#storyline ol.steps > li")).to_have_count(3)
    expect(page.locator("#storyline").get_by_text("Other incidents with the same entities")).to_be_visible()
    page.locator("#storyline").get_by_role("link", name="sshd: attempt").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("sshd: attempt")
    expect(page.get_by_text("A person moved it here from").first).to_be_visible()

    page.goto(f"/console/incidents/{incident.pk}/")
    page.locator("header summary", has_text="More").click()
    page.get_by_role("button", name="Undo the last split").click()
    expect(page.locator("#storyline ol.steps > li")).to_have_count(4)


def test_on_a_phone_nothing_is_wider_than_the_page(site: Site, visit: Visitor) -> None:
    guard, incident, _outsider = site.do(_attack)
    page = visit.page(guard, phone=True)
    page.goto(f"/console/incidents/{incident.pk}/")
    expect(page.locator("#storyline ol.steps > li")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_who_is_not_of_the_group_sees_nothing_of_it(site: Site, visit: Visitor) -> None:
    _guard, incident, outsider = site.do(_attack)
    page = visit.page(outsider)
    answer = page.goto(f"/console/incidents/{incident.pk}/")
    assert answer is not None and answer.status == 404
    assert ATTACKER not in page.content()
