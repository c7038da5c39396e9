"""`firstline serve` and `firstline up` on a database elsewhere, as several machines would share it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database import Clone
from tests.machine import firstline, running_machine

SECRET = "the same on every machine, and at least fifty characters"


@pytest.fixture
def elsewhere(cloned_database: Clone, tmp_path: Path) -> Iterator[dict[str, str]]:
    yield {"FIRSTLINE_DATABASE_URL": cloned_database.url, "FIRSTLINE_SECRET_KEY": SECRET}


def test_two_machines_serve_the_same_database(elsewhere: dict[str, str], tmp_path: Path) -> None:
    with (
        running_machine(tmp_path / "one", command="serve", **elsewhere) as one,
        running_machine(tmp_path / "two", command="serve", **elsewhere) as two,
    ):
        assert (one.get("/readyz"), two.get("/readyz")) == (200, 200)
        assert one.get("/static/vendor/htmx.min.js") == 200
        assert [p.name() for p in one.family() if p.name() == "postgres"] == []
        assert one.stop() == 0
        assert two.get("/readyz") == 200


def test_a_database_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    nowhere = {
        "FIRSTLINE_DATABASE_URL": f"postgresql://user@/name?host={tmp_path}",
        "FIRSTLINE_SECRET_KEY": SECRET,
    }
    migrated = firstline("migrate", **nowhere)
    assert (migrated.returncode, migrated.stderr.startswith("The database does not answer")) == (69, True)
    examined = firstline("doctor", **nowhere)
    assert (examined.returncode, "Traceback" in examined.stderr) == (1, False)


def test_https_beyond_loopback_must_say_whose_headers_count(elsewhere: dict[str, str]) -> None:
    refused = firstline("serve", FIRSTLINE_HOST="0.0.0.0", FIRSTLINE_URL="https://a.example.com", **elsewhere)
    assert refused.returncode == 78
    assert refused.stderr.startswith("FIRSTLINE_TRUSTED_PROXIES: needed with an https FIRSTLINE_URL")


def test_up_uses_the_other_database_too(elsewhere: dict[str, str], tmp_path: Path) -> None:
    with running_machine(tmp_path / "data", **elsewhere) as machine:
        assert machine.get("/readyz") == 200
        assert [p.name() for p in machine.family() if p.name() == "postgres"] == []
        assert not (tmp_path / "data" / "postgresql-18").exists()
