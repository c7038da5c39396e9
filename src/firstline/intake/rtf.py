"""Rich text as plain text: Outlook's compressed RTF (MS-OXRTFCP), and RTF in which HTML is wrapped (MS-OXRTFEX)."""

import re
import struct

LONGEST = 1024 * 1024  # bytes of RTF that are read
COMPRESSED = 0x75465A4C
PLAIN = 0x414C454D
DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain"
    b"\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
TOKEN = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})?[ ]?|\\'([0-9a-f]{2})|\\([^a-z'])|([{}])|([^\\{}\r\n]+)|[\r\n]+",
    re.I | re.S,
)
UNSEEN = {
    b"fonttbl",
    b"colortbl",
    b"stylesheet",
    b"info",
    b"pict",
    b"header",
    b"footer",
    b"object",
    b"htmltag",
}
SIGNS = {b"par": "\n", b"line": "\n", b"tab": "\t", b"emdash": "—", b"endash": "–", b"bullet": "•",
         b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”"}  # fmt: skip


def decompressed(content: bytes) -> bytes:
    """The RTF in a PR_RTF_COMPRESSED property, at most LONGEST bytes of it. Raises struct.error on too short a head."""
    _size, raw, magic, _crc = struct.unpack_from("<IIII", content)
    if magic == PLAIN:
        return content[16 : 16 + min(raw, LONGEST)]
    if magic != COMPRESSED:
        return b""
    window = bytearray(DICTIONARY) + bytearray(4096 - len(DICTIONARY))
    write, at, made = len(DICTIONARY), 16, bytearray()
    wanted = min(raw, LONGEST)
    while at < len(content) and len(made) < wanted:
        control = content[at]
        at += 1
        for bit in range(8):
            if not control >> bit & 1:
                if at >= len(content):
                    return bytes(made)
                piece = content[at : at + 1]
                at += 1
            else:
                if at + 2 > len(content):
                    return bytes(made)
                reference = content[at] << 8 | content[at + 1]
                at += 2
                read, length = reference >> 4, (reference & 15) + 2
                if read == write:
                    return bytes(made)
                piece = _copied(window, read, write, length)
            for byte in piece:
                window[write] = byte
                write = (write + 1) % 4096
            made += piece
    return bytes(made[:wanted])


def _copied(window: bytearray, read: int, write: int, length: int) -> bytes:
    """`length` bytes from `read` on; a run that reaches what it writes itself repeats it."""
    ahead = (write - read) % 4096
    if length <= ahead:
        return bytes(window[(read + step) % 4096] for step in range(length))
    return bytes(window[(read + step % ahead) % 4096] for step in range(length))


def text_of_rtf(rtf: bytes) -> str:
    """The text that a reader sees."""
    words: list[str] = []
    hidden: list[bool] = [False]
    html_only, charset, skip = False, "cp1252", 0
    for found in TOKEN.finditer(rtf[:LONGEST]):
        word, number, code, sign, brace, text = found.groups()
        if brace:
            hidden = (
                [*hidden, hidden[-1]]
                if brace == b"{" and len(hidden) < 200
                else hidden[: max(1, len(hidden) - 1)]
            )
        elif word in UNSEEN or sign == b"*":
            hidden[-1] = True
        elif word == b"ansicpg" and number:
            charset = f"cp{int(number)}"
        elif word == b"htmlrtf":
            html_only = number != b"0"
        elif not hidden[-1] and not html_only:
            said, skip = _said(word, number, code, sign, text, charset, skip)
            words.append(said)
    return re.sub(r"\n{3,}", "\n\n", "".join(words)).strip()


def _said(
    word: bytes | None,
    number: bytes | None,
    code: bytes | None,
    sign: bytes | None,
    text: bytes | None,
    charset: str,
    skip: int,
) -> tuple[str, int]:
    """What a token says, and how many characters after it stand for what was said in Unicode already."""
    if word == b"u" and number:
        return chr(int(number) % 65536) if not 0xD800 <= int(number) % 65536 < 0xE000 else "", 1
    if word in SIGNS:
        return SIGNS[word], 0
    if code:
        return ("", skip - 1) if skip else (_decoded(bytes([int(code, 16)]), charset), 0)
    if sign is not None:
        return {b"~": "\u00a0", b"\n": "\n", b"\r": "\n"}.get(
            sign, _decoded(sign, charset) if sign in b"\\{}" else ""
        ), 0
    if text:
        return _decoded(text[skip:], charset), 0
    return "", skip


def _decoded(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset, "replace")
    except LookupError:
        return raw.decode("cp1252", "replace")
