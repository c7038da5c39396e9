"""What every parser shares: its input, its one error, and the care that foreign text, numbers and
instants need.

A parser is a pure function `parse(row, settings) -> list[Signal]`. It may raise `ParseError` and nothing
else.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Protocol, TypeVar

import msgspec
from dateutil import parser as dates

from firstline.intake.signal import Signal

T = TypeVar("T")

TITLE_LENGTH = 500
KEY_LENGTH = 500
HAS_YEAR = re.compile(r"\b(?:19|20)\d\d|\b0001-")
ZONES = {
    "BST": 1,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "PST": -8,
    "PDT": -7,
}
HIGHEST_EPOCH = (
    4_102_444_800  # 2100-01-01 in seconds; more than that is milliseconds, then micro-, then nanoseconds
)


class ParseError(ValueError):
    """A row could not be understood; `place` says where (a path into the payload), for the person who
    mends it.
    """

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(f"{message} – at {place}" if place else message)
        self.message = message
        self.place = place


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One stored request, as a parser sees it."""

    id: int
    received_at: datetime
    body: bytes
    kind: str = "alert"
    content_type: str = ""
    headers: Mapping[str, str] = {}
    dedup_key: str | None = None


class Parser(Protocol):
    """The shape of every format's `parse`."""

    def __call__(self, row: Received, settings: Mapping[str, Any]) -> list[Signal]: ...


def decode_json(body: bytes) -> Any:
    """The JSON value in `body`.

    Accepts a byte order mark, lone surrogates and numbers beyond 64 bits, which are JSON although msgspec
    refuses them. Raises ParseError with the place that the decoder names.
    """
    text = body.removeprefix(b"\xef\xbb\xbf")
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        raise ParseError("nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _decode_leniently(text, str(error))


def decode_as(body: bytes, wanted: type[T]) -> T:
    """The JSON in `body` as `wanted`. Raises ParseError, with the path of the part that doesn't fit."""
    try:
        return msgspec.json.decode(body, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return msgspec.convert(decode_json(body), wanted)
        except msgspec.ValidationError as error:
            raise _located(str(error)) from None


def _decode_leniently(text: bytes, reason: str) -> Any:
    try:
        return _mended(json.loads(text.decode("utf-8"), parse_constant=_refuse_constant, parse_int=_number))
    except (ValueError, RecursionError):
        raise ParseError(reason) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _number(digits: str) -> int | str:
    """Integers beyond any use stay what they looked like."""
    return int(digits) if len(digits) < 19 else digits


def _mended(value: Any) -> Any:
    """Lone surrogates cannot be stored as text: they become the replacement character."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(item) for name, item in value.items()}
    return value


def _located(message: str) -> ParseError:
    text, _, place = message.partition(" - at `")
    return ParseError(text, place.rstrip("`"))


def text_of(value: object) -> str:
    """A leaf as text: without NUL, which PostgreSQL refuses, and without surrounding space; nothing
    for None.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return (value if "\x00" not in value else value.replace("\x00", "")).strip()
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int | float):
        text = _plain_number(value)
    elif isinstance(value, list | tuple) and not any(isinstance(item, list | dict) for item in value):
        text = ", ".join(text_of(item) for item in value)
    else:
        text = compact(value)
    return text.replace("\x00", "").strip()


def _plain_number(value: float) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def compact(value: object) -> str:
    """`value` as canonical JSON: names sorted, so that order is no identity."""
    return msgspec.json.encode(value, order="sorted").decode("utf-8", "replace")


def digest(*parts: object) -> str:
    """A short stable name (128 bits) of `parts`, for keys that a payload doesn't bring."""
    return hashlib.sha256(compact(parts).encode()).hexdigest()[:32]


def labels_digest(labels: Mapping[str, str]) -> str:
    """The identity of a label set; the order of labels never matters."""
    return digest(sorted(labels.items()))


def bounded_key(key: str) -> str:
    """`key`, or its digest where it is longer than a key may be: two long keys never become the same one."""
    clean = key.replace("\x00", "").strip()
    return clean if len(clean) <= KEY_LENGTH else f"{clean[: KEY_LENGTH - 33]}#{digest(clean)}"


def headline(text: str) -> tuple[str, str]:
    """A title of one line, and what did not fit into it (nothing is cut silently)."""
    clean = text.replace("\x00", "").strip()
    first, _, rest = clean.partition("\n")
    if len(first) > TITLE_LENGTH:
        return first[: TITLE_LENGTH - 1].rstrip() + "…", clean
    return first.strip(), rest.strip()


def joined(*paragraphs: str) -> str:
    """The paragraphs that say something, each once."""
    seen: list[str] = []
    for paragraph in paragraphs:
        text = paragraph.replace("\x00", "").strip()
        if text and text not in seen:
            seen.append(text)
    return "\n\n".join(seen)


def string_map(values: Mapping[str, Any]) -> dict[str, str]:
    """Leaf values as labels; what is empty is left out."""
    return {text_of(name): text for name, value in values.items() if (text := text_of(value))}


def unique(items: Iterable[T]) -> tuple[T, ...]:
    """The items, each once, in the order of their first appearance."""
    return tuple(dict.fromkeys(items))


def instant(value: object) -> datetime | None:
    """A foreign instant in UTC; None when there is none or it makes no sense.

    Understands RFC 3339 with any number of digits, offsets with and without a colon (and the dot that
    some scripts write), seconds, milli-, micro- and nanoseconds since 1970. Year 1, Alertmanager's "no
    time", is None.
    """
    if isinstance(value, bool) or value is None or value == "":
        return None
    if isinstance(value, int | float):
        return _from_epoch(float(value))
    text = text_of(value)
    if text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit():
        return _from_epoch(float(text)) if len(text) >= 9 else None
    return _from_text(text)


def _from_epoch(number: float) -> datetime | None:
    if not 0 < number < 1e20:
        return None
    while number > HIGHEST_EPOCH:
        number /= 1000
    return datetime.fromtimestamp(number, UTC) if number > 1 else None


def _from_text(text: str) -> datetime | None:
    if not 8 <= len(text) <= 64 or not HAS_YEAR.search(text):
        return None
    if text[-3] == "." and text[-6] in "+-":
        text = f"{text[:-3]}:{text[-2:]}"
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            found = dates.parse(text, tzinfos=_zone)
        except (ValueError, OverflowError, TypeError, AttributeError, ArithmeticError):
            return None
    try:
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year > 1 else None


def _zone(name: str | None, offset: int | None) -> tzinfo:
    """The abbreviations that tools write most; an unknown one counts as UTC."""
    seconds = offset if offset is not None else ZONES.get(name or "", 0) * 3600
    return timezone(timedelta(seconds=seconds))


def clamped(occurred_at: datetime | None, received_at: datetime) -> tuple[datetime, float]:
    """When it happened, never after it was received; and by how many seconds the sender's clock was ahead."""
    if occurred_at is None:
        return received_at, 0.0
    ahead = (occurred_at - received_at) / timedelta(seconds=1)
    return (received_at, ahead) if ahead > 0 else (occurred_at, 0.0)
