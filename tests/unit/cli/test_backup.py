"""A backup holds everything: restored into an empty folder, the other installation is the same."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine import firstline, reachable_folder

ADMIN = ("--email", "ann@example.com", "--name", "Ann", "--password", "correct horse battery staple")
ASK = "from firstline.accounts.models import Person; print([p.email for p in Person.objects.all()])"
SEAL = "from firstline.core import secrets; print(secrets.encrypt('a password of ours'))"
OPEN = "from firstline.core import secrets; print(secrets.decrypt('{}'))"


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def saved(place: Path) -> Path:
    source = {"FIRSTLINE_DATA": str(place / "source")}
    assert firstline("createadmin", *ADMIN, **source).returncode == 69  # no tables yet
    assert firstline("migrate", **source).returncode == 0
    created = firstline("createadmin", *ADMIN, **source)
    assert created.returncode == 0, created.stderr
    result = firstline("backup", str(place / "backup.tar"), **source)
    assert result.returncode == 0, result.stderr
    return place / "backup.tar"


def test_it_restores_into_an_empty_place(place: Path, saved: Path) -> None:
    target = {"FIRSTLINE_DATA": str(place / "target")}
    restored = firstline("restore", str(saved), **target)
    assert restored.returncode == 0, restored.stderr
    people = firstline("manage", "shell", "--no-imports", "-c", ASK, **target)
    assert "['ann@example.com']" in people.stdout, people.stderr
    sealed = firstline("manage", "shell", "--no-imports", "-c", SEAL, FIRSTLINE_DATA=str(place / "source"))
    opened = firstline("manage", "shell", "--no-imports", "-c", OPEN.format(sealed.stdout.strip()), **target)
    assert opened.stdout.strip() == "a password of ours", opened.stderr
    doctor = json.loads(firstline("doctor", "--json", **target).stdout)
    states = {part["part"]: part["state"] for part in doctor["parts"]}
    assert (states["database"], states["migrations"]) == ("ok", "ok")


def test_it_overwrites_nothing_unasked(place: Path, saved: Path) -> None:
    source = {"FIRSTLINE_DATA": str(place / "source")}
    again = firstline("backup", str(saved), **source)
    assert (again.returncode, "never overwritten" in again.stderr) == (69, True)
    over = firstline("restore", str(saved), **source)
    assert (over.returncode, "say --replace" in over.stderr) == (69, True)
    assert firstline("restore", "--replace", str(saved), **source).returncode == 0


def test_it_is_readable_by_its_owner_alone(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_backup_changes_nothing(place: Path, saved: Path) -> None:
    other = place / "other.tar"
    other.write_bytes(saved.read_bytes()[:3000])
    result = firstline("restore", "--replace", str(other), FIRSTLINE_DATA=str(place / "source"))
    assert (result.returncode, "is not a backup" in result.stderr) == (69, True)
    people = firstline("manage", "shell", "--no-imports", "-c", ASK, FIRSTLINE_DATA=str(place / "source"))
    assert "['ann@example.com']" in people.stdout
