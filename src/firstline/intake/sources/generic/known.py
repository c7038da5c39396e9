"""Payloads of tools that document them: recognised by fields that only they have, read through a mapping made from
the tool's documentation. What is not recognised here is guessed from its shape (see `guess`).
"""

from typing import Any

from firstline.intake.sources.generic.monitors import MONITORS
from firstline.intake.sources.generic.paths import find
from firstline.intake.sources.generic.services import SERVICES
from firstline.intake.sources.generic.shape import Shape

SHAPES = (*MONITORS, *SERVICES)
FIRST = tuple((shape, shape.needs[0].partition(".")[0]) for shape in SHAPES)


def known(document: Any) -> Shape | None:
    """The shape that `document` (one element) has, if it is a documented one."""
    if not isinstance(document, dict):
        return None
    return next(
        (shape for shape in SHAPES if all(find(document, path) is not None for path in shape.needs)), None
    )
