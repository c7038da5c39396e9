"""Texts in a request's body, for formats that are text and travel in anything."""

from collections.abc import Iterator
from typing import Any

from firstline.intake.sources.parsing import ParseError, Received, decode_json

FRAME = (
    "application/syslog"  # content type of a row that is one message of a listener, whatever breaks are in it
)
FIELDS = ("message", "raw", "_raw", "rawEvent", "log", "event", "cef", "leef", "msg", "text", "original")
MOST = 10_000
DEEPEST = 4


def texts_of(row: Received) -> list[str]:
    """The texts in a row: the message itself, the lines of a body, or the text fields of its JSON.

    JSON that has no such field stays one text, for whoever can read it as a whole. Raises ParseError beyond MOST.
    """
    if row.content_type == FRAME:
        return [text_from(row.body)]
    found: list[str] = []
    for line in _wholes(row.body):
        found += line
        if len(found) > MOST:
            raise ParseError(f"more than {MOST} messages in one request")
    return found


def _wholes(body: bytes) -> Iterator[list[str]]:
    try:
        document = decode_json(body)
    except ParseError:
        for line in text_from(body).splitlines():
            if line.strip():
                yield _from_json(line) or [line]
        return
    yield list(_fields(document, DEEPEST)) or [text_from(body)]


def _from_json(line: str) -> list[str]:
    if not line.lstrip().startswith("{"):
        return []
    try:
        return list(_fields(decode_json(line.encode()), DEEPEST))
    except ParseError:
        return []


def _fields(value: Any, depth: int) -> Iterator[str]:
    """Texts of the wrappers' fields; nothing where an object has none of them."""
    if isinstance(value, str):
        if value.strip():
            yield value
    elif depth and isinstance(value, list):
        for each in value:
            yield from _fields(each, depth - 1)
    elif depth and isinstance(value, dict):
        for name in FIELDS:
            if isinstance(inner := value.get(name), str | dict | list) and inner:
                yield from _fields(inner, depth - 1)
                return


def text_from(raw: bytes) -> str:
    """UTF-8, with or without a byte order mark; what is none is read as Latin-1, as old devices write."""
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text.replace("\x00", "").strip("\r\n")
