"""Bytes of a mail as text, whatever it claims about itself: charsets, encoded headers, HTML."""

import re
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from html.parser import HTMLParser
from inspect import signature

# what the standard library, or PostgreSQL, raises on broken input somewhere below
BROKEN = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RecursionError,
    MessageError,
)

# newer versions of Python refuse a whole list for one bad mailbox unless they are told not to
LENIENT = {"strict": False} if "strict" in signature(getaddresses).parameters else {}

# names that mean a larger set in practice than what they say
WIDER = {
    "": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "unknown-8bit": "utf-8",
    "x-unknown": "utf-8",
    "unknown": "utf-8",
    "default": "utf-8",
    "8bit": "utf-8",
    "binary": "utf-8",
    "utf8mb4": "utf-8",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "cp-850": "cp850",
}
BLOCKS = frozenset(
    [
        "p",
        "div",
        "tr",
        "li",
        "ul",
        "ol",
        "table",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "pre",
        "hr",
        "section",
        "article",
        "header",
        "footer",
        "dl",
        "dt",
        "dd",
    ]
)
UNSEEN = {"style", "script", "head", "title", "template", "noscript"}


def clean(text: str) -> str:
    """`text` with one kind of line end and without NUL and lone surrogates, which PostgreSQL refuses."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return text.encode("utf-8", "replace").decode("utf-8")


def decoded(raw: bytes, charset: str | None) -> str:
    """`raw` by its charset, by a wider one where the name is usually wrong, or by what fits."""
    name = (charset or "").strip(" \"'").lower()
    for candidate in (WIDER.get(name, name), "utf-8"):
        try:
            return clean(raw.decode(candidate))
        except (LookupError, ValueError):
            continue
    return clean(raw.decode("cp1252", "replace"))


def header(message: Message, name: str) -> str:
    """The first header of that name as readable text on one line; empty when there is none."""
    return next((readable(value, _charset(message)) for value in _written(message, name)), "")


def headers(message: Message, name: str) -> list[str]:
    """All headers of that name, as written, on one line each."""
    return [_one_line(_eight_bit(value, _charset(message))) for value in _written(message, name)]


def _written(message: Message, name: str) -> list[str]:
    """The values as they came: `get` would replace bytes beyond ASCII, which many programs write there."""
    try:
        return [str(value) for key, value in message.raw_items() if key.lower() == name.lower()]
    except BROKEN:
        return []


def _charset(message: Message) -> str | None:
    """The body's: what stands in a header without saying its charset is mostly in the same one."""
    try:
        return message.get_content_charset()
    except BROKEN:
        return None


def _eight_bit(value: str, charset: str | None) -> str:
    """`value` with the bytes in it that are no ASCII read as UTF-8, by `charset`, or as Windows' own."""
    if value.isascii():
        return value
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return clean(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return decoded(raw, charset)


def readable(value: str, charset: str | None = None) -> str:
    """A header value with its encoded words decoded; `charset` is that of what stands there without any."""
    value = _eight_bit(value, charset)
    try:
        parts = decode_header(_one_line(value))
    except BROKEN:
        return _one_line(clean(value))
    text = "".join(part if isinstance(part, str) else _part(part, name) for part, name in parts)
    return _one_line(clean(text))


def _part(raw: bytes, charset: str | None) -> str:
    """A piece of a header. Beside encoded words, Python gives the plain ones as if they were ASCII with escapes."""
    if charset is None:
        return raw.decode("raw-unicode-escape", "replace")
    return decoded(raw, charset)


def _one_line(value: str) -> str:
    return re.sub(r"\s*[\r\n]+\s*", " ", value).strip()


def addresses(values: list[str]) -> list[tuple[str, str]]:
    """(name, address) of each mailbox in the header values; addresses in lower case, without what is none."""
    try:
        found = getaddresses(values, **LENIENT)
    except (*BROKEN, IndexError):
        return []
    pairs = [(readable(name), clean(address).strip(" <>\"'").lower()) for name, address in found]
    return [(name, address[:254]) for name, address in pairs if "@" in address and " " not in address]


def body_of(part: Message) -> bytes:
    """The decoded bytes of a leaf; an attached message as it is; nothing where it cannot be decoded."""
    try:
        if part.is_multipart():
            inner = part.get_payload()
            return b"".join(item.as_bytes() for item in inner if isinstance(item, Message))
        payload = part.get_payload(decode=True)
    except (*BROKEN, KeyError, IndexError):
        return b""
    return payload if isinstance(payload, bytes) else b""


def text_of_html(markup: str) -> str:
    """The text that a reader sees, quotations with `> ` before each line."""
    reader = _Reader()
    try:
        reader.feed(markup)
        reader.close()
    except BROKEN:
        return clean(re.sub(r"<[^<>]*>", " ", markup)).strip()
    return reader.text()


class _Reader(HTMLParser):
    """Collects lines; knows how deep in quotations it is."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[tuple[int, str]] = []
        self._line = ""
        self._quotes = 0
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSEEN:
            self._unseen += 1
        elif tag == "br":
            self._break(keep_empty=True)
        elif tag == "blockquote":
            self._break()
            self._quotes += 1
        elif tag in BLOCKS:
            self._break()
            self._line += "- " if tag == "li" else ""

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "blockquote":
            self._break()
            self._quotes = max(0, self._quotes - 1)
        elif tag in BLOCKS:
            self._break()
            if tag == "p":
                self._lines.append((self._quotes, ""))

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._line += re.sub(r"\s+", " ", data)

    def _break(self, *, keep_empty: bool = False) -> None:
        if self._line.strip() or keep_empty:
            self._lines.append((self._quotes, self._line.strip()))
        self._line = ""

    def text(self) -> str:
        """Everything read so far."""
        self._break()
        lines = ["> " * min(depth, 20) + line for depth, line in self._lines]
        return re.sub(r"\n{3,}", "\n\n", clean("\n".join(lines))).strip()
