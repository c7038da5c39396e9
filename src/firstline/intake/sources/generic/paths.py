"""Paths into JSON, and templates made of them.

A path is `$.alert.labels.host`, `$.items[0].name`, `$["a.b"]`, `$.tags[*]` or `$.fields[key=severity].value` (the
element of a list whose `key` is `severity`); it also finds flat names with dots in them (`$.host.name` in
`{"host.name": …}`). A template is text with paths in braces, with alternatives separated by bars:
`{host}/{check|service|'unknown'}`; `{text#2}` is the second word of a text. Anything else is the text itself.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from firstline.intake.sources.parsing import text_of


@dataclass(frozen=True, slots=True)
class Where:
    """The first element of a list whose `name` is `value`."""

    name: str
    value: str


Step = str | int | Where
EVERY = "*"
STEP = re.compile(
    r"""\.?([^.\[\]"'\s][^.\[\]]*)|\[(\d{1,6})\]|\[(\*)\]|\[["']([^"']+)["']\]|\[(\w{1,40})=([^\[\]"'{}|]{1,80})\]"""
)
WORD = re.compile(r"(.+)#([1-9]\d?)")
HOLE = re.compile(r"\{([^{}]+)\}")


class PathError(ValueError):
    """A path or template that cannot be read, said to the person who wrote it."""


@lru_cache(maxsize=4096)
def steps_of(path: str) -> tuple[Step, ...]:
    """The steps of a path. Raises PathError with the place where it stops making sense."""
    text = path.strip().removeprefix("$")
    steps: list[Step] = []
    at = 0
    while at < len(text):
        match = STEP.match(text, at)
        if match is None:
            raise PathError(f"cannot read {path!r} from character {at + 1} on")
        steps.append(_step(*match.groups()))
        at = match.end()
    return tuple(steps)


def _step(
    name: str | None, index: str | None, every: str | None, quoted: str | None, *where: str | None
) -> Step:
    if index:
        return int(index)
    if where[0] and where[1]:
        return Where(where[0], where[1])
    return EVERY if every else quoted or (name or "").strip()


def find(document: Any, path: str) -> Any:
    """What stands at `path`; None when nothing does. With `[*]`, the list of what each element has there."""
    return _walk(document, steps_of(path))


def _walk(value: Any, steps: tuple[Step, ...]) -> Any:
    for at, step in enumerate(steps):
        if step == EVERY:
            found = [_walk(item, steps[at + 1 :]) for item in value] if isinstance(value, list) else []
            return [item for item in found if item is not None] or None
        if isinstance(step, Where):
            value = _chosen(value, step)
        elif isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        elif isinstance(value, dict):
            if step not in value:
                return _flat(value, steps[at:])
            value = value[step]
        else:
            return None
    return value


def _chosen(value: Any, where: Where) -> Any:
    items = value if isinstance(value, list) else []
    return next(
        (item for item in items if isinstance(item, dict) and text_of(item.get(where.name)) == where.value),
        None,
    )


def _flat(value: dict[str, Any], steps: tuple[Step, ...]) -> Any:
    """`host.name` as one name, the longest match first."""
    names = []
    for step in steps:
        if not isinstance(step, str):
            break
        names.append(step)
    for length in range(len(names), 1, -1):
        name = ".".join(names[:length])
        if name in value:
            return _walk(value[name], steps[length:])
    return None


def render(document: Any, template: str) -> str:
    """`template` filled from `document`; a hole that nothing fills is empty."""
    if "{" in template:
        return HOLE.sub(lambda hole: _alternatives(document, hole.group(1)), template).strip()
    if template.startswith("$"):
        return text_of(find(document, template))
    return template


def _alternatives(document: Any, hole: str) -> str:
    for choice in hole.split("|"):
        choice = choice.strip()
        if _is_text(choice):
            return choice[1:-1]
        if text := _word(document, choice):
            return text
    return ""


def _word(document: Any, choice: str) -> str:
    """What stands at a path; with `#2` behind it, the second word of that."""
    match = WORD.fullmatch(choice)
    if match is None:
        return text_of(find(document, choice))
    words = text_of(find(document, match[1])).split()
    return words[int(match[2]) - 1] if len(words) >= int(match[2]) else ""


def _is_text(choice: str) -> bool:
    """Whether an alternative is quoted text, not a path."""
    return len(choice) > 1 and choice[0] == choice[-1] and choice[0] in "'\""


def check(template: str) -> None:
    """Raises PathError unless `render` can use `template`."""
    if "{" in template:
        if HOLE.sub("", template).count("{"):
            raise PathError(f"a brace in {template!r} is not closed")
        for hole in HOLE.findall(template):
            for choice in hole.split("|"):
                if not _is_text(choice.strip()):
                    match = WORD.fullmatch(choice.strip())
                    steps_of(match[1] if match else choice)
    elif template.startswith("$"):
        steps_of(template)
