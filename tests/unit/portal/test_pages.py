"""Every page of the portal renders for whom it is meant."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path",
    [
        "/report/",
        "/knowledge/",
        "/sign-in/",
        "/sign-in/code/",
        "/account/password/forgotten/",
        "/sign-in/new/",
        "/report/sent/",
    ],
)
def test_a_visitor_sees(path: str, client: Client) -> None:
    assert client.get(path).status_code == 200
