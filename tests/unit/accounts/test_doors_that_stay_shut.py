"""Small doors: the first set-up link, an auditor's shared view, odd numbers in small forms."""

import pytest
from django.test import Client

from firstline.accounts.actions import (
    create_administrator,
    create_setup_link,
    setup_link_valid,
    use_setup_link,
)
from firstline.core.errors import NotAllowed, NotFound
from firstline.desk import actions as desk
from firstline.problems import actions as problems
from tests.organisation import MAKER, MONDAY, organisation

pytestmark = pytest.mark.django_db


def test_the_setup_link_ends_with_the_first_administrator_however_they_came() -> None:
    token = create_setup_link(now=MONDAY)
    assert setup_link_valid(token, now=MONDAY)
    create_administrator(email="ada@example.org", name="Ada", password="long enough 4 all", now=MONDAY)
    assert not setup_link_valid(token, now=MONDAY)
    with pytest.raises(NotFound):
        use_setup_link(
            token, email="eve@example.org", name="Eve", password="long enough 4 all", zone="UTC", now=MONDAY
        )


def test_an_auditor_shares_no_view_with_everybody() -> None:
    org = organisation()
    with pytest.raises(NotAllowed):
        desk.save_view(name="x", query="", shared=True, actor=org.by(org.auditor), now=org.now)
    assert desk.save_view(name="x", query="", shared=True, actor=org.by(org.agent), now=org.now).pk


@pytest.mark.parametrize("verb", ["unlink", "done", "undone"])
def test_a_number_that_is_none_names_no_row(verb: str) -> None:
    org = organisation()
    problem = problems.open_problem(title="Printers", actor=MAKER, now=org.now)
    client = Client(raise_request_exception=False)
    client.force_login(org.agent)
    sent = {"incident": "abc", "action": "²"}
    assert client.post(f"/console/problems/{problem.id}/{verb}", sent).status_code < 500
