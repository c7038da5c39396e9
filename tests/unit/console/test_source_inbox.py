"""The inbox of a source in the console: what could not be read is shown, masked and escaped, and read again once."""

import pytest
from django.test import Client

from firstline.accounts.models import Membership, Person, SupportGroup
from firstline.accounts.viewer import SYSTEM
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.incidents.models import Incident
from firstline.intake import actions, queries_inbox
from firstline.intake.models import AlertSpan, Inbox, Source
from tests.unit.intake.inboxes import Inbox as Box
from tests.unit.intake.inboxes import fresh_inbox

pytestmark = pytest.mark.django_db
MAKER = Actor.system("test")
HOSTILE = {
    "headline": "<script>alert(1)</script>",
    "password": "hunter2",
    "link": "javascript:alert(document.cookie)",
}


@pytest.fixture
def box() -> Box:
    return fresh_inbox()


@pytest.fixture
def admin(box: Box) -> Client:
    return signed_in("administrator")


def signed_in(*roles: str) -> Client:
    person = Person.objects.create(
        email=f"{'-'.join(roles)}@example.org", name="Ann", roles=list(roles), created_at=clock.now()
    )
    client = Client()
    client.force_login(person)
    return client


def unread(box: Box, mapping: str = "$.title") -> Source:
    """A source whose mapping looks for a title where there is none, with three requests of that shape."""
    source = box.source("generic", mapping={"title": mapping}, security=False)
    for number in range(3):
        box.put(source, {**HOSTILE, "headline": f"{HOSTILE['headline']} {number}"})
    box.drain()
    return source


def address(source: Source, rest: str = "") -> str:
    return f"/console/sources/{source.id}/inbox/{rest}"


def test_what_cannot_be_read_is_shown_escaped_and_masked(box: Box, admin: Client) -> None:
    source = unread(box)
    page = admin.get(address(source)).content.decode()
    assert page.count("no title found") == 3
    assert "&lt;script&gt;alert(1)" in page and "<script>alert" not in page
    assert "hunter2" not in page
    assert 'href="javascript' not in page
    row = Inbox.objects.filter(state="failed").order_by("id").first()
    assert row is not None
    whole = admin.get(address(source, f"{row.id}/")).content.decode()
    assert "no title found" in whole and "<script>alert" not in whole and "hunter2" not in whole
    overview = admin.get(f"/console/sources/{source.id}/").content.decode()
    assert f'href="{address(source)}"' in overview


def test_after_the_mapping_was_mended_one_or_all_are_read_again(box: Box, admin: Client) -> None:
    source = unread(box)
    first = Inbox.objects.filter(state="failed").order_by("id")[0]
    actions.save_mapping(source.id, {"title": "$.headline"}, actor=MAKER, now=box.now)
    admin.post(address(source, "again"), {"row": first.id})
    box.drain()
    assert [state for state, _, _ in box.rows(source)] == ["done", "failed", "failed"]
    answer = admin.post(address(source, "again"), follow=True)
    assert "2 requests are read again" in answer.content.decode()
    box.drain()
    assert [state for state, _, _ in box.rows(source)] == ["done"] * 3
    titles = [span.title for span in box.spans(source) if "cannot read" not in span.title]
    assert len(titles) == 3
    assert "Everything could be read" in admin.get(address(source)).content.decode()


def test_what_was_read_is_never_counted_twice(box: Box, admin: Client) -> None:
    source = box.source("generic", mapping={"title": "$.title", "key": "$.title"})
    row = box.put(source, {"title": "up"})
    box.drain()
    answer = admin.post(address(source, "again"), {"row": row}, follow=True)
    assert "Nothing is left" in answer.content.decode()
    box.drain()
    assert AlertSpan.objects.get(source=source).count == 1


@pytest.mark.parametrize("row", ["", "x", "-1", "9" * 30, "1 OR 1=1", "\x00"])
def test_odd_numbers_of_rows_do_nothing(box: Box, admin: Client, row: str) -> None:
    source = box.source("generic")
    assert admin.post(address(source, "again"), {"row": row}).status_code in (302, 400)


def test_a_row_of_another_source_is_not_there(box: Box, admin: Client) -> None:
    mine, other = unread(box), box.source("generic")
    row = Inbox.objects.filter(source_id=mine.id, state="failed")[0]
    assert admin.get(address(other, f"{row.id}/")).status_code == 404
    admin.post(address(other, "again"), {"row": row.id})
    assert Inbox.objects.filter(source_id=mine.id, state="failed").count() == 3


def test_what_a_security_source_sends_is_for_its_group(box: Box, admin: Client) -> None:
    group = SupportGroup.objects.create(name="SOC", slug="soc", security=True)
    source = unread(box)
    Source.objects.filter(id=source.id).update(security=True, group=group)
    row = Inbox.objects.filter(state="failed")[0]
    page = admin.get(address(source)).content.decode()
    assert "security group only" in page and "headline" not in page
    assert admin.get(address(source, f"{row.id}/")).status_code == 404
    Membership.objects.create(group=group, person=Person.objects.get(roles=["administrator"]))
    assert "headline" in admin.get(address(source)).content.decode()


def test_one_incident_tells_of_a_source_however_much_it_sends(box: Box, admin: Client) -> None:
    source = unread(box)
    for number in range(50):
        box.put(source, {"n": number})
    box.drain()
    (incident,) = Incident.objects.filter(source_id=source.id)
    assert "cannot read" in incident.title


def test_lists_are_bounded_whatever_was_sent(
    box: Box, admin: Client, django_assert_max_num_queries: object
) -> None:
    source = box.source("generic", mapping={"title": "$.title"})
    for number in range(60):
        box.put(source, {"n": number, "more": "x" * 20_000})
    box.drain()
    with django_assert_max_num_queries(25):  # type: ignore[operator]
        page = admin.get(address(source)).content.decode()
    assert page.count("<details") <= 30 and len(page) < 300_000
    cursor = queries_inbox.stored(SYSTEM, source.id).next
    seen = {payload.id for payload in queries_inbox.stored(SYSTEM, source.id).rows}
    second = queries_inbox.stored(SYSTEM, source.id, cursor=cursor)
    assert len(second.rows) == 25 and seen.isdisjoint(payload.id for payload in second.rows)
    assert admin.get(f"{address(source)}?after=nonsense").status_code in (400, 422)
    assert admin.get(f"{address(source)}?state=all").status_code == 200
