"""A mapping proposed from what payloads look like; used for each payload until somebody saves one.

1. A payload of a tool that documents its shape is recognised (see `known`) and read as documented.
2. Else every leaf of the payloads is a column: its path, and its value in each of them.
3. For each field of a mapping, a column scores by its name (see `names`), by what stands above it (an alert, or a
   person who sent it), by its depth, by whether it is there in every payload, and by whether its values can be such a
   thing: a title has words, a severity is one, a state is a word that tools use for states, a time is an instant.
4. Several payloads say more than one. A state that is at times firing and at times resolved is the state. A key is
   what a firing and a resolved payload share and others don't; an id that is new in each payload is an id of the
   message and no key. Without such an id, the key is what varies in name, check and machine together.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as Values
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from firstline.intake.signal import SignalKind
from firstline.intake.sources.generic import names
from firstline.intake.sources.generic.columns import Column, columns_of
from firstline.intake.sources.generic.known import known
from firstline.intake.sources.generic.mapping import ACKNOWLEDGED, RESOLVED, Mapping
from firstline.intake.sources.generic.severity import SEVERITIES
from firstline.intake.sources.generic.worth import (
    DOING,
    FIRING,
    OVER,
    is_unfilled,
    key_value,
    link_value,
    meaning,
    name_value,
    severity_value,
    short_value,
    state_value,
    text_value,
    time_value,
    title_value,
)
from firstline.intake.sources.parsing import instant, text_of

ABOUT = frozenset(names.SUBJECTS)
ENOUGH = 20  # a lower score is no proposal
# words that hardly mean anything but a severity
WORDS = frozenset(
    {"critical", "major", "minor", "warning", "error", "high", "medium", "low", "fatal", "severe"}
)
LISTS = (
    "alerts",
    "alarms",
    "events",
    "incidents",
    "issues",
    "findings",
    "results",
    "records",
    "problems",
    "items",
)


class Ground(StrEnum):
    """Why a field was proposed as it is."""

    DOCUMENTED = "documented"
    NAME = "name"
    VARIES = "varies"
    SHARED = "shared"
    BOTH = "both"
    DERIVED = "derived"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A mapping, what each of its fields rests on, and the tool whose documentation it was made from."""

    mapping: Mapping
    grounds: dict[str, Ground] = field(default_factory=dict)
    tool: str = ""


def guessed(document: Any) -> Mapping:
    """The mapping for payloads shaped like `document`; its title is empty when nothing could be a title."""
    return suggested([document]).mapping


def suggested(documents: Sequence[Any]) -> Suggestion:
    """The mapping for a source that sent these payloads (the latest first); the more there are, the better."""
    readable = [document for document in documents if isinstance(document, dict | list) and document]
    if not readable:
        return Suggestion(Mapping())
    items = _list_of(readable[0])
    elements = [element for document in readable for element in _elements(document, items)]
    if not elements:
        return Suggestion(Mapping())
    if not items and (shape := known(elements[0])) is not None:
        grounds = {name: Ground.DOCUMENTED for name in GROUNDED if getattr(shape.mapping, name)}
        return Suggestion(shape.mapping, grounds, shape.tool)
    return _Guess(columns_of(elements[:50]), len(elements[:50])).made(items, kind_of(readable[0]))


GROUNDED = (
    "title",
    "severity",
    "state",
    "key",
    "service",
    "ci",
    "description",
    "occurred_at",
    "link",
    "group",
)


def kind_of(document: Any) -> SignalKind:
    """What well-known payloads are that are no alerts: handshakes and greetings are notes, deployments are changes."""
    if isinstance(document, dict):
        if (
            str(document.get("Type", "")).endswith("Confirmation")
            or document.get("type") == "url_verification"
        ):
            return SignalKind.NOTE
        if "zen" in document and "hook_id" in document:
            return SignalKind.NOTE
        if "deployment" in document:
            return SignalKind.CHANGE
    return SignalKind.TRIGGER


def _elements(document: Any, items: str) -> list[Any]:
    found = document.get(items) if items and isinstance(document, dict) else document
    return [each for each in found if each] if isinstance(found, list) else [found]


def _list_of(document: Any) -> str:
    """The name of the one list of objects at the top that holds the alerts, unless the top says more itself."""
    if not isinstance(document, dict):
        return ""
    for name, value in document.items():
        plain = "".join(names.words_of(str(name)))
        if plain in LISTS and isinstance(value, list) and value and isinstance(value[0], dict):
            above = {key: child for key, child in document.items() if not isinstance(child, dict | list)}
            if plain == "alerts" or _title_score([value[0]]) > _title_score([above]) + 5:
                return str(name)
    return ""


def _title_score(elements: list[Any]) -> float:
    columns = columns_of(elements)
    return max((_scored(column, names.TITLE, title_value, 1) for column in columns), default=0.0)


