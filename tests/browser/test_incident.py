"""Working on an incident in the browser, with and without JavaScript."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visitor


def _scene(title: str = "VPN drops every ten minutes") -> tuple[Any, Any]:
    from tests.browser import scene

    office = scene.open_scene()
    return office, scene.report(office, title)


def _state(incident: Any) -> tuple[str, int | None, str]:
    from tests.browser import scene

    found = scene.reload(incident)
    return found.state, found.assignee_id, found.hold_reason


def _comment(incident: Any, person: Any, text: str, public: bool) -> None:
    from firstline.core import clock, live
    from firstline.core.actor import Actor
    from firstline.incidents.actions import talking

    talking.comment(incident.pk, text, public=public, actor=Actor.person(person.pk), now=clock.now())
    live.flush()


def _open(page: Page, incident: Any) -> None:
    page.goto(f"/console/incidents/{incident.pk}/")


def test_the_whole_way_without_javascript(site: Site, visit: Visitor) -> None:
    office, incident = site.do(_scene)
    page = visit.page(office.agent, javascript=False)
    page.goto("/console/")
    page.get_by_role("link", name="VPN drops every ten minutes").click()

    page.get_by_role("button", name="Take").click()
    expect(page.get_by_text("It is yours.")).to_be_visible()
    assert site.do(_state, incident) == ("in_progress", office.agent.pk, "")

    page.get_by_label("Write", exact=True).fill("Which gateway do you use?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".msg").last).to_contain_text("Which gateway do you use?")

    page.get_by_role("link", name="Hold").click()
    page.get_by_label("the caller", exact=True).check()
    page.get_by_role("button", name="Hold").click()
    expect(
        page.get_by_text("Write to the caller what you need from them.").or_(page.locator(".error"))
    ).to_be_visible()
    page.get_by_label("Message").fill("Please tell us the gateway.")
    page.get_by_role("button", name="Hold").click()
    expect(page.get_by_text("On hold: caller").first).to_be_visible()
    assert site.do(_state, incident) == ("on_hold", office.agent.pk, "caller")

    page.get_by_role("link", name="Resolve").click()
    page.get_by_label("How").select_option(label="Fixed")
    page.get_by_label("What was done").fill("The firmware was rolled back.")
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator(".head .state")).to_have_text("Resolved")
    assert site.do(_state, incident)[0] == "resolved"


def test_escalating_needs_a_reason_and_offers_the_next_group(site: Site, visit: Visitor) -> None:
    office, incident = site.do(_scene)
    page = visit.page(office.agent)
    _open(page, incident)
    page.keyboard.press("e")
    form = page.locator("section.verb")
    expect(form.get_by_label("To those who know more")).to_have_value(str(office.next_group.pk))
    form.get_by_label("Why").fill("Needs the concentrator's logs.")
    form.get_by_role("button", name="Escalate").click()
    expect(page.get_by_text(f"Escalated to {office.next_group.name}").first).to_be_visible()
    expect(page.locator(".talk")).to_contain_text("Needs the concentrator's logs.")


def test_a_conflict_shows_what_the_colleague_wrote_and_loses_nothing(site: Site, visit: Visitor) -> None:
    office, incident = site.do(_scene)
    mine, theirs = visit.page(office.agent), visit.page(office.colleague)
    mine.goto(f"/console/incidents/{incident.pk}/edit/")
    mine.get_by_label("Title").fill("VPN drops in Lviv")

    theirs.goto(f"/console/incidents/{incident.pk}/edit/")
    theirs.get_by_label("Title").fill("VPN unstable")
    theirs.get_by_role("button", name="Correct the facts").click()
    expect(theirs.get_by_role("heading", level=1)).to_have_text("VPN unstable")

    mine.get_by_role("button", name="Correct the facts").click()
    notice = mine.locator("section.verb .notice")
    expect(notice).to_contain_text("VPN unstable")
    expect(notice).to_contain_text(office.colleague.name)
    expect(mine.get_by_label("Title")).to_have_value("VPN drops in Lviv")
    mine.get_by_role("button", name="Correct the facts").click()
    expect(mine.get_by_role("heading", level=1)).to_have_text("VPN drops in Lviv")


def test_a_draft_survives_leaving_the_page_and_goes_when_it_is_sent(site: Site, visit: Visitor) -> None:
    office, incident = site.do(_scene)
    page = visit.page(office.agent)
    _open(page, incident)
    page.get_by_label("Write", exact=True).fill("Half a sent")
    page.goto("/console/")
    _open(page, incident)
    write = page.get_by_label("Write", exact=True)
    expect(write).to_have_value("Half a sent")
    write.press_sequentially("ence.")
    write.press("Control+Enter")
    expect(page.locator(".msg").last).to_contain_text("Half a sentence.")
    expect(page.get_by_label("Write", exact=True)).to_have_value("")
    page.reload()
    expect(page.get_by_label("Write", exact=True)).to_have_value("")


def test_what_a_colleague_does_appears_by_itself_and_takes_nothing_away(site: Site, visit: Visitor) -> None:
    """The morph swap keeps typed text, focus and open disclosures."""
    office, incident = site.do(_scene)
    page = visit.page(office.agent)
    _open(page, incident)
    expect(page.locator("html")).to_have_attribute("data-stream", "open")
    page.get_by_role("link", name="Assign").click()
    person = page.locator("section.verb").get_by_label("Person")
    person.select_option(label=office.colleague.name)
    details = page.locator("aside details.card").first
    details.locator("summary").click()
    page.get_by_label("Write", exact=True).fill("I am writing")

    site.do(_comment, incident, office.colleague, "Have a look at the logs.", False)
    expect(page.locator(".talk")).to_contain_text("Have a look at the logs.")
    expect(page.get_by_label("Write", exact=True)).to_have_value("I am writing")
    expect(page.get_by_label("Write", exact=True)).to_be_focused()
    expect(details).to_have_attribute("open", "")
    expect(person.locator("option:checked")).to_have_text(office.colleague.name)


def test_a_work_note_is_marked_and_a_file_is_a_download(site: Site, visit: Visitor) -> None:
    office, incident = site.do(_scene)
    page = visit.page(office.agent)
    _open(page, incident)
    page.get_by_text("Work note", exact=True).click()
    page.get_by_label("Write", exact=True).fill("<script>alert(1)</script> **bold**")
    page.locator("input[type=file]").set_input_files(
        {"name": "page.html", "mimeType": "text/html", "buffer": b"<script>alert(2)</script>"}
    )
    page.get_by_role("button", name="Send").click()
    note = page.locator(".msg.note").last
    expect(note.locator("strong")).to_have_text("bold")
    expect(note).to_contain_text("<script>alert(1)</script>")
    answer = page.request.get(note.locator("a.file").get_attribute("href") or "")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.body() == b"<script>alert(2)</script>"


def test_a_major_incident_is_declared_told_and_ended(site: Site, visit: Visitor) -> None:
    office, incident = site.do(_scene, "Checkout is down")
    page = visit.page(office.agent, phone=True)
    _open(page, incident)
    page.locator(".actions summary").tap()
    page.get_by_role("link", name="Declare a major incident").tap()
    page.get_by_label("Commander").select_option(label=office.colleague.name)
    page.get_by_role("button", name="Declare a major incident").tap()
    card = page.locator("section.card.alarm", has_text="Major incident")
    expect(card).to_contain_text(office.colleague.name)
    card.get_by_role("link", name="Post a status update").tap()
    page.get_by_label("Message").fill("We switch to the other region.")
    page.get_by_role("button", name="Post a status update").tap()
    expect(card).to_contain_text("We switch to the other region.")


def test_a_duplicate_is_merged_and_the_merge_undone(site: Site, visit: Visitor) -> None:
    office, original = site.do(_scene, "VPN drops")
    from tests.browser import scene

    double = site.do(scene.report, office, "VPN is unstable")
    page = visit.page(office.agent)
    page.goto(f"/console/incidents/{double.pk}/merge/")
    page.get_by_label("The original").fill(original.number)
    page.get_by_role("button", name="Merge into another").click()
    expect(page.get_by_text("This number is an alias:")).to_be_visible()
    page.locator(".actions").get_by_role("button", name="Undo the merge").click()
    expect(page.get_by_text("The merge is undone.")).to_be_visible()
    assert site.do(_state, double)[0] == "new"
