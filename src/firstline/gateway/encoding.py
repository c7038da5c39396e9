"""Compressed bodies (`Content-Encoding`, RFC 9110 section 8.4.1): inflated within a limit, whatever they claim."""

import zlib

GZIP = 16 + zlib.MAX_WBITS
ZLIB = zlib.MAX_WBITS
RAW = -zlib.MAX_WBITS
WINDOWS = {b"gzip": GZIP, b"x-gzip": GZIP, b"deflate": ZLIB}
MOST_MEMBERS = 64


class NotEncoded(ValueError):
    """The body is not what its Content-Encoding says (400), is too large when inflated (413), or is packed in a way
    that isn't understood (415).
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def plain(body: bytes, encoding: bytes, limit: int) -> bytes:
    """`body` without its encoding, at most `limit` bytes. Never holds more than one byte beyond. Raises NotEncoded."""
    name = encoding.strip().lower()
    if name in (b"", b"identity"):
        return body
    if name not in WINDOWS:
        raise NotEncoded(415, f"Content-Encoding {name.decode('latin-1')!r}: use gzip, deflate or none")
    try:
        return _inflated(body, WINDOWS[name], limit)
    except zlib.error as error:
        if name != b"deflate":
            raise NotEncoded(400, f"the body is not {name.decode()}: {error}") from None
    try:  # many senders of "deflate" leave out zlib's frame
        return _inflated(body, RAW, limit)
    except zlib.error as error:
        raise NotEncoded(400, f"the body is not deflate: {error}") from None


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    """Members of a gzip file may follow each other (RFC 1952 section 2.2)."""
    parts: list[bytes] = []
    left = limit
    while body:
        if len(parts) == MOST_MEMBERS:
            raise NotEncoded(400, f"more than {MOST_MEMBERS} gzip members in one body")
        inflater = zlib.decompressobj(window)
        part = inflater.decompress(body, left + 1)
        left -= len(part)
        if left < 0:
            raise NotEncoded(413, f"the body inflates to more than {limit} bytes")
        if not inflater.eof:
            raise NotEncoded(400, "the compressed body ends too early")
        parts.append(part)
        body = inflater.unused_data if window == GZIP else b""
    return b"".join(parts)
