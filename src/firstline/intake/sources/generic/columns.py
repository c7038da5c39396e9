"""Payloads side by side: every leaf is a column, with its value in each of them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from firstline.intake.sources.generic import names
from firstline.intake.sources.parsing import text_of

DEPTH = 6
LEAVES = 600
LITTLE = frozenset(("label", "name", "value", "id", "key", "text", "displayname", "url"))


@dataclass(frozen=True, slots=True)
class Column:
    """One leaf over all payloads; None where a payload hasn't got it."""

    path: str
    words: tuple[tuple[str, ...], ...]  # of each name on the way, the leaf's own last
    values: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The leaf's name; below a `label`, a `name` or a `value`, together with its parent's."""
        return named(self.words)[0]

    @property
    def own(self) -> str:
        """The leaf's name alone."""
        return named(self.words)[1]

    @property
    def parents(self) -> frozenset[str]:
        """Every word of the names above it."""
        return named(self.words)[2]

    @property
    def texts(self) -> list[str]:
        """What is there, as text."""
        return [text_of(value) for value in self.values if value is not None]

    @property
    def distinct(self) -> int:
        return len(set(self.texts))


@lru_cache(maxsize=8192)
def named(words: tuple[tuple[str, ...], ...]) -> tuple[str, str, frozenset[str]]:
    """Of a leaf: its name (with its parent's where it says little alone), its own name, and the words above it."""
    if not words:
        return "", "", frozenset()
    own = "".join(words[-1])
    parents = frozenset(word for part in words[:-1] for word in part)
    if own in LITTLE and len(words) > 1 and (own in ("label", "value") or words[-2][-1:] != words[-1][:1]):
        return "".join(words[-2]) + own, own, parents
    return own, own, parents


def columns_of(elements: Sequence[Any]) -> list[Column]:
    """Every leaf of the elements, the nearest to the root first; at most LEAVES of each."""
    found: dict[str, tuple[tuple[tuple[str, ...], ...], list[Any]]] = {}
    for number, element in enumerate(elements):
        for path, words, value in _leaves(element):
            _, values = found.setdefault(path, (words, [None] * len(elements)))
            values[number] = value
    return [Column(path, words, tuple(values)) for path, (words, values) in found.items()]


Leaf = tuple[str, tuple[tuple[str, ...], ...], Any]


def _leaves(element: Any) -> Iterator[Leaf]:
    level: list[Leaf] = [("$", (), element)]
    count = 0
    for _ in range(DEPTH):
        below: list[Leaf] = []
        for path, words, value in level:
            for child in _children(path, words, value):
                count += 1
                if count > LEAVES:
                    return
                if isinstance(child[2], dict | list):
                    below.append(child)
                elif child[2] is not None and child[2] != "":
                    yield child
        level = below


def _children(path: str, words: tuple[tuple[str, ...], ...], value: Any) -> Iterator[Leaf]:
    if isinstance(value, dict):
        for key, child in value.items():
            text = str(key)
            if text and '"' not in text and "'" not in text and "|" not in text and "}" not in text:
                parts = tuple(each for each in map(names.words_of, text.split(".")) if each) or ((),)
                yield (
                    f'{path}["{text}"]' if not text.isidentifier() else f"{path}.{text}",
                    (*words, *parts),
                    child,
                )
    elif isinstance(value, list) and value:
        pairs = _pairs(value)
        if pairs:
            for name, label, child in pairs:
                yield f"{path}[{name}={label}].value", (*words, names.words_of(label) or ("",)), child
        else:
            yield f"{path}[0]", words, value[0]


def _pairs(items: list[Any]) -> list[tuple[str, str, Any]]:
    """A list of `{"key": …, "value": …}` is an object written differently."""
    found = []
    for item in items[:60]:
        name = next(
            (each for each in ("key", "name", "tag") if isinstance(item, dict) and each in item), None
        )
        if name is None or "value" not in item or not isinstance(item[name], str):
            return []
        if re.fullmatch(r"[\w .:/-]{1,80}", item[name]):
            found.append((name, item[name], item["value"]))
    return found
