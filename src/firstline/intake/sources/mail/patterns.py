"""Patterns with places: `[{type}] {service} on {host} is {state}!`.

`{name}` stands for something, `{}` for anything or nothing, all else for itself; upper and lower case and runs of
blanks make no difference, and the pattern must cover the whole line. There is nothing to backtrack over: each literal
is searched for once, from where the one before ended, so that no pattern and no mail can make it slow.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

LONGEST_LINE = 1000
LONGEST_PATTERN = 300
PLACE = re.compile(r"\{([a-z_]{0,30})\}")
BRACES = re.compile(r"[{}]")


class PatternError(ValueError):
    """A pattern that cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """`literals` has one element more than `places`: what stands before, between and behind them."""

    literals: tuple[re.Pattern[str], ...]
    places: tuple[str, ...]

    def match(self, line: str) -> dict[str, str] | None:
        """What stands at the places, or None when the line is none of these."""
        text = squeezed(line[:LONGEST_LINE])
        start = self.literals[0].match(text)
        if start is None:
            return None
        at, found = start.end(), dict[str, str]()
        for number, name in enumerate(self.places):
            end = self._end(text, at + bool(name), number + 1)
            if end is None:
                return None
            if name:
                found.setdefault(name, text[at : end[0]].strip())
            at = end[1]
        complete = at == len(text) and all(found.values())
        return found if complete else None

    def _end(self, text: str, at: int, number: int) -> tuple[int, int] | None:
        """Where the literal of this number stands, at `at` or later; the last one stands at the end."""
        literal = self.literals[number]
        if number == len(self.literals) - 1:
            begin = max(at, len(text) - _length(literal))
            whole = literal.fullmatch(text, begin)
            return (begin, len(text)) if whole and begin <= len(text) else None
        found = literal.search(text, at)
        return found.span() if found else None


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Pattern:
    """The pattern, ready to match. Raises PatternError."""
    if len(pattern) > LONGEST_PATTERN:
        raise PatternError(f"longer than {LONGEST_PATTERN} characters")
    pieces = PLACE.split(squeezed(pattern))
    literals, places = pieces[::2], pieces[1::2]
    if any(BRACES.search(piece) for piece in literals):
        raise PatternError("a place is written {name}, with small letters, or {} for anything")
    if any(not piece for piece in literals[1:-1]):
        raise PatternError("two places need something between them")
    return Pattern(tuple(re.compile(re.escape(piece), re.I) for piece in literals), tuple(places))


def squeezed(text: str) -> str:
    """`text` on one line, with one blank where there were several."""
    return " ".join(text.split())


def rendered(template: str, fields: Mapping[str, str]) -> str:
    """`template` with its places filled; a place that nothing is known of stays empty."""
    return squeezed(PLACE.sub(lambda place: fields.get(place.group(1), ""), template))


def unknown_places(template: str, known: Iterable[str]) -> set[str]:
    """Places of a template that no pattern finds."""
    return {name for name in PLACE.findall(template) if name} - set(known)


def _length(literal: re.Pattern[str]) -> int:
    return len(re.sub(r"\\(.)", r"\1", literal.pattern))
