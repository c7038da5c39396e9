"""The file of changed rules, as YAML, JSON or TOML: correlation, muting and mappings. Pure.

Each part that is left out stays as it is in force; a part that is there replaces all of its kind.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import yaml

from firstline.core.errors import Invalid
from firstline.intake.actions_correlation import rule_from as correlation_rule
from firstline.intake.actions_noise import rule_from as noise_rule
from firstline.intake.grounds import Rule
from firstline.intake.suppression import Rule as NoiseRule

PARTS = ("correlation", "noise", "mapping")


@dataclass(frozen=True, slots=True)
class Change:
    """What the file says; None: as in force."""

    correlation: tuple[tuple[str, Rule], ...] | None = None
    noise: tuple[tuple[str, str, NoiseRule], ...] | None = None
    mapping: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read(path: Path) -> Change:
    """The rules in a file; `Invalid` says what is wrong and where."""
    text = path.read_text(encoding="utf-8")
    try:
        return parsed(_loaded(text, path.suffix.lower()))
    except (yaml.YAMLError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"{path.name} can't be read: {error}") from error


def _loaded(text: str, suffix: str) -> Any:
    if suffix == ".json":
        return json.loads(text)
    return tomllib.loads(text) if suffix == ".toml" else yaml.safe_load(text)


def parsed(document: Any) -> Change:
    """A loaded document as values."""
    if not isinstance(document, dict) or not document:
        raise Invalid(f"A rules file has one or more of: {', '.join(PARTS)}.")
    unknown = set(document) - set(PARTS)
    if unknown:
        raise Invalid(f"Unknown part {sorted(map(str, unknown))[0]}; there are {', '.join(PARTS)}.")
    correlation, noise = document.get("correlation"), document.get("noise")
    mapping = document.get("mapping") or {}
    if not isinstance(mapping, dict) or not all(isinstance(each, dict) for each in mapping.values()):
        raise Invalid("mapping: a source's name, and its mapping as an object.")
    return Change(
        correlation=None
        if correlation is None
        else tuple(_correlation(n, r) for n, r in _numbered(correlation)),
        noise=None if noise is None else tuple(_noise(n, r) for n, r in _numbered(noise)),
        mapping=mapping,
    )


def _numbered(rows: Any) -> list[tuple[int, dict[str, Any]]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Invalid("Rules are a list of objects.")
    return list(enumerate(rows, 1))


def _correlation(number: int, row: dict[str, Any]) -> tuple[str, Rule]:
    name = str(row.get("name", f"Rule {number}"))
    try:
        return name, correlation_rule({key: value for key, value in row.items() if key != "name"})
    except Invalid as error:
        raise Invalid(f"correlation, rule {number} ({name}): {error}") from error


def _noise(number: int, row: dict[str, Any]) -> tuple[str, str, NoiseRule]:
    name, kind = str(row.get("name", f"Rule {number}")), str(row.get("kind", ""))
    try:
        return kind, name, noise_rule(kind, row.get("definition", {}))
    except Invalid as error:
        raise Invalid(f"noise, rule {number} ({name}): {error}") from error


def stored_noise(rule: NoiseRule) -> Any:
    """A muting rule as its version keeps it."""
    return msgspec.to_builtins(rule)
