"""The documentation is held to the truth: paths, links, dependencies, commands, addresses."""

import re
import tomllib
from pathlib import Path

import pytest
import typer.main
import yaml
from django.urls import get_resolver

from firstline.cli.main import app
from firstline.config import env
from firstline.gateway import condition

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def commands() -> set[str]:
    group = typer.main.get_command(app)
    return set(group.commands)  # type: ignore[attr-defined]


def test_every_path_on_the_map_exists() -> None:
    page = (ROOT / "docs" / "map.md").read_text()
    paths = [
        path
        for line in page.splitlines()
        if line.startswith("| ")
        for path in re.findall(r"`([^`]+)`", line.split("|")[2])
    ]
    assert len(paths) > 40
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    local = [link for link in links if not link.startswith(("http:", "https:", "mailto:"))]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_dependency_is_explained_and_every_explanation_has_one() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    npm = set(re.findall(r'^    "([a-z.-]+)": "\d', (ROOT / "package.json").read_text(), re.MULTILINE))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    named = {re.split(r"[\[><= ]", requirement)[0] for requirement in wanted}
    assert set(re.findall(r"^\| `([^`]+)` ", page, re.MULTILINE)) == named | npm


def test_every_command_in_the_docs_exists() -> None:
    told = {word for page in PAGES for word in re.findall(r"`firstline ([a-z]+)", page.read_text())}
    assert told <= commands()


def test_every_command_is_in_the_docs() -> None:
    told = {word for page in PAGES for word in re.findall(r"firstline ([a-z]+)", page.read_text())}
    assert commands() <= told


def test_the_addresses_for_monitoring_exist() -> None:
    told = set(re.findall(r"^\| `(/[a-z/]+)` ", OPERATIONS, re.MULTILINE))
    assert told == {"/healthz", "/readyz", "/healthz/engine", condition.PATH, "/metrics"}
    for path in told - {condition.PATH}:  # the gateway answers that itself
        assert get_resolver().resolve(path)


def test_every_target_of_make_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = {
        word
        for page in PAGES
        for word in re.findall(r"^ {4}make ([a-z-]+)|`make ([a-z-]+)", page.read_text(), re.M)
    }
    assert {first or second for first, second in told} <= targets


def test_compose_starts_every_part_on_one_database() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services = compose["services"]
    assert set(services) == {"database", "migrate", "serve", "engine", "worker", "auditor"}
    for name in set(services) - {"database"}:
        assert services[name]["command"] == [name]
        assert name in commands()
        settings = services[name]["environment"]
        assert set(settings) <= set(env.TABLE)
        assert settings["FIRSTLINE_DATABASE_URL"].startswith("postgresql://")


def test_the_lock_has_hashes_and_no_addresses() -> None:
    for name in ("run.txt", "dev.txt"):
        lock = (ROOT / "requirements" / name).read_text()
        packages = re.findall(r"^[a-z0-9][a-z0-9._-]*==", lock, re.MULTILINE)
        assert len(packages) > 30
        assert lock.count("--hash=sha256:") > len(packages)
        assert "://" not in lock
    resolved = [
        line for line in (ROOT / "package-lock.json").read_text().splitlines() if '"resolved"' in line
    ]
    assert resolved == []
