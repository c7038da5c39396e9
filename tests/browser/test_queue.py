"""The queue in the browser: keyboard, filters, live rows, bulk."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Site, Visitor


def _scene(titles: list[str]) -> tuple[Any, list[Any]]:
    from tests.browser import scene

    office = scene.open_scene()
    return office, [scene.report(office, title) for title in titles]


def _another(office: Any, title: str) -> Any:
    from firstline.core import live
    from tests.browser import scene

    made = scene.report(office, title)
    live.flush()
    return made


def _retitle(office: Any, incident: Any, title: str) -> None:
    from firstline.core import clock, live
    from firstline.core.actor import Actor
    from firstline.incidents.actions import editing

    editing.edit(incident.pk, {"title": title}, actor=Actor.person(office.colleague.pk), now=clock.now())
    live.flush()


def _owners(incidents: list[Any]) -> set[int | None]:
    from tests.browser import scene

    return {scene.reload(incident).assignee_id for incident in incidents}


def _switch_off(person: Any) -> None:
    from firstline.accounts import actions
    from firstline.core import clock
    from firstline.core.actor import Actor

    actions.edit_person(person.pk, shortcuts=False, actor=Actor.person(person.pk), now=clock.now())


def test_moving_and_opening_by_keyboard(site: Site, visit: Visitor) -> None:
    office, incidents = site.do(_scene, ["Alpha fails", "Beta fails", "Gamma fails"])
    page = visit.page(office.agent)
    page.goto("/console/")
    rows = page.locator("tr[data-row]")
    expect(rows).to_have_count(3)
    page.keyboard.press("j")
    expect(rows.nth(0)).to_have_attribute("aria-current", "true")
    page.keyboard.press("j")
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("k")
    expect(rows.nth(0)).to_have_attribute("aria-current", "true")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("beta")
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    expect(page.get_by_role("link", name=f"Remove group:{office.group.slug}")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type(str(incidents[2].pk))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Gamma fails")


def test_single_keys_can_be_switched_off(site: Site, visit: Visitor) -> None:
    office, _incidents = site.do(_scene, ["Alpha fails"])
    site.do(_switch_off, office.agent)
    page = visit.page(office.agent)
    page.goto("/console/")
    page.keyboard.press("j")
    page.keyboard.press("?")
    expect(page.locator("tr[data-row]").first).not_to_have_attribute("aria-current", "true")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_rows_change_in_place_and_newcomers_wait_in_a_bar(site: Site, visit: Visitor) -> None:
    office, (first, _second) = site.do(_scene, ["Alpha fails", "Beta fails"])
    page = visit.page(office.agent)
    page.goto("/console/")
    expect(page.locator("html")).to_have_attribute("data-stream", "open")
    page.get_by_label(f"Choose {first.number}").check()

    site.do(_retitle, office, first, "Alpha fails in Lviv only")
    expect(page.locator(f"#row-{first.pk}")).to_contain_text("Alpha fails in Lviv only")
    expect(page.get_by_label(f"Choose {first.number}")).to_be_checked()

    site.do(_another, office, "Gamma fails")
    bar = page.get_by_role("link", name="1 new incident — show")
    expect(bar).to_be_visible()
    expect(page.locator("tr[data-row]")).to_have_count(2)
    bar.click()
    expect(page.locator("tr[data-row]")).to_have_count(3)


def test_taking_several_at_once(site: Site, visit: Visitor) -> None:
    office, incidents = site.do(_scene, ["Alpha fails", "Beta fails"])
    page = visit.page(office.agent, javascript=False)
    page.goto("/console/")
    for incident in incidents:
        page.get_by_label(f"Choose {incident.number}").check()
    page.get_by_role("button", name="Take", exact=True).click()
    expect(page.get_by_text("2 incidents changed.")).to_be_visible()
    assert site.do(_owners, incidents) == {office.agent.pk}


def test_a_filter_is_kept_as_a_tab_and_taken_away_again(site: Site, visit: Visitor) -> None:
    office, _incidents = site.do(_scene, ["Alpha fails"])
    page = visit.page(office.agent)
    page.goto("/console/?q=is:open+alpha")
    page.locator("summary[aria-label='Keep this view']").click()
    page.get_by_label("Keep this filter as a tab").fill("Alphas")
    page.get_by_role("button", name="Keep", exact=True).click()
    tab = page.get_by_role("navigation", name="Views").get_by_role("link", name="Alphas")
    expect(tab).to_have_attribute("aria-current", "page")
    page.locator("summary[aria-label='Keep this view']").click()
    page.get_by_role("button", name="Remove “Alphas”").click()
    expect(tab).to_have_count(0)


def test_what_a_filter_does_not_understand_is_said(site: Site, visit: Visitor) -> None:
    office, _incidents = site.do(_scene, ["Alpha fails"])
    page = visit.page(office.agent)
    page.goto("/console/?q=is:purple")
    expect(page.get_by_text("Not understood and left out: is:purple.")).to_be_visible()


def test_a_phone_call_is_logged_for_a_new_caller(site: Site, visit: Visitor) -> None:
    office, (known,) = site.do(_scene, ["Printer in warehouse prints blank pages"])
    page = visit.page(office.agent)
    page.goto("/console/")
    page.keyboard.press("n")
    page.get_by_label("Caller").fill("Taras Melnyk <taras.new@example.org>")
    page.get_by_label("What happens?").press_sequentially("Printer warehouse blank")
    expect(page.get_by_role("link", name=known.number)).to_be_visible()
    page.get_by_label("several people").check()
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Printer warehouse blank")
    expect(page.locator("aside")).to_contain_text("taras.new@example.org")
    expect(page.locator(".head")).to_contain_text("by phone")
