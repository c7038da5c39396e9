"""`winmail.dat`: what Outlook and Exchange wrap a whole message into (TNEF; MS-OXTNEF). Its text and files, or None.

A reader of our own, because the published one copies its input for each attribute and believes any count: a few hostile
megabytes keep it busy for hours. This one is linear, and bounded by `MOST`.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from firstline.intake.mailtext import clean, decoded, text_of_html
from firstline.intake.rtf import decompressed, text_of_rtf

SIGNATURE = 0x223E9F78
MOST = 5000  # attributes, properties
TEXT = 1_000_000  # characters of a body that are read

BODY = 0x800C
ATTACHMENT_BEGINS = 0x9002
ATTACHMENT_TITLE = 0x8010
ATTACHMENT_DATA = 0x800F
ATTACHMENT_PROPERTIES = 0x9005
MESSAGE_PROPERTIES = 0x9003
CODEPAGE = 0x9007

PR_BODY = 0x1000
PR_RTF = 0x1009
PR_HTML = 0x1013
PR_CODEPAGE = 0x3FDE
PR_DATA = 0x3701
PR_FILENAME = 0x3704
PR_LONG_FILENAME = 0x3707
PR_DISPLAY_NAME = 0x3001
PR_MIME_TYPE = 0x370E

FIXED = {0x02: 4, 0x03: 4, 0x04: 4, 0x0A: 4, 0x0B: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x14: 8, 0x40: 8, 0x48: 16}
TEXTUAL = (0x1E, 0x1F)
VARIABLE = (0x0D, 0x1E, 0x1F, 0x102)
MULTIPLE = 0x1000
NAMED = 0x8000
IDENTIFIER = 16  # bytes before the content of an embedded object


@dataclass(slots=True)
class File:
    """An attached file; an embedded message is one named `….dat`, in TNEF itself."""

    name: str = ""
    content_type: str = ""
    content: bytes = b""


@dataclass(slots=True)
class Unpacked:
    """What was inside."""

    text: str = ""
    files: list[File] = field(default_factory=list)


def unpacked(content: bytes) -> Unpacked | None:
    """What `content` holds; None when it is no TNEF or is broken: then it stays the file that it is."""
    try:
        return _read(content)
    except (struct.error, ValueError, LookupError, TypeError):
        return None


def _read(content: bytes) -> Unpacked | None:
    if len(content) < 6 or struct.unpack_from("<I", content)[0] != SIGNATURE:
        return None
    found, charset = Unpacked(), "cp1252"
    for name, data in _attributes(content):
        if name == CODEPAGE and len(data) >= 4:
            charset = _charset(struct.unpack_from("<I", data)[0])
        elif name == BODY and not found.text:
            found.text = _string(data, charset)
        elif name == MESSAGE_PROPERTIES:
            found.text = _body(dict(_properties(data)), charset) or found.text
        elif name == ATTACHMENT_BEGINS:
            found.files.append(File())
        elif found.files:
            _fill(found.files[-1], name, data, charset)
    found.files = [each for each in found.files if each.content]
    found.text = clean(found.text).strip("\n")
    return found if found.text or found.files else None


def _attributes(content: bytes) -> Iterator[tuple[int, memoryview]]:
    """Name and data of each attribute. Raises ValueError where one is longer than what is left."""
    view, at = memoryview(content), 6
    for _ in range(MOST):
        if at + 11 > len(view):
            return
        _level, name, _type, length = struct.unpack_from("<BHHI", view, at)
        if at + 9 + length + 2 > len(view):
            raise ValueError("cut off")
        yield name, view[at + 9 : at + 9 + length]
        at += 9 + length + 2


def _fill(file: File, name: int, data: memoryview, charset: str) -> None:
    if name == ATTACHMENT_TITLE:
        file.name = file.name or _string(data, charset)
    elif name == ATTACHMENT_DATA:
        file.content = bytes(data)
    elif name == ATTACHMENT_PROPERTIES:
        values = dict(_properties(data))
        for wanted in (PR_LONG_FILENAME, PR_FILENAME, PR_DISPLAY_NAME):
            if wanted in values:
                file.name = _value(values[wanted], charset) or file.name
                break
        if PR_MIME_TYPE in values:
            file.content_type = _value(values[PR_MIME_TYPE], charset)[:127]
        if PR_DATA in values and not file.content:
            file.content = bytes(values[PR_DATA][1])


def _properties(data: memoryview) -> Iterator[tuple[int, tuple[int, memoryview]]]:
    """(id, (type, first value)) of each MAPI property. Raises ValueError or struct.error when it makes no sense."""
    (count,) = struct.unpack_from("<I", data)
    at = 4
    for _ in range(min(count, MOST)):
        if at + 4 > len(data):
            return
        kind, number = struct.unpack_from("<HH", data, at)
        at += 4
        if number >= NAMED:
            at = _behind_name(data, at)
        values = 1
        if kind & MULTIPLE or kind in VARIABLE:
            (values,) = struct.unpack_from("<I", data, at)
            at += 4
        kind &= ~MULTIPLE
        if values > MOST:
            raise ValueError("too many values")
        first, at = _values(data, at, kind, values)
        yield number, (kind, first)


def _behind_name(data: memoryview, at: int) -> int:
    (named,) = struct.unpack_from("<I", data, at + 16)
    at += 20
    if named == 0:
        return at + 4
    (length,) = struct.unpack_from("<I", data, at)
    return int(at + 4 + _padded(length))


def _values(data: memoryview, at: int, kind: int, count: int) -> tuple[memoryview, int]:
    first = data[:0]
    for number in range(count):
        if kind in VARIABLE:
            (length,) = struct.unpack_from("<I", data, at)
            at += 4
        else:
            length = FIXED[kind]
        if at + length > len(data):
            raise ValueError("cut off")
        if number == 0:
            first = data[at + IDENTIFIER : at + length] if kind == 0x0D else data[at : at + length]
        at += _padded(length)
    return first, at


def _padded(length: int) -> int:
    return length + -length % 4


def _body(values: dict[int, tuple[int, memoryview]], charset: str) -> str:
    """Plain text where there is some, else of the HTML, else of the RTF."""
    if PR_CODEPAGE in values:
        charset = _charset(struct.unpack_from("<I", values[PR_CODEPAGE][1])[0])
    if PR_BODY in values and (text := _value(values[PR_BODY], charset)).strip():
        return text
    if PR_HTML in values:
        return text_of_html(_value(values[PR_HTML], charset))
    if PR_RTF in values:
        return text_of_rtf(decompressed(bytes(values[PR_RTF][1])))
    return ""


def _value(value: tuple[int, memoryview], charset: str) -> str:
    kind, data = value
    return _string(data, "utf-16-le" if kind == 0x1F else charset)


def _string(data: memoryview, charset: str) -> str:
    return decoded(bytes(data[:TEXT]), charset).replace("\x00", "").strip()


def _charset(codepage: int) -> str:
    return {65001: "utf-8", 20127: "us-ascii", 28591: "iso-8859-1", 50220: "iso-2022-jp"}.get(
        codepage, f"cp{codepage}"
    )
