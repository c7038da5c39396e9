"""Regular expressions that administrators write, matched in time linear in the text.

Python's own engine backtracks: one careless pattern against one unlucky text can take for ever, and these run
on every report. So the pattern is parsed by Python's parser, turned into an automaton and simulated; sets of
states are remembered as they appear. Look-arounds, back references and inline flags are refused with a sentence.
Letters match in either case; `^` and `$` are the ends of the whole text; `.` matches all but a line break.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

LONGEST_PATTERN = 300
MOST_STATES = 1500
MOST_REMEMBERED = 20_000

_EDGE, _WORD, _OTHER = 0, 1, 2
_CATEGORIES: dict[str, Callable[[str], bool]] = {
    "CATEGORY_DIGIT": str.isdigit,
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_WORD": lambda c: c.isalnum() or c == "_",
}


class BadPattern(ValueError):
    """The pattern can't be used; the text says why."""


class Pattern:
    """A compiled pattern. `found(text)` says whether it matches anywhere; a text without `needed` in it never does."""

    def __init__(self, source: str) -> None:
        if len(source) > LONGEST_PATTERN:
            raise BadPattern(f"A pattern has at most {LONGEST_PATTERN} characters.")
        try:
            tree = parser.parse(source, re.IGNORECASE)
        except (re.error, OverflowError, RecursionError) as error:
            raise BadPattern(f"This is not a regular expression: {error}.") from error
        # a state is (one, what it consumes), an assertion or a fork; `_next` holds where it leads
        self._atoms: list[tuple[Any, Any]] = []
        self._next: list[list[int]] = []
        self.needed = _needed(list(tree))
        self._accept = self._new("accept", None)
        self._start = self._sequence(list(tree), self._accept)
        self._cache: dict[tuple[frozenset[int], int, str], frozenset[int] | None] = {}

    def found(self, text: str) -> bool:
        states: frozenset[int] = frozenset()
        before = _EDGE
        for char in text.lower():
            following = self._step(states, before, char)
            if following is None:
                return True
            states, before = following, _kind(char)
        return self._accept in self._closure(states, before, _EDGE)

    def _step(self, states: frozenset[int], before: int, char: str) -> frozenset[int] | None:
        """The states after a character; None when the pattern has matched before it."""
        key = (states, before, char)
        if key in self._cache:
            return self._cache[key]
        closed = self._closure(states, before, _kind(char))
        result: frozenset[int] | None = None
        if self._accept not in closed:
            result = frozenset(
                following
                for state in closed
                if self._consumes(state, char)
                for following in self._next[state]
            )
        if len(self._cache) >= MOST_REMEMBERED:
            self._cache.clear()
        self._cache[key] = result
        return result

    def _closure(self, states: frozenset[int], before: int, after: int) -> set[int]:
        """All states reached without consuming. A match may begin anywhere, so the start is always in."""
        found: set[int] = set()
        waiting = [self._start, *states]
        while waiting:
            state = waiting.pop()
            if state in found:
                continue
            found.add(state)
            kind, arg = self._atoms[state]
            if kind == "fork" or (kind == "at" and _holds(arg, before, after)):
                waiting.extend(self._next[state])
        return found

    def _consumes(self, state: int, char: str) -> bool:
        kind, arg = self._atoms[state]
        return kind == "one" and _matches(arg[0], arg[1], char)

    def _new(self, kind: str, arg: Any, *onward: int) -> int:
        if len(self._atoms) >= MOST_STATES:
            raise BadPattern("This pattern is too large; use smaller numbers of repetitions.")
        self._atoms.append((kind, arg))
        self._next.append(list(onward))
        return len(self._atoms) - 1

    def _sequence(self, items: list[tuple[Any, Any]], onward: int) -> int:
        for kind, arg in reversed(items):
            onward = self._item(kind, arg, onward)
        return onward

    def _item(self, kind: Any, arg: Any, onward: int) -> int:
        """The entry state of one part of the pattern that leads to `onward`."""
        if kind in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            return self._new("one", (kind, arg), onward)
        if kind is op.AT:
            return self._new("at", str(arg), onward)
        if kind is op.SUBPATTERN:
            return self._sequence(list(arg[-1]), onward)
        if kind is op.BRANCH:
            return self._new("fork", None, *(self._sequence(list(part), onward) for part in arg[1]))
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            return self._repeat(arg[0], arg[1], list(arg[2]), onward)
        raise BadPattern(f"{str(kind).lower().replace('_', ' ')} can't be used in a pattern of a rule.")

    def _repeat(self, least: int, most: Any, items: list[tuple[Any, Any]], onward: int) -> int:
        if most is op.MAXREPEAT:
            loop = self._new("fork", None, onward)
            self._next[loop].append(self._sequence(items, loop))
            onward = loop
        else:
            for _ in range(most - least):
                onward = self._new("fork", None, self._sequence(items, onward), onward)
        for _ in range(least):
            onward = self._sequence(items, onward)
        return onward


def _needed(items: list[tuple[Any, Any]]) -> str:
    """The longest run of letters that stands in every (lower-case) text that matches; for a quick no."""
    runs, run = [""], ""
    for kind, arg in items:
        char = chr(arg).lower() if kind is op.LITERAL else ""
        if len(char) == 1:
            run += char
        else:
            runs.append(run)
            run = ""
    return max([*runs, run], key=len)


@lru_cache(maxsize=512)
def compiled(source: str) -> Pattern:
    """The pattern, compiled once per process. Raises `BadPattern`."""
    return Pattern(source)


def _kind(char: str) -> int:
    return _WORD if char.isalnum() or char == "_" else _OTHER


def _holds(place: str, before: int, after: int) -> bool:
    boundary = (before == _WORD) != (after == _WORD)
    return {
        "AT_BEGINNING": before == _EDGE,
        "AT_BEGINNING_STRING": before == _EDGE,
        "AT_END": after == _EDGE,
        "AT_END_STRING": after == _EDGE,
        "AT_BOUNDARY": boundary,
        "AT_NON_BOUNDARY": not boundary,
    }[place]


def _matches(kind: Any, arg: Any, char: str) -> bool:
    """Whether one (lower-case) character is what this part asks for."""
    if kind is op.ANY:
        return char != "\n"
    if kind is op.LITERAL:
        return char == chr(arg).lower()
    if kind is op.NOT_LITERAL:
        return char != chr(arg).lower()
    if kind is op.RANGE:
        return any(arg[0] <= ord(each) <= arg[1] for each in {char, char.upper()} if len(each) == 1)
    if kind is op.CATEGORY:
        name = str(arg)
        wanted = "_NOT_" not in name
        return _CATEGORIES[name.replace("NOT_", "")](char) is wanted
    assert kind is op.IN
    negated = bool(arg) and arg[0][0] is op.NEGATE
    parts = arg[1:] if negated else arg
    return any(_matches(part, value, char) for part, value in parts) is not negated
