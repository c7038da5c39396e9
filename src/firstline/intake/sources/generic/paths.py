"""Paths into JSON, and templates made of them.

A path is `$.alert.labels.host`, `$.items[0].name`, `$["a.b"]` or `$.tags[*]`; it also finds flat names
with dots in them (`$.host.name` in `{"host.name": …}`). A template is text with paths in braces, with
alternatives separated by bars: `{host}/{check|service|'unknown'}`. Anything else is the text itself.
"""

import re
from functools import lru_cache
from typing import Any

from firstline.intake.sources.parsing import text_of

Step = str | int
EVERY = "*"
STEP = re.compile(r"""\.?([^.\[\]"'\s][^.\[\]]*)|\[(\d{1,6})\]|\[(\*)\]|\[["']([^"']+)["']\]""")
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
        name, index, every, quoted = match.groups()
        steps.append(int(index) if index else EVERY if every else quoted or name.strip())
        at = match.end()
    return tuple(steps)


def find(document: Any, path: str) -> Any:
    """What stands at `path`; None when nothing does. With `[*]`, the list of what each element has there."""
    return _walk(document, steps_of(path))


def _walk(value: Any, steps: tuple[Step, ...]) -> Any:
    for at, step in enumerate(steps):
        if step == EVERY:
            found = [_walk(item, steps[at + 1 :]) for item in value] if isinstance(value, list) else []
            return [item for item in found if item is not None] or None
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        elif isinstance(value, dict):
            if step not in value:
                return _flat(value, steps[at:])
            value = value[step]
        else:
            return None
    return value


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
        if text := text_of(find(document, choice)):
            return text
    return ""


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
                    steps_of(choice)
    elif template.startswith("$"):
        steps_of(template)
