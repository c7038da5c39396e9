"""Messages in a stream, RFC 6587: counted octets (`64 <13>…`), or each up to a line feed. Pure.

A sender may mix both. A message begins with `<`, so a number followed by a space and `<` is a count.
"""

import re

COUNT = re.compile(rb"([1-9]\d{0,7}) <")
COUNT_MAYBE = re.compile(rb"[1-9]\d{0,7} ?")
ENDS = (b"\r\n", b"\n", b"\0")


class Framer:
    """Takes bytes as they come and gives whole messages. Holds at most `limit` bytes and what was fed last.

    `too_large` counts messages longer than `limit`, which are passed over as a whole: the ones behind them are read.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._skip = 0  # octets of a counted message that is too large
        self._skip_line = False
        self.too_large = 0

    @property
    def empty(self) -> bool:
        """Whether nothing begun is waiting for its end."""
        return not self._buffer

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that `data` completes, without their framing; empty ones are left out."""
        self._buffer += data
        found: list[bytes] = []
        while self._buffer and (message := self._next()) is not None:
            if message:
                found.append(message)
        return found

    def end(self) -> list[bytes]:
        """What is left when the stream ends: a line without its end is a message, half of a counted one is not."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        lost = self._skip or self._skip_line or COUNT.match(rest)
        return [] if lost or not rest.strip() else [rest.rstrip(b"\r\n\0")]

    def _next(self) -> bytes | None:
        """The next message, empty where something was passed over; None: more is needed."""
        buffer = self._buffer
        if self._skip:
            gone = min(self._skip, len(buffer))
            del buffer[:gone]
            self._skip -= gone
            return b""
        if not self._skip_line:
            if (match := COUNT.match(buffer)) is not None:
                return self._counted(match.end(1) + 1, int(match[1]))
            if COUNT_MAYBE.fullmatch(buffer):
                return None
        return self._line()

    def _counted(self, start: int, length: int) -> bytes | None:
        buffer = self._buffer
        if length > self._limit:
            self.too_large += 1
            self._skip = length
            del buffer[:start]
            return b""
        if len(buffer) < start + length:
            return None
        message = bytes(buffer[start : start + length])
        del buffer[: start + length]
        return message.rstrip(b"\r\n\0")

    def _line(self) -> bytes | None:
        buffer = self._buffer
        end = buffer.find(b"\n")
        null = buffer.find(b"\0", 0, end if end >= 0 else len(buffer))
        end = null if null >= 0 else end
        if end < 0:
            if len(buffer) > self._limit:
                self.too_large += not self._skip_line
                self._skip_line = True
                buffer.clear()
            return None
        message = bytes(buffer[:end]).rstrip(b"\r")
        del buffer[: end + 1]
        if self._skip_line:
            self._skip_line = False
            return b""
        if len(message) > self._limit:
            self.too_large += 1
            return b""
        return message
