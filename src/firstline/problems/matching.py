"""Does a known error explain an incident? Pure: words in, a score with its reason out."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SHOWN_FROM = 0.35
_WORD = re.compile(r"\w+")
# Words that say nothing about what is wrong; deliberately few, in the languages that come first.
_COMMON = frozenset(
    _WORD.findall(
        "a an and are as at be by can cannot do does error for from has have i in is it my no not of on or our please "
        "problem since the this to was we when with you der die das ein eine ist nicht und es ich"
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownError:
    """What is matched on. `phrases` are the words that its author wrote for this purpose."""

    problem_id: int
    title: str
    phrases: tuple[str, ...] = ()
    service_id: int | None = None
    category_id: int | None = None


@dataclass(frozen=True, slots=True)
class Matched:
    """`score` from 0 to 1; `because` says on what: ("phrase", "load letter"), ("words", "printer tray")."""

    problem_id: int
    score: float
    because: tuple[tuple[str, str], ...]


def words(text: str) -> frozenset[str]:
    """The telling words of a text, lower-case, without inflection endings of plural."""
    found = (match.lower() for match in _WORD.findall(text))
    return frozenset(_stem(word) for word in found if word not in _COMMON and len(word) > 1)


def match(
    title: str,
    description: str,
    known: Iterable[KnownError],
    *,
    service_ids: Sequence[int] = (),
    category_id: int | None = None,
    limit: int = 5,
) -> list[Matched]:
    """Known errors that probably explain this report, best first.

    1. A phrase of the known error that stands in the text as whole words scores 0.7.
    2. The share of the title's telling words that stand in the text scores up to 0.6 (at least two words, or all).
    3. The same service (or one it depends on, `service_ids`) adds 0.2, the same category 0.1; another service halves.
    """
    text = " ".join(f"{title} {description}".lower().split())
    own = words(text)
    found = [_matched(error, text, own, service_ids, category_id) for error in known]
    kept = [result for result in found if result.score >= SHOWN_FROM]
    return sorted(kept, key=lambda result: (-result.score, result.problem_id))[:limit]


def _matched(
    error: KnownError, text: str, own: frozenset[str], service_ids: Sequence[int], category_id: int | None
) -> Matched:
    because: list[tuple[str, str]] = []
    score = 0.0
    phrase = next((phrase for phrase in error.phrases if _stands(phrase, text)), None)
    if phrase is not None:
        score = 0.7
        because.append(("phrase", phrase))
    wanted = words(error.title)
    shared = wanted & own
    if len(shared) >= min(2, len(wanted)) and shared:
        score = max(score, 0.6 * len(shared) / len(wanted))
        because.append(("words", " ".join(sorted(shared))))
    if not because:
        return Matched(error.problem_id, 0.0, ())
    if error.service_id is not None and service_ids:
        if error.service_id in service_ids:
            score += 0.2
            because.append(("service", "same" if error.service_id == service_ids[0] else "upstream"))
        else:
            score /= 2
    if error.category_id is not None and error.category_id == category_id:
        score += 0.1
        because.append(("category", "same"))
    return Matched(error.problem_id, round(min(score, 1.0), 3), tuple(because))


def phrases(text: str) -> tuple[str, ...]:
    """Phrases as people enter them: separated by commas or line ends."""
    parts = (" ".join(part.lower().split()) for part in re.split(r"[,;\n]", text))
    return tuple(dict.fromkeys(part for part in parts if part))


def _stands(phrase: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None


def _stem(word: str) -> str:
    if len(word) > 4 and word.endswith("es"):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
