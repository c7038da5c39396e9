"""Third-party browser files: there, of the locked versions, and none of them in the repository."""

import importlib.util
import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
VENDOR = ROOT / "src/firstline/console/static/vendor"
WANTED = json.loads((ROOT / "package.json").read_text())["firstline"]
ICONS = (ROOT / "src/firstline/console/static/firstline/icons/list.txt").read_text()


def hook() -> object:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_everything_that_package_json_names_is_there() -> None:
    assert [name for name in WANTED.values() if not (VENDOR / name).exists()] == []


def test_the_sprite_holds_every_icon_of_the_list_and_no_other() -> None:
    listed = {line.partition("#")[0].strip() for line in ICONS.splitlines()} - {""}
    assert set(re.findall(r'<symbol id="([^"]+)"', (VENDOR / "icons.svg").read_text())) == listed


def test_nothing_is_made_again_when_it_is_there() -> None:
    assert hook().make_browser_files(ROOT) is False  # type: ignore[attr-defined]


def test_when_npm_fails_the_build_fails(tmp_path: Path) -> None:
    for name in ("package.json", ".npmrc", "hatch_build.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    lock = json.loads((ROOT / "package-lock.json").read_text())
    lock["packages"]["node_modules/htmx.org"]["version"] = "4.0.0"  # npm ci refuses a lock that does not fit
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    icons = tmp_path / "src/firstline/console/static/firstline/icons/list.txt"
    icons.parent.mkdir(parents=True)
    icons.write_text(ICONS)
    with pytest.raises(SystemExit, match="npm could not fetch"):
        hook().make_browser_files(tmp_path)  # type: ignore[attr-defined]
    assert not (tmp_path / "src/firstline/console/static/vendor").exists()


def test_none_of_it_is_in_the_repository() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", str(VENDOR)], capture_output=True, text=True, check=True
    )
    assert tracked.stdout == ""
