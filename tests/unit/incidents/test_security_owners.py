"""A security incident always rests with people who may see it."""

import pytest
from django.test import Client

from firstline.core.errors import Invalid
from firstline.incidents import actions
from firstline.incidents.models import Incident
from firstline.oncall import links
from firstline.oncall.models import Page
from firstline.workflow import triage
from tests.organisation import MAKER, Organisation, organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organisation:
    return organisation()


def test_one_that_names_an_ordinary_group_is_given_to_a_security_group(org: Organisation) -> None:
    made = org.incident(security=True, group_id=org.first.id)
    triage.run(org.now)
    assert Incident.objects.get(id=made.id).group == org.security


def test_nobody_outside_its_group_can_own_it(org: Organisation) -> None:
    made = org.incident(security=True, group_id=org.security.id)
    with pytest.raises(Invalid):
        actions.assign(
            made.id, group_id=org.security.id, assignee_id=org.outsider.id, actor=MAKER, now=org.now
        )
    owned = actions.assign(
        made.id, group_id=org.security.id, assignee_id=org.guard.id, actor=MAKER, now=org.now
    )
    assert owned.assignee == org.guard


def test_the_link_of_a_page_ends_with_the_account_of_who_was_paged(org: Organisation) -> None:
    page = Page.objects.create(
        incident=org.incident(), person=org.agent, key="k", due_at=org.now, created_at=org.now, because={}
    )
    org.agent.is_active = False
    org.agent.save()
    client = Client(raise_request_exception=False)
    address = f"/page/{links.token(page.id, now=org.now)}/"
    assert client.get(address).status_code == 404
    assert client.post(address).status_code == 404
    page.refresh_from_db()
    assert page.acknowledged_at is None
