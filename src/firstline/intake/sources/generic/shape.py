"""A tool's documented payload: how it is recognised, and the mapping that its documentation gives."""

from dataclasses import dataclass

from firstline.intake.sources.generic.mapping import Mapping


@dataclass(frozen=True, slots=True)
class Shape:
    """A tool, the paths that must all be there, and how its payloads are read."""

    tool: str
    needs: tuple[str, ...]
    mapping: Mapping
