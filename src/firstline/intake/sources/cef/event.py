"""CEF and LEEF lines as values: pure, without a word about what they mean.

CEF: ArcSight Common Event Format, version 0.1 and 1 (`CEF:0|Vendor|Product|Version|Signature|Name|Severity|extension`;
`|` and `\\` are escaped in the header, `=`, `\\` and line breaks in the extension). LEEF: IBM QRadar's Log Event
Extended Format 1.0 (`LEEF:1.0|Vendor|Product|Version|EventID|attributes`, separated by tabs) and 2.0 (with a
separator of its own in the sixth field).
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise

BEGIN = re.compile(r"(?:^|(?<=[\s:\"']))(?P<format>CEF:\s?\d|LEEF:\s?\d\.\d)\|")
PIPE = re.compile(r"(?<!\\)(?:\\\\)*\|")
# a name stands at the beginning or behind white space and holds no sign that an URL or a text would
NAME = re.compile(r"(?:^|(?<=\s))([A-Za-z0-9_][\w.\-\[\]]{0,127})=")
ESCAPED = re.compile(r"\\([\\=|nr])")
MEANT = {"n": "\n", "r": "\r"}
HEX = re.compile(r"0?x([0-9a-fA-F]{1,4})")
MOST_FIELDS = 500
CEF_HEADER = 6  # fields between the version and the extension


class NotAnEvent(ValueError):
    """The text begins like an event and is none. Says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event. `name` and `severity` are empty in LEEF, which has them among its attributes. `fields` has custom
    fields of CEF (`cs1`) under their label as well.
    """

    format: str
    vendor: str
    product: str
    version: str
    signature: str
    name: str = ""
    severity: str = ""
    fields: dict[str, str] = field(default_factory=dict)


def find(text: str) -> int:
    """Where an event begins in a line (behind a syslog header); -1 when there is none."""
    match = BEGIN.search(text)
    return match.start("format") if match else -1


def read(text: str) -> Event:
    """The event that `text` begins with. Raises NotAnEvent."""
    match = BEGIN.match(text)
    if match is None:
        raise NotAnEvent("no CEF: or LEEF: at the beginning")
    rest = text[match.end() :]
    if match["format"].startswith("CEF"):
        return _cef(rest)
    return _leef(rest, match["format"].partition(":")[2].strip())


def _cef(rest: str) -> Event:
    header, extension = _header(rest, CEF_HEADER)
    vendor, product, version, signature, name, severity = header
    return Event(
        format="CEF",
        vendor=vendor,
        product=product,
        version=version,
        signature=signature,
        name=name,
        severity=severity,
        fields=_extension(extension),
    )


def _header(rest: str, count: int) -> tuple[list[str], str]:
    """`count` fields and what follows them. The last one may end the line instead."""
    fields: list[str] = []
    start = 0
    for match in PIPE.finditer(rest):
        fields.append(rest[start : match.end() - 1])
        start = match.end()
        if len(fields) == count:
            break
    else:
        if len(fields) < count - 1:
            raise NotAnEvent(f"{len(fields) + 1} fields in the header instead of {count}")
        fields.append(rest[start:])
        start = len(rest)
    return [ESCAPED.sub(_unescaped, each).strip() for each in fields], rest[start:]


def _unescaped(match: re.Match[str]) -> str:
    return MEANT.get(match[1], match[1])


def _extension(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in _pairs(text):
        name, _, value = pair.partition("=")
        found.setdefault(name, ESCAPED.sub(_unescaped, value.strip()))
    return _labelled(found)


def _pairs(text: str) -> list[str]:
    """`name=value` each, up to where the next name begins."""
    starts = [match.start(1) for match in NAME.finditer(text)][: MOST_FIELDS + 1]
    return [text[start:end] for start, end in pairwise([*starts[:MOST_FIELDS], len(text)])]


def _labelled(fields: dict[str, str]) -> dict[str, str]:
    """`cs1=x cs1Label=Policy` is also `Policy=x`."""
    named = {
        label: fields[name.removesuffix("Label")]
        for name, label in fields.items()
        if name.endswith("Label") and label and fields.get(name.removesuffix("Label"))
    }
    return named | fields


def _leef(rest: str, version: str) -> Event:
    parts = rest.split("|", 4)
    if len(parts) < 4:
        raise NotAnEvent(f"{len(parts)} fields in the header instead of 4")
    vendor, product, product_version, signature, *attributes = parts
    text = attributes[0] if attributes else ""
    separator = "\t"
    if version.startswith("2"):
        separator, text = _separator(text)
    return Event(
        format="LEEF",
        vendor=vendor.strip(),
        product=product.strip(),
        version=product_version.strip(),
        signature=signature.strip(),
        fields=_attributes(text, separator),
    )


def _separator(text: str) -> tuple[str, str]:
    """LEEF 2.0's own separator (a character or its hexadecimal number) and the attributes behind it. Some senders
    leave it out, with or without its pipe.
    """
    written, pipe, rest = text.partition("|")
    if not pipe or "=" in written[1:]:
        return "\t", text
    if (match := HEX.fullmatch(written)) is not None and len(written) > 1:
        return chr(int(match[1], 16)), rest
    return (written, rest) if len(written) == 1 else ("\t", rest if not written.strip() else text)


def _attributes(text: str, separator: str) -> dict[str, str]:
    parts = text.split(separator) if separator in text else [text]
    if len(parts) == 1:  # a relay may have turned tabs into spaces
        parts = _pairs(text) or parts
    found: dict[str, str] = {}
    for part in parts[:MOST_FIELDS]:
        name, sign, value = part.partition("=")
        if sign and name.strip():
            found.setdefault(name.strip(), value.strip())
    return found