def _scored(column: Column, table: Values[str, int], fits: Callable[[Any], float], count: int) -> float:
    """How well a column is what `table` names, by name, place, presence and values; 0 when it can't be."""
    weight = max(table.get(column.name, 0), table.get(column.own, 0))
    if not weight and column.words and column.words[-1][-1:] and column.words[-1][-1] in names.WRITTEN:
        weight = table.get("".join(column.words[-1][:-1]), 0) - 6
    there = [value for value in column.values if value is not None]
    if weight <= 0 or not there or any(is_unfilled(value) for value in there):
        return 0.0
    worths = [fits(value) for value in there]
    if min(worths) <= -50:
        return 0.0
    aside = 34 * len(column.parents & names.ASIDE)
    about = 6 if column.parents & ABOUT else 0
    presence = 16 * (len(there) / count - 1)
    return weight + about - aside - 5 * (len(column.words) - 1) + presence + sum(worths) / len(worths)


class _Guess:
    """One proposal while it is made. `count`: how many elements the columns are of."""

    def __init__(self, columns: Sequence[Column], count: int) -> None:
        self.columns = columns
        self.count = count
        self.grounds: dict[str, Ground] = {}

    def made(self, items: str, kind: SignalKind) -> Suggestion:
        title, subject = self._title()
        state, words = self._state()
        severity = self._best("severity", names.SEVERITY, severity_value) or self._words_for_severity(state)
        ci = self._best("ci", names.CI, name_value)
        service = self._best("service", names.SERVICE, name_value)
        mapping = Mapping(
            items=f"$.{items}" if items.isidentifier() else f'$["{items}"]' if items else "",
            title=title,
            description=self._best(
                "description", names.DESCRIPTION, text_value, but=title if "{" not in title else ""
            ),
            severity=severity,
            state=state.path if state else "",
            key=self._key(state, title, subject, ci),
            service=service,
            ci=ci,
            group=self._best("group", names.GROUP, short_value),
            occurred_at=self._best("occurred_at", names.TIME, time_value),
            link=self._best("link", names.LINK, link_value),
            kind=kind,
        )
        if words is not None:
            mapping = msgspec.structs.replace(mapping, resolved=words[0], acknowledged=words[1])
        return Suggestion(mapping, self.grounds)

    def _ranked(
        self, table: Values[str, int], fits: Callable[[Any], float], but: str = ""
    ) -> list[tuple[float, Column]]:
        scored = [
            (_scored(column, table, fits, self.count), column)
            for column in self.columns
            if column.path != but
        ]
        return sorted((pair for pair in scored if pair[0] >= ENOUGH), key=lambda pair: -pair[0])

    def _best(self, name: str, table: Values[str, int], fits: Callable[[Any], float], but: str = "") -> str:
        ranked = self._ranked(table, fits, but)
        if not ranked:
            return ""
        chosen = ranked[0][1]
        if name == "title" and self.count > 2 and chosen.distinct == 1:  # one word for everything says little
            varied = [column for score, column in ranked if column.distinct > 1 and score > ranked[0][0] - 25]
            chosen = varied[0] if varied else chosen
        self.grounds[name] = Ground.VARIES if chosen.distinct > 1 else Ground.NAME
        return chosen.path

    def _title(self) -> tuple[str, str]:
        """The title, and what it is about where the title is only a message: then both stand in it."""
        title = self._best("title", names.TITLE, title_value) or self._anything()
        ranked = self._ranked(names.TITLE, title_value)
        chosen = next((column for column in self.columns if column.path == title), None)
        if chosen is None or chosen.own not in names.MESSAGES:
            return title, ""
        ci = next((column.path for _, column in self._ranked(names.CI, name_value)), "")
        subject = next(
            (column for _, column in ranked if column.path != ci and self._is_subject(column)), None
        )
        if subject is None:
            return title, ""
        return f"{{{subject.path}}}: {{{title}}}", subject.path

    def _is_subject(self, column: Column) -> bool:
        """Whether it names what a message is about: short, no message itself, and not one word for everything."""
        name = column.own
        short = all(
            isinstance(value, str) and len(value) <= 80 for value in column.values if value is not None
        )
        return name not in names.MESSAGES | names.SORTS and short and (self.count < 3 or column.distinct > 1)

    def _anything(self) -> str:
        """Where no name says so: the first text that has words."""
        texts = (
            column
            for column in self.columns
            if all(isinstance(value, str) and " " in value for value in column.values)
        )
        found = next(
            (column for column in texts if all(title_value(value) > 0 for value in column.values)), None
        )
        return found.path if found else ""

    def _state(self) -> tuple[Column | None, tuple[tuple[str, ...], tuple[str, ...]] | None]:
        """The column that says whether it goes on, and the words for over and for acknowledged, its own among them."""
        ranked = []
        for score, column in self._ranked(names.STATE, state_value):
            if {"previous", "old", "last", "from"} & {word for part in column.words for word in part}:
                continue
            said = {meaning(text) for text in column.texts}
            ranked.append((score + (40 if {"over", "going"} <= said else 0), column))
        ranked += [(ENOUGH - column.distinct, column) for column in self.columns if _says_both(column)]
        if ranked:
            chosen = max(ranked, key=lambda pair: pair[0])[1]
            both = {"over", "going"} <= {meaning(text) for text in chosen.texts}
            self.grounds["state"] = Ground.BOTH if both else Ground.NAME
            return chosen, _words_of(chosen)
        return self._flag()

    def _flag(self) -> tuple[Column | None, tuple[tuple[str, ...], tuple[str, ...]] | None]:
        """A boolean, or an instant that is only there when it is over."""
        for column in self.columns:
            there = [value for value in column.values if value is not None]
            if column.name in names.OVER | names.GOING and all(isinstance(value, bool) for value in there):
                self.grounds["state"] = Ground.NAME
                return column, (("true",) if column.name in names.OVER else ("false",), ())
        for column in self.columns:
            if column.name in names.ENDED_AT and all(instant(value) for value in column.values if value):
                self.grounds["state"] = Ground.NAME
                return column, (("*",), ())
        return None, None

    def _words_for_severity(self, state: Column | None) -> str:
        """A column of another name whose every value is a severity's word; `status: CRITICAL` says both."""
        for column in self.columns:
            texts = [text.lower() for text in column.texts]
            if column is not state and texts and all(text in WORDS for text in texts):
                self.grounds["severity"] = Ground.NAME
                return column.path
        if state is None or not any(text.lower() in SEVERITIES for text in state.texts):
            return ""
        self.grounds["severity"] = Ground.NAME
        return state.path

    def _key(self, state: Column | None, title: str, subject: str, ci: str) -> str:
        ranked = self._ranked(names.KEY, key_value)
        ends = self._ends(state)
        steady = [column for _, column in ranked if self._is_shared(column, ends)]
        if steady:
            self.grounds["key"] = Ground.SHARED
            return steady[0].path
        ids = [column for score, column in ranked if score >= 40 and not self._is_of_message(column, ends)]
        if ids:
            self.grounds["key"] = Ground.VARIES if ids[0].distinct > 1 else Ground.NAME
            return ids[0].path
        rules = [column.path for _, column in self._ranked(names.RULE, key_value)]
        what = rules[0] if rules else subject
        if what:  # a rule or a check, and where: the wording of a message is no identity
            self.grounds["key"] = Ground.NAME
            return f"{{{ci}}}/{{{what}}}" if ci and ci != what else what
        return self._composed(ends, title)

    def _ends(self, state: Column | None) -> list[tuple[int, bool]]:
        """Of which payloads it is known whether it is over there."""
        if state is None:
            return []
        said = [
            (number, meaning(text_of(value)))
            for number, value in enumerate(state.values)
            if value is not None
        ]
        return [(number, word == "over") for number, word in said if word in ("over", "going")]

    def _is_shared(self, column: Column, ends: list[tuple[int, bool]]) -> bool:
        """Whether a payload that is over and one that goes on have the same, and not all have."""
        over = {
            text_of(column.values[number])
            for number, ended in ends
            if ended and column.values[number] is not None
        }
        going = {
            text_of(column.values[number])
            for number, ended in ends
            if not ended and column.values[number] is not None
        }
        return bool(over & going) and (column.distinct > 1 or self.count <= 3)

    def _is_of_message(self, column: Column, ends: list[tuple[int, bool]]) -> bool:
        """Whether the id is new in each of several payloads although some of them end what others began."""
        both = any(ended for _, ended in ends) and any(not ended for _, ended in ends)
        return both and self.count > 2 and column.distinct == len(column.texts)

    def _composed(self, ends: list[tuple[int, bool]], title: str) -> str:
        """What varies in name, check and machine together, where the title is not steady from begin to end."""
        if not ends or any(self._is_shared(column, ends) for column in self.columns if column.path == title):
            self.grounds["key"] = Ground.DERIVED
            return ""
        parts: dict[str, Column] = {}
        for table in (names.CI, names.SERVICE, names.TITLE):
            for _, column in self._ranked(table, short_value):
                if self._is_shared(column, ends) and column.path not in parts:
                    parts[column.path] = column
                    break
        self.grounds["key"] = Ground.SHARED if parts else Ground.DERIVED
        return "/".join(f"{{{path}}}" for path in parts)


def _says_both(column: Column) -> bool:
    """Whether its values are words for states, of some payloads that it goes on and of others that it is over."""
    texts = {text.strip().lower() for text in column.texts}
    aside = {"previous", "old", "last", "from"} & {word for part in column.words for word in part}
    return not aside and bool(texts & OVER) and bool(texts & FIRING) and texts <= OVER | FIRING | DOING


def _words_of(column: Column) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The usual words for over and acknowledged, and this column's own."""
    own: Iterable[str] = dict.fromkeys(text.strip() for text in column.texts)
    said = [(word.lower(), meaning(word)) for word in own]
    over = [word for word, means in said if means == "over" and word not in RESOLVED]
    doing = [word for word, means in said if means == "doing" and word not in ACKNOWLEDGED]
    return (*RESOLVED, *over), (*ACKNOWLEDGED, *doing)
