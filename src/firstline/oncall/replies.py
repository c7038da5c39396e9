"""Short answers to a page by SMS, chat or mail: `1a`, `ack 7`, `close 4`."""

import re
from dataclasses import dataclass
from typing import Literal

Verb = Literal["acknowledge", "resolve", "decline"]

_VERBS: dict[str, Verb] = {
    "a": "acknowledge",
    "ack": "acknowledge",
    "acknowledge": "acknowledge",
    "ok": "acknowledge",
    "c": "resolve",
    "close": "resolve",
    "r": "resolve",
    "resolve": "resolve",
    "resolved": "resolve",
    "d": "decline",
    "decline": "decline",
}
_NUMBER = r"(?:#|inc-)?0*(?P<number>[0-9]{1,15})"
_FORMS = (
    re.compile(rf"{_NUMBER}\s*(?P<verb>[a-z]+)"),
    re.compile(rf"(?P<verb>[a-z]+)\s+{_NUMBER}"),
)


@dataclass(frozen=True, slots=True)
class Reply:
    """`resolve` proposes resolution: closure stays with the caller."""

    verb: Verb
    number: int


def parse(text: str) -> Reply | None:
    """What the first line of a reply says; None when it is not clear and has to be asked back (a bare
    number).
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    words = lines[0].strip("'\"`‘’“”.,!").strip().casefold()
    for form in _FORMS:
        found = form.fullmatch(words)
        if found and found["verb"] in _VERBS and int(found["number"]) > 0:
            return Reply(_VERBS[found["verb"]], int(found["number"]))
    return None
