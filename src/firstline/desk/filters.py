"""The typed query language of lists: `is:open priority:P1,P2 group:first-line vpn lviv`. Pure.

A filter is a set of terms `key:value` (values of one key are alternatives, keys are all required) and free
words.
The canonical text of a filter is also its address, so a link, a saved view and a typed line are the same
thing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

KEYS = (
    "is",
    "state",
    "priority",
    "group",
    "owner",
    "service",
    "category",
    "caller",
    "hold",
    "channel",
    "opened",
    "resolved",
    "closed",
    "how",
)
FLAGS = (
    "open",
    "closed",
    "any",
    "mine",
    "unassigned",
    "major",
    "security",
    "late",
    "risk",
    "waiting",
    "replied",
    "reopened",
    "unread",
    "watched",
    "request",
)
STATES = ("new", "assigned", "in_progress", "on_hold", "resolved", "closed", "cancelled")
SORTS = ("work_next", "updated", "opened", "resolved")
_TOKEN = re.compile(r'(?:([a-z]+):)?(?:"([^"]*)"|(\S+))', re.IGNORECASE)
_AGE = re.compile(r"(\d{1,4})([hdw])")
_NUMBER = re.compile(r"(?:inc-?)?0*(\d{1,12})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    key: str
    value: str

    def __str__(self) -> str:
        value = f'"{self.value}"' if re.search(r"\s", self.value) else self.value
        return f"{self.key}:{value}"


@dataclass(frozen=True)
class Filter:
    """`terms` in the order typed, without repeats;

    `text`: free words; `wrong`: what was typed and means nothing.
    """

    terms: tuple[Term, ...] = ()
    text: str = ""
    wrong: tuple[str, ...] = ()

    def values(self, key: str) -> tuple[str, ...]:
        return tuple(term.value for term in self.terms if term.key == key)

    def has(self, key: str, value: str) -> bool:
        return Term(key, value) in self.terms

    def without(self, term: Term) -> "Filter":
        return replace(self, terms=tuple(t for t in self.terms if t != term))

    def plus(self, key: str, value: str) -> "Filter":
        return self if self.has(key, value) else replace(self, terms=(*self.terms, Term(key, value)))

    @property
    def number(self) -> int | None:
        """The incident's number, when the free text is one."""
        found = _NUMBER.fullmatch(self.text.strip())
        return int(found.group(1)) if found else None

    @property
    def only_open(self) -> bool:
        """Whether every incident that matches is open;

        decides the order and lets the partial indexes serve.
        """
        if any(self.values(key) for key in ("resolved", "closed", "how")):
            return False
        flags, states = set(self.values("is")), set(self.values("state"))
        if flags & {"closed", "any"}:
            return False
        if states:
            return not states & {"resolved", "closed", "cancelled"}
        return bool(flags - {"any"}) or not self.text

    def __str__(self) -> str:
        return " ".join([*map(str, self.terms), self.text]).strip()


def parse(text: str) -> Filter:
    """Read a typed line. A value that a key doesn't know goes to `wrong`; an unknown key is a free word."""
    terms: list[Term] = []
    words: list[str] = []
    wrong: list[str] = []
    for match in _TOKEN.finditer(text[:500]):
        key, quoted, bare = match.groups()
        value = (quoted if quoted is not None else bare or "").strip()
        if key is None or key.lower() not in KEYS:
            words.append(match.group(0))
            continue
        for part in [value] if quoted is not None else value.split(","):
            term = _term(key.lower(), part.strip())
            if term is None:
                wrong.append(f"{key}:{part}")
            elif term not in terms:
                terms.append(term)
    return Filter(tuple(terms), " ".join(words), tuple(wrong))


def from_parameters(parameters: Mapping[str, Sequence[str]]) -> Filter:
    """The filter of an address: `q` (a typed line), `f` (terms kept as chips) and each key as a parameter."""
    lines = [*parameters.get("f", ()), *parameters.get("q", ())]
    lines += [f'{key}:"{value}"' for key in KEYS for value in parameters.get(key, ()) if value]
    return parse(" ".join(lines))


def _term(key: str, value: str) -> Term | None:
    lowered = value.lower()
    if not value:
        return None
    if key == "priority":
        digits = lowered.removeprefix("p")
        return Term(key, f"P{digits}") if re.fullmatch(r"[0-9]", digits) else None
    if key == "is":
        return Term(key, lowered) if lowered in FLAGS else None
    if key == "state":
        state = lowered.replace("-", "_").replace(" ", "_")
        return Term(key, state) if state in STATES else None
    if key in ("opened", "resolved", "closed"):
        return Term(key, lowered) if _is_range(lowered) else None
    return Term(key, value if key in ("category", "caller") else lowered)


def _is_range(value: str) -> bool:
    try:
        span(value, now=datetime(2000, 1, 1, tzinfo=UTC))
    except (ValueError, OverflowError):  # the day after 9999-12-31
        return False
    return True


def span(value: str, *, now: datetime) -> tuple[datetime | None, datetime | None]:
    """The half-open stretch that `24h`, `7d`, `2026-11-01`, `2026-11-01..2026-11-30` or `..2026-11-30` names
    (UTC).

    `ValueError` when it names none.
    """
    if age := _AGE.fullmatch(value):
        count, unit = int(age.group(1)), age.group(2)
        length = {"h": timedelta(hours=count), "d": timedelta(days=count), "w": timedelta(weeks=count)}[unit]
        return now - length, None
    first, dots, last = value.partition("..")
    if not dots:
        last = first
    start = _midnight(date.fromisoformat(first)) if first else None
    end = _midnight(date.fromisoformat(last) + timedelta(days=1)) if last else None
    if start is None and end is None:
        raise ValueError(value)
    return start, end


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def words(text: str) -> list[str]:
    """The words of a search, fit for a prefix query:

    letters and digits of any script, in lower case, at most eight.
    """
    return re.findall(r"[^\W_]+", text.lower())[:8]


def combine(filters: Iterable[Filter]) -> Filter:
    """All conditions of several filters."""
    result = Filter()
    for one in filters:
        for term in one.terms:
            result = result.plus(term.key, term.value)
        result = replace(result, text=f"{result.text} {one.text}".strip(), wrong=(*result.wrong, *one.wrong))
    return result
