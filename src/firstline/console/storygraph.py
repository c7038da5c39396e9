"""The graph of a storyline as a drawing: steps in a column, entities in another, lines where these occur in those."""

from dataclasses import dataclass

from firstline.intake.signal import EntityKind
from firstline.intake.storyline import Shared, Storyline

ROW, TOP, WIDTH = 38, 20, 720
STEP_X, STEP_WIDTH, ENTITY_X = 8, 300, 452
MOST_STEPS, MOST_ENTITIES = 16, 16
TITLE, VALUE = 40, 30


@dataclass(frozen=True, slots=True)
class Node:
    """A box or dot at (x, y); `title` in full for whoever hovers."""

    x: int
    y: int
    label: str
    title: str
    tone: str


@dataclass(frozen=True, slots=True)
class Line:
    """A curve from a step to an entity."""

    path: str
    tone: str


@dataclass(frozen=True, slots=True)
class Drawing:
    width: int
    height: int
    steps: list[Node]
    entities: list[Node]
    lines: list[Line]
    left_out: int


def drawn(story: Storyline) -> Drawing | None:
    """The drawing; None where nothing connects two steps. The steps and entities that connect most are drawn."""
    entities = [one for one in story.entities if len(one.steps) > 1][:MOST_ENTITIES]
    if not entities or len(story.steps) < 2:
        return None
    connected = {number for one in entities for number in one.steps}
    chosen = [step for step in story.steps if step.number in connected][:MOST_STEPS]
    at = {step.number: TOP + place * ROW for place, step in enumerate(chosen)}
    ordered = sorted(entities, key=lambda one: _middle(one, at))
    spread = max(len(chosen), len(ordered))
    below = {
        one.entity: TOP + round(place * ROW * spread / len(ordered)) for place, one in enumerate(ordered)
    }
    return Drawing(
        width=WIDTH,
        height=TOP + spread * ROW,
        steps=[
            Node(
                STEP_X,
                at[step.number],
                f"{step.number}. {_cut(step.title, TITLE)}",
                step.title,
                step.severity,
            )
            for step in chosen
        ],
        entities=[
            Node(
                ENTITY_X,
                below[one.entity],
                _cut(one.entity.value, VALUE),
                f"{kind(one)}: {one.entity.value}",
                "",
            )
            for one in ordered
        ],
        lines=[
            Line(_curve(at[number], below[one.entity]), "strong" if one.weight >= 80 else "")
            for one in ordered
            for number in one.steps
            if number in at
        ],
        left_out=len(story.steps) - len(chosen) + len(story.entities) - len(entities),
    )


def kind(one: Shared) -> str:
    return EntityKind(one.entity.kind).value.replace("_", " ")


def _middle(one: Shared, at: dict[int, int]) -> float:
    places = [at[number] for number in one.steps if number in at]
    return sum(places) / len(places) if places else 0


def _curve(start: int, end: int) -> str:
    left, right = STEP_X + STEP_WIDTH, ENTITY_X - 10
    half = (left + right) // 2
    return f"M{left} {start} C{half} {start} {half} {end} {right} {end}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
