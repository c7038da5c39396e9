"""Text templates of alerts: what stays the same in a message when its numbers, names and addresses change.

Pure. The idea is Drain's (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree",
ICWS 2017): tokens that are obviously variable are masked, messages are looked up by their number of tokens
and first constant word (`leaf`), and compared token by token there; where they differ, the common template
has a variable. Nothing is kept between two calls: what a template is follows from the texts alone.
"""

import re

MASK = "<*>"
LONGEST = 60  # tokens; the rest of a longer text tells nothing more
WORD = re.compile(r"[^\W\d_]{2,}")
NAME = re.compile(r"(?:[\w-]+\.){2,}[\w-]+|.*(?:://|@|\\|/).*", re.ASCII)
EDGES = "()[]{}<>,;:.!?\"'`"
Template = tuple[str, ...]


def template_of(text: str) -> Template:
    """The tokens of `text` in lower case, variable ones masked: those with a digit, names with two dots,
    addresses, paths. Runs of variables are one, so that a list of hosts is as long as another.
    """
    found: list[str] = []
    for token in text.split()[:LONGEST]:
        bare = token.strip(EDGES).lower()
        if not bare:
            continue
        word = MASK if any(c.isdigit() for c in bare) or NAME.fullmatch(bare) else bare
        if not (word == MASK and found and found[-1] == MASK):
            found.append(word)
    return tuple(found)


def constants(template: Template) -> int:
    """How many words of it say something."""
    return sum(1 for token in template if token != MASK and WORD.search(token))


def leaf(template: Template) -> str:
    """Where it is looked for: the number of tokens and the first constant one."""
    first = next((token for token in template if token != MASK), "")
    return f"{len(template)}:{first[:80]}"


def similarity(known: Template, other: Template) -> float:
    """The share of the constant tokens of `known` that `other` has at the same place; 0 at another length."""
    fixed = [(a, b) for a, b in zip(known, other, strict=False) if a != MASK]
    if len(known) != len(other) or not fixed:
        return 0.0
    return sum(1 for a, b in fixed if a == b) / len(fixed)


def merged(known: Template, other: Template) -> Template:
    """What both have in common: a variable wherever they differ."""
    return tuple(a if a == b else MASK for a, b in zip(known, other, strict=True))


def text_of(template: Template) -> str:
    return " ".join(template)


def from_text(text: str) -> Template:
    """The template that `text_of` wrote."""
    return tuple(text.split())
