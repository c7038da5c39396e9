"""What is in flight, and its bounds: past them a request is told to come again, and no queue grows."""

from collections import Counter
from types import TracebackType

from .asgi import Address
from .guesses import holder_of
from .settings import Settings

MOST_NAMELESS = 512  # requests of one address whose token is still to be read from their body


class Overloaded(Exception):
    """One more request or byte than the bounds allow."""


class Load:
    """Counts for one process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.requests = 0
        self.bytes = 0
        self.nameless: Counter[str] = Counter()


class Share:
    """One request's part of the load, with its body; given back at the end of the `with` block."""

    def __init__(self, load: Load, client: Address | None, *, nameless: bool) -> None:
        self._load = load
        self._client = holder_of(client) if nameless else ""
        self._nameless = nameless
        self._parts: list[bytes] = []
        self._size = 0

    def __enter__(self) -> "Share":
        load = self._load
        if load.requests >= load.settings.requests_in_flight:
            raise Overloaded
        if self._nameless:
            if load.nameless[self._client] >= MOST_NAMELESS:
                raise Overloaded
            load.nameless[self._client] += 1
        load.requests += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._load.requests -= 1
        self._load.bytes -= self._size
        if self._nameless:
            self._load.nameless[self._client] -= 1
            if not self._load.nameless[self._client]:
                del self._load.nameless[self._client]

    def keep(self, part: bytes) -> None:
        """One more part of the body. Raises Overloaded."""
        self._size += len(part)
        self._load.bytes += len(part)
        if self._load.bytes > self._load.settings.bytes_in_flight:
            raise Overloaded
        self._parts.append(part)

    def replace(self, body: bytes) -> bytes:
        """Hold `body` instead of what came. Raises Overloaded."""
        self._load.bytes -= self._size
        self._parts, self._size = [], 0
        self.keep(body)
        return body

    def body(self) -> bytes:
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
