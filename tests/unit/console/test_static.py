"""The files that browsers load: within their budget, from this server only, and every icon that is named exists."""

import gzip
import re
from pathlib import Path

import pytest

import firstline.console

ROOT = Path(firstline.console.__file__).parent
STATIC = ROOT / "static" / "firstline"
PACKAGE = ROOT.parent
SHEETS = sorted(STATIC.rglob("*.css"))
MODULES = sorted(STATIC.rglob("*.js"))


def squeezed(paths: list[Path]) -> int:
    return sum(len(gzip.compress(path.read_bytes())) for path in paths)


def test_a_page_of_the_console_stays_within_its_budget() -> None:
    assert squeezed(SHEETS) <= 35_000
    vendor = ROOT / "static" / "vendor" / "htmx.min.js"
    if not vendor.exists():
        pytest.skip("the browser files have not been fetched (make env does)")
    assert squeezed([*MODULES, vendor]) <= 60_000


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_a_sheet_stands_in_a_layer_and_loads_nothing_from_elsewhere(sheet: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    depth, outside = 0, ""
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            outside += character
    heads = re.sub(r"@layer [a-z, ]+;?", "", outside.replace("}", ""))
    assert heads.strip() == ""
    assert (
        "@import" not in text
        and "url(" not in text
        and "!important"
        not in text.replace("display: none !important", "")
        .replace("animation: none !important", "")
        .replace("transition: none !important", "")
        .replace("scroll-behavior: auto !important", "")
        .replace("padding: 0 !important", "")
    )


def test_every_icon_that_a_page_names_is_in_the_sprite() -> None:
    listed = {
        line.strip()
        for line in (STATIC / "icons" / "list.txt").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    }
    used: dict[str, str] = {}
    for template in PACKAGE.rglob("templates/**/*.html"):
        for name in re.findall(r"""\{% (?:icon|empty) ["']([a-z0-9-]+)["']""", template.read_text()):
            used.setdefault(name, template.name)
    for module in (ROOT / "shell.py", ROOT / "verbs" / "registry.py"):
        for name in re.findall(r"""icon="([a-z-]+)\"""", module.read_text()):
            used.setdefault(name, module.name)
    assert len(used) > 40
    assert {name: where for name, where in used.items() if name not in listed} == {}


def test_no_template_has_inline_style_or_script() -> None:
    for template in PACKAGE.rglob("templates/**/*.html"):
        text = template.read_text()
        assert not re.search(r"<style|\sstyle=|\shx-on|\son[a-z]+=[\"']|javascript:", text), template
        assert not re.search(r"<script(?![^>]*\ssrc=)(?![^>]*type=\"application/json\")", text), template


def test_every_component_of_the_style_sheets_is_loaded_by_a_set() -> None:
    from firstline.console.templatetags.firstline import SETS

    loaded = {part for parts in SETS.values() for part in parts}
    assert {sheet.stem for sheet in (STATIC / "css" / "components").glob("*.css")} == loaded
