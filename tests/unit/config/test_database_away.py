"""The database goes away under the pages: whoever asks is told to come again."""

import pytest
from django.db import connections
from django.test import Client

from tests.database import Clone
from tests.organisation import organisation


@pytest.fixture
def client(cloned_database: Clone, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Signed in; from now on nothing can connect."""
    signed_in = Client(raise_request_exception=False)
    signed_in.force_login(organisation().agent)
    connections.close_all()
    monkeypatch.setitem(connections.settings["default"], "HOST", "/nonexistent")
    return signed_in


@pytest.mark.parametrize("path", ["/console/", "/", "/api/v1/incidents"])
def test_a_page_says_so_and_when_to_come_again(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 503 and answer["Retry-After"]
    assert b"Traceback" not in answer.content and b"nonexistent" not in answer.content
    if path.startswith("/api/"):
        assert answer.json()["status"] == 503
